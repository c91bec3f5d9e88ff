"""What the report says of claims that were computed again on other machines: at its top, in their rows and sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.report._notation import interval, section_link
from harness.report._section import Origin, origin_of
from harness.verdict import ELSEWHERE, ClaimVerdict, Elsewhere, LeftOut, Repeat, Repeated

MARK = "†"  # of a claim that has another word elsewhere


@dataclass(frozen=True, kw_only=True)
class Row:
    """One deciding comparison on another machine, beside the report's own effect.

    Machine, verdict and whether its word is the same stand in the first row of a machine.
    """

    machine: str
    verdict: str
    word: str
    comparison: str
    here: str
    there: str


@dataclass(frozen=True, kw_only=True)
class Again:
    """What the report says of all claims that were computed again: `same` of them gave its word wherever that was.

    `turned` went from reproduced to refuted or back on some machine; `open` are the others, decided on one side only.
    `others` says of both what each was where. `left_out` is no second run of what is reported.
    """

    same: int
    of: int
    turned: Sequence[str]
    open: Sequence[str]
    others: Sequence[str]
    left_out: Sequence[LeftOut]


def again(found: Repeated, scale: str) -> Again:
    """Return what the report says of all claims that were computed again."""
    return Again(
        same=len(found.same),
        of=len(found.claims),
        turned=found.turned,
        open=[id for id in found.claims if id not in (*found.same, *found.turned)],
        others=[
            f"{section_link(id)}: {'; '.join(_other(repeat, scale) for repeat in repeats if not repeat.same_word)}"
            for id, repeats in found.claims.items()
            if id not in found.same
        ],
        left_out=found.left_out,
    )


def origins(reruns: Iterable[Elsewhere], repeated: Repeated) -> Mapping[str, Origin]:
    """Return where, when and with what re-runs were computed, by their folders: those of one device together.

    Those of which every claim was left out are not among them.
    """
    found: dict[str, list[Elsewhere]] = {}
    left = {(each.name, each.claim) for each in repeated.left_out}
    for rerun in (each for each in reruns if any((each.name, id) not in left for id in each.results.claims)):
        found.setdefault(origin_of(rerun.results.meta.records.values()).device, []).append(rerun)
    return {
        ", ".join(f"`{ELSEWHERE}/{rerun.name}`" for rerun in group): origin_of(
            record for rerun in group for record in rerun.results.meta.records.values()
        )
        for group in found.values()
    }


def marked(verdict_text: str, id: str, found: Repeated) -> str:
    """Return a claim's verdict as its row prints it: marked where another machine gave another word."""
    return f"**{verdict_text}**" + (f" {MARK}" if id in found.claims and id not in found.same else "")


def rows(repeats: Sequence[Repeat], scale: str) -> list[Row]:
    """Return a row per machine and deciding comparison of a claim."""
    made = []
    for repeat in repeats:
        here = {part.name: part for part in repeat.committed.parts}
        parts = [
            Row(
                machine=_machines(repeat),
                verdict=repeat.verdict.in_words(scale),
                word=_word(repeat),
                comparison=part.name,
                here=interval(here[part.name]) if part.name in here else "–",
                there=interval(part),
            )
            for part in repeat.verdict.parts
        ]
        made += [*parts[:1], *(replace(row, machine="", verdict="", word="") for row in parts[1:])]
    return made


def _machines(repeat: Repeat) -> str:
    several = " (the same digests: one piece of evidence)" if len(repeat.machines) > 1 else ""
    return " and ".join(repeat.machines) + several


def _word(repeat: Repeat) -> str:
    if repeat.same_word:
        return "the same"
    return "**turned**" if repeat.turned else "**lost**" if repeat.lost else "**another**"


def _other(repeat: Repeat, scale: str) -> str:
    """Say what a claim was elsewhere and what it is here, with the effects and what left it open there."""
    there, here = (_effect(verdict) for verdict in (repeat.verdict, repeat.committed))
    cause = f" ({repeat.verdict.cause})" if repeat.verdict.cause else ""
    return (
        f"{repeat.verdict.in_words(scale)} on {' and '.join(repeat.machines)}{there}{cause}; "
        f"{repeat.committed.in_words(scale)} here{here}"
    )


def _effect(verdict: ClaimVerdict) -> str:
    return f", {interval(verdict.deciding)}" if verdict.deciding else ""
