"""Verdicts as they are stored: what was tested and decided, put in the words and digits that files keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.stats import (
    Assessment,
    Decision,
    Held,
    Interval,
    Outcome,
    PartResult,
    Verdict,
    decide,
    decided_with,
    exactly,
    part_needs,
)
from harness.verdict._results import Results
from harness.verdict._tested import Tested
from harness.verdict._verdicts import (
    DECIDED,
    EXACT,
    Alone,
    ClaimVerdict,
    EarlierVersion,
    ExactQuantity,
    FloorVerdict,
    PartVerdict,
    Status,
)

QUICK = Verdict(outcome=Outcome.NOT_RUN, cause="a quick run decides nothing")

DIGITS_KEPT = 9  # significant digits in verdicts.json: more than anyone reads, fewer than differ between machines


@dataclass(frozen=True)
class Family:
    """The claims of a paper that are judged together, in which round they were locked, and at which level."""

    round: int
    ids: tuple[str, ...]
    alpha: float

    @property
    def fair(self) -> bool:
        """Whether sign-flip has a say only where it could still agree: from round 1 on."""
        return self.round > 0

    @property
    def held(self) -> Held:
        """What each of them is held to."""
        return Held(len(self.ids), self.alpha, fair=self.fair)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What stands beside a verdict: in which round it was reached, what it counts for, what was predicted."""

    round: int
    status: Status
    predicted: Outcome
    reason: str = ""
    earlier: tuple[EarlierVersion, ...] = ()


def stated(results: Results, claim: str, tested: Tested, verdict: Verdict, family: Family, told: Told) -> ClaimVerdict:
    """Return the verdict of a tested claim as it is stored, with all that was compared."""
    if told.status is Status.QUICK:
        verdict = QUICK
    assessment = tested.assessment
    printed = tuple(
        _part(part, assessment.decision, family.held, interval)
        for part, interval in zip(tested.compared, tested.both, strict=True)
    )
    return ClaimVerdict(
        version=results.claims[claim].version,
        status=told.status,
        status_reason=told.reason,
        predicted=told.predicted,
        outcome=verdict.outcome,
        qualifier=verdict.qualifier,
        cause=verdict.cause,
        p_rep=_rounded(verdict.p_rep),
        p_ref=_rounded(verdict.p_ref),
        needed=verdict.needed,
        decision=assessment.decision,
        family=family.ids,
        round=family.round,
        alpha=family.alpha,
        unchecked=verdict.unchecked,
        n=assessment.n,
        diverged=_diverged(results, claim),
        for_this_test_set=_is_for_this_test_set(tested, verdict.outcome),
        parts=printed[: len(assessment.parts)],
        beside=printed[len(assessment.parts) :],
        earlier=told.earlier,
    )


def stated_exact(results: Results, claim: str, expected: Mapping[str, str], told: Told) -> ClaimVerdict:
    """Return the verdict of an exact claim, from what was observed when the results were collected."""
    known = results.claims[claim]
    verdict = exactly(known.exact, expected)
    if told.status is Status.QUICK:
        verdict = QUICK
    return ClaimVerdict(
        version=known.version,
        status=told.status,
        status_reason=told.reason,
        predicted=told.predicted,
        outcome=verdict.outcome,
        qualifier=verdict.qualifier,
        cause=verdict.cause,
        p_rep=None,
        p_ref=None,
        needed=verdict.needed,
        decision=EXACT,
        family=(),
        round=told.round,
        n=0,
        diverged=0,
        parts=(),
        beside=(),
        exact=tuple(
            ExactQuantity(
                name=name,
                observed=known.exact.get(name, "missing"),
                expected=text,
                equal=known.exact.get(name) == text,
            )
            for name, text in expected.items()
        ),
        earlier=told.earlier,
    )


def _part(part: PartResult, decision: Decision, held: Held, both: Interval | None) -> PartVerdict:
    alone = decide({part.name: Assessment(parts=(part,), decision=decision)}, held.alpha, fair=held.fair)[part.name]
    return PartVerdict(
        name=part.name,
        kind=str(part.kind),
        bound=_round(part.bound),
        unit=part.unit,
        n=part.n,
        mean=_rounded(part.mean),
        sd=_rounded(part.sd),
        lower=_rounded(part.lower),
        upper=_rounded(part.upper),
        p_rep=_round(part.p_rep),
        p_ref=_round(part.p_ref),
        flip_rep=_round(part.flip_rep),
        flip_ref=_round(part.flip_ref),
        floors=tuple(
            FloorVerdict(
                name=floor.name,
                mean=_rounded(floor.mean),
                lower=_rounded(floor.lower),
                needed=_round(floor.needed),
                beaten=floor.beaten,
            )
            for floor in part.floors
        ),
        null_setting=part.null_setting,
        needed=part_needs(part, held),
        alone=Alone(outcome=alone.outcome, qualifier=alone.qualifier, cause=alone.cause),
        both=(_rounded(both.lower), _rounded(both.upper)) if both else None,
    )


def _is_for_this_test_set(tested: Tested, outcome: Outcome) -> bool:
    """Whether a verdict is decided, where other test examples might have left it open."""
    intervals = [
        (part, interval or part.interval)
        for part, interval in zip(tested.assessment.parts, tested.both, strict=False)  # not those beside
    ]
    return any(tested.both) and outcome in DECIDED and not decided_with(intervals, outcome)


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS_KEPT}g}")


def _rounded(value: float) -> float | None:
    return _round(value) if math.isfinite(value) else None


def _diverged(results: Results, claim: str) -> int:
    diverged = results.frame.loc[results.frame["diverged"], ["claim", "key", "replicate"]]
    return len(diverged[diverged["claim"] == claim].drop_duplicates())
