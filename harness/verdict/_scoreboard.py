"""What a report comes to, counted so that nothing is counted twice: first attempts, evidence, exact claims apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.design import CONTROLS, Catalogue, Registry
from harness.errors import ResultsError
from harness.stats import Outcome
from harness.verdict._results import Results
from harness.verdict._verdicts import DECIDED, ClaimVerdict, EarlierVersion, Verdicts


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """How many claims' predictions came out, `of` how many that were made when no result of the claim was known."""

    came_out: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Scoreboard:
    """The confirmatory verdicts on papers' claims, counted.

    `first` are first attempts: the earliest lock of a claim, or of one that it supersedes. `again` has the claims that
    were locked again, whose predictions were made with an earlier result in hand. `shared` are groups of tested claims
    whose deciding comparison has the same numbers: one piece of evidence each. `reproduced` and `refuted` are (tested
    claims, pieces of evidence); `exact` and `errata` exact claims that were reproduced and refuted.
    """

    first: Attempts
    again: tuple[str, ...]
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
    firsts = [came for id, verdict in counted.items() if (came := _first(id, verdict, verdicts, registry)) is not None]
    tested = {id: verdict for id, verdict in counted.items() if verdict.parts}
    groups = list(_evidence(results, verdicts, catalogue, tested))
    return Scoreboard(
        first=Attempts(came_out=sum(firsts), of=len(firsts)),
        again=tuple(id for id in counted if len(registry.lineage(id, verdicts.scale)) > 1),
        reproduced=_counted(groups, tested, Outcome.REPRODUCED),
        refuted=_counted(groups, tested, Outcome.REFUTED),
        open=sum(verdict.outcome not in DECIDED for verdict in tested.values()),
        shared=tuple(tuple(group) for group in groups if len(group) > 1),
        exact=tuple(id for id, verdict in counted.items() if verdict.exact and verdict.outcome is Outcome.REPRODUCED),
        errata=tuple(id for id, verdict in counted.items() if verdict.exact and verdict.outcome is Outcome.REFUTED),
    )


def _first(id: str, verdict: ClaimVerdict, verdicts: Verdicts, registry: Registry) -> bool | None:
    """Return whether the first attempt at a claim came out as predicted: not, where its verdict is stored no more."""
    entry = next(iter(registry.lineage(id, verdicts.scale)), None)
    if entry is None:
        return None
    first = (*verdict.earlier, verdict)[0]
    named = first.claim or id if isinstance(first, EarlierVersion) else id
    is_first = (named, first.version, first.round) == (entry.claim, entry.version, entry.round)
    return bool(is_first and first.outcome == entry.predicted)


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
