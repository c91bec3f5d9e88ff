"""From stored rows to verdicts: a pure function of the results, the claims and the registry. Knows no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.design import PERCENTAGE_POINTS, VARIANTS, Catalogue, Claim, Part, Registry, Scale, design_of, metric
from harness.errors import ResultsError
from harness.stats import (
    Assessment,
    Comparison,
    Decision,
    Interval,
    Outcome,
    PartResult,
    Verdict,
    assess,
    decide,
    decided_with,
    exactly,
    part_needs,
    two_way_interval,
)
from harness.verdict._results import Results
from harness.verdict._verdicts import CONFIRMATORY, EXACT, EXPLORATORY, FORMAT, QUICK

DIGITS_KEPT = 9  # significant digits in verdicts.json: more than anyone reads, fewer than differ between machines


def compare_part(results: Results, claim: str, part: Part) -> PartResult:
    """Return one part's test, from the rows of `claim`."""
    reference = results.read(claim, part.reference, part)
    return assess(
        Comparison(
            name=part.name,
            kind=part.kind,
            bound_pp=part.bound_pp,
            differences_pp=results.differences(claim, part),
            floors={floor: reference - results.read(claim, floor, part) for floor in part.floors},
            null_setting=part.null_setting,
            unit=metric(part.metric).unit,
        )
    )


def judge_results(results: Results, registry: Registry, catalogue: Catalogue) -> dict[str, Any]:
    """Return the verdicts of all claims in `results`, ready for ``verdicts.json``.

    A claim's family is every claim of its paper that is locked at this scale; those without rows count as p = 1. A
    claim that is not locked, was changed since, or ran on other replicates than the locked ones is exploratory: it is
    judged in the same family and its verdict replaces none. Exact claims stand outside the families.
    """
    scale = Scale(results.meta["scale"])
    verdicts: dict[str, Any] = {}
    claims: dict[str, Claim] = {}
    for id in results.claims:
        claim = _known(id, catalogue)
        if claim.design(scale).exact:
            verdicts[id] = _exact(results, registry, claim, scale)
        else:
            claims[id] = claim
    designs = {id: design_of(claim, scale, results.variant) for id, claim in claims.items()}
    assessments: dict[str, Assessment] = {}
    beside: dict[str, list[PartResult]] = {}
    both: dict[str, list[Interval | None]] = {}
    for id, design in designs.items():
        try:
            parts = tuple(compare_part(results, id, part) for part in design.parts)
            beside[id] = [compare_part(results, id, part) for part in design.beside]
            both[id] = [_both(results, id, part) for part in design.compared()]
            assessments[id] = Assessment(parts=parts, decision=design.decision)
        except ResultsError as error:
            assessments[id] = Assessment(parts=(), decision=design.decision, error=str(error))
            beside[id], both[id] = [], []
    for paper in sorted({claim.paper for claim in claims.values()}):
        locked = {id for id in registry.family(paper, scale) if id not in verdicts}
        members = sorted({*locked, *(id for id in claims if claims[id].paper == paper)})
        family: dict[str, Assessment | None] = {id: assessments.get(id) for id in members}
        decided = decide(family)
        for id in members:
            if id in claims:
                known = _described(results, registry, claims[id], scale)
                decision, parts = designs[id].decision, assessments[id].parts
                printed = [
                    _part(part, decision, len(members), interval)
                    for part, interval in zip([*parts, *beside[id]], both[id], strict=True)
                ]
                verdicts[id] = {
                    **known,
                    "family": members,
                    "decision": decision,
                    "n": assessments[id].n,
                    "diverged": _diverged(results, id),
                    **_verdict(decided[id], known["status"]),
                    **_test_set(parts, both[id], decided[id].outcome),
                    "parts": printed[: len(parts)],
                    "beside": printed[len(parts) :],
                }
    return {"format": FORMAT, "scale": scale, "claims": dict(sorted(verdicts.items()))}


def _described(results: Results, registry: Registry, claim: Claim, scale: Scale) -> dict[str, Any]:
    status, why = _status(results, registry, claim, scale)
    earlier = results.meta.get("earlier", {}).get(claim.id, [])
    return {
        "version": results.claims[claim.id]["version"],
        "status": status,
        "status_reason": why,
        "predicted": claim.predicted[scale],
        **({"earlier": earlier} if earlier else {}),
    }


def _exact(results: Results, registry: Registry, claim: Claim, scale: Scale) -> dict[str, Any]:
    """Return the verdict of an exact claim, from what was observed when the results were collected."""
    known = _described(results, registry, claim, scale)
    observed = results.claims[claim.id].get("exact", {})
    expected = {each.name: str(each.expected) for each in claim.design(scale).exact}
    compared = [
        {"name": name, "observed": observed.get(name, "missing"), "expected": text, "equal": observed.get(name) == text}
        for name, text in expected.items()
    ]
    return {
        **known,
        "family": [],
        "decision": EXACT,
        "n": 0,
        "diverged": 0,
        **_verdict(exactly(observed, expected), known["status"]),
        "p_rep": None,
        "p_ref": None,
        "parts": [],
        "beside": [],
        "exact": compared,
    }


def _known(id: str, catalogue: Catalogue) -> Claim:
    if id not in catalogue.claims:
        raise ResultsError(f"the results hold rows of {id}, which no file under claims/ defines. Next: harness list")
    return catalogue.claims[id]


def _status(results: Results, registry: Registry, claim: Claim, scale: Scale) -> tuple[str, str]:
    known = results.claims[claim.id]
    if results.meta["quick"]:
        return QUICK, "a run of a few steps shows that the machinery works and nothing else"
    if results.variant:
        return EXPLORATORY, f"every training with {VARIANTS[results.variant].words}"
    entry = registry.find(claim, scale)
    if entry is None:
        return EXPLORATORY, "not locked"
    if known["version"] != claim.version:
        return EXPLORATORY, f"the rows are of version {known['version']}, the claim is version {claim.version}"
    if known["digest"] != entry.digest or claim.digest(scale) != entry.digest:
        return EXPLORATORY, registry.fault(claim, scale) or "the rows were computed from another version of the design"
    run, locked = known["replicates"], [replicate.index for replicate in entry.block()]
    if results.meta["suite_seed"] != entry.suite_seed:
        return EXPLORATORY, f"suite seed {results.meta['suite_seed']} was used, not the locked {entry.suite_seed}"
    if len(run) != len(locked):
        return EXPLORATORY, f"{len(run)} replicates were run, not the {len(locked)} that are locked"
    if run != locked:
        return EXPLORATORY, f"replicates {run[0]} to {run[-1]} were run, not the locked {locked[0]} to {locked[-1]}"
    return CONFIRMATORY, f"locked {entry.locked}"


def _verdict(verdict: Verdict, status: str) -> dict[str, Any]:
    if status == QUICK:
        return {
            "outcome": Outcome.NOT_RUN,
            "qualifier": "",
            "cause": "quick run",
            "p_rep": 1.0,
            "p_ref": 1.0,
            "needed": None,
        }
    return {name: _rounded(value) for name, value in asdict(verdict).items()}


def _part(part: PartResult, decision: Decision, family: int, both: Interval | None) -> dict[str, Any]:
    alone = decide({part.name: Assessment(parts=(part,), decision=decision)})[part.name]
    told = asdict(part) | {"kind": str(part.kind)}
    described = {name: _rounded(value) for name, value in told.items() if name not in ("floors", "unit")}
    floors = [{name: _rounded(value) for name, value in asdict(floor).items()} for floor in part.floors]
    return {
        **described,
        **({} if part.unit == PERCENTAGE_POINTS else {"unit": part.unit}),
        "floors": floors,
        "needed": part_needs(part, claims=family),
        "alone": {"outcome": alone.outcome, "qualifier": alone.qualifier, "cause": alone.cause},
        **({"both": [_rounded(both.lower), _rounded(both.upper)]} if both else {}),
    }


def _both(results: Results, claim: str, part: Part) -> Interval | None:
    """Return the interval over replicates and test examples, where the test set is fixed."""
    differences_RN = results.correct_differences(claim, part)
    return None if differences_RN is None or len(differences_RN) < 2 else two_way_interval(differences_RN)


def _test_set(parts: Sequence[PartResult], both: Sequence[Interval | None], outcome: Outcome) -> dict[str, bool]:
    """Return that a decided verdict is for this test set, where other test examples might have left it open."""
    intervals = [
        (part, interval or part.interval)
        for part, interval in zip(parts, both, strict=False)  # what stands beside decides nothing
    ]
    if not any(both) or outcome not in (Outcome.REPRODUCED, Outcome.REFUTED) or decided_with(intervals, outcome):
        return {}
    return {"for_this_test_set": True}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if not math.isfinite(value) else float(f"{value:.{DIGITS_KEPT}g}")
    return value


def _diverged(results: Results, claim: str) -> int:
    frame = results.frame
    mine = frame[(frame["claim"] == claim) & frame["diverged"]]
    return int(mine[["key", "replicate"]].drop_duplicates().shape[0])
