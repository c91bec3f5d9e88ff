"""What a report comes to, counted so that nothing is counted twice: first attempts, evidence, exact claims apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.design import CONTROLS, FIRST, Catalogue, Locked, Registry, Scale
from harness.errors import ResultsError
from harness.stats import Outcome
from harness.verdict._results import Results
from harness.verdict._verdicts import DECIDED, ClaimVerdict, Verdicts


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """How many claims' predictions came out, `of` how many that were made when no result of the claim was known."""

    came_out: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Scoreboard:
    """The confirmatory verdicts on papers' claims, counted.

    `first` are first attempts: the earliest lock of each name, but for names that supersede others. So claims that were
    merged are several first attempts, and those that one was split into are one together; a claim that was withdrawn is
    one too. `again` has the claims that were locked again, whose predictions were made with an earlier result in hand;
    `withdrawn` those that no file defines any more; `pending` those of which a later lock has no rows yet. `shared` are
    groups of tested claims whose deciding comparison has the same numbers: one piece of evidence each. `reproduced` and
    `refuted` are (tested claims, pieces of evidence); `exact` and `errata` exact claims that were reproduced and
    refuted.
    """

    first: Attempts
    again: tuple[str, ...]
    withdrawn: tuple[str, ...]
    pending: tuple[str, ...]
    reproduced: tuple[int, int]
    refuted: tuple[int, int]
    open: int
    shared: tuple[tuple[str, ...], ...]
    exact: tuple[str, ...]
    errata: tuple[str, ...]


def scoreboard(results: Results, verdicts: Verdicts, registry: Registry, catalogue: Catalogue) -> Scoreboard:
    """Return the counts of a report."""
    papers = {id: verdict for id, verdict in verdicts.claims.items() if not id.startswith(f"{CONTROLS}/")}
    counted = {id: verdict for id, verdict in papers.items() if verdict.is_confirmatory}
    tested = {id: verdict for id, verdict in counted.items() if verdict.parts}
    groups = list(_evidence(results, verdicts, catalogue, tested))
    return Scoreboard(
        first=_first_attempts(verdicts, papers, registry),
        again=tuple(id for id in counted if len(registry.lineage(id, verdicts.scale)) > 1),
        withdrawn=tuple(verdicts.withdrawn),
        pending=tuple(id for id, verdict in papers.items() if pending(id, verdict, registry, verdicts.scale)),
        reproduced=_counted(groups, tested, Outcome.REPRODUCED),
        refuted=_counted(groups, tested, Outcome.REFUTED),
        open=sum(verdict.outcome not in DECIDED for verdict in tested.values()),
        shared=tuple(tuple(group) for group in groups if len(group) > 1),
        exact=tuple(id for id, verdict in counted.items() if verdict.exact and verdict.outcome is Outcome.REPRODUCED),
        errata=tuple(id for id, verdict in counted.items() if verdict.exact and verdict.outcome is Outcome.REFUTED),
    )


def pending(id: str, verdict: ClaimVerdict, registry: Registry, scale: Scale) -> list[Locked]:
    """Return the locks of a claim after the one that its verdict is of, without a verdict of their own."""
    told = {(each.claim or id, each.version, each.round) for each in verdict.earlier} | {
        (id, verdict.version, verdict.round)
    }
    return [
        entry
        for entry in registry.versions(id, scale)
        if (entry.version, entry.round) > (verdict.version, verdict.round)
        and (id, entry.version, entry.round) not in told
    ]


def _first_attempts(verdicts: Verdicts, papers: Mapping[str, ClaimVerdict], registry: Registry) -> Attempts:
    """Return how many first attempts came out as predicted, of those of which there is a verdict, then or later.

    One whose own verdict is stored no more did not come out.
    """
    outcomes: dict[tuple[str, int, int], Outcome] = {}
    earlier = {id: verdict.earlier for id, verdict in papers.items()} | dict(verdicts.withdrawn)
    for id, verdict in papers.items():
        if verdict.is_confirmatory:
            outcomes[id, verdict.version, verdict.round] = verdict.outcome
    for id, told in earlier.items():
        outcomes |= {(each.claim or id, each.version, each.round): each.outcome for each in told}
    judged = {id for id, told in earlier.items() if told or papers[id].is_confirmatory}
    entries = {entry for id in judged for entry in registry.lineage(id, verdicts.scale) if entry.paper != CONTROLS}
    firsts = [entry for entry in entries if registry.attempt(entry) == FIRST]
    came_out = [outcomes.get((each.claim, each.version, each.round)) == each.predicted for each in firsts]
    return Attempts(came_out=sum(came_out), of=len(firsts))


def _evidence(
    results: Results, verdicts: Verdicts, catalogue: Catalogue, tested: Iterable[str]
) -> Iterable[Sequence[str]]:
    """Return the claims by what they rest on: those whose deciding comparison has the same numbers are together."""
    groups: dict[bytes, list[str]] = {}
    for id in tested:
        part = verdicts.claims[id].deciding
        named = {each.name: each for each in catalogue.claims[id].design(verdicts.scale).parts}
        try:
            numbers = results.differences(id, named[part.name]).tobytes() if part else id.encode()
        except (KeyError, ResultsError):
            numbers = id.encode()
        groups.setdefault(numbers, []).append(id)
    return groups.values()


def _counted(groups: Iterable[Sequence[str]], tested: dict[str, ClaimVerdict], outcome: Outcome) -> tuple[int, int]:
    of = [[id for id in group if tested[id].outcome is outcome] for group in groups]
    return sum(map(len, of)), sum(map(bool, of))
