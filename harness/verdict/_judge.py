"""From stored rows to verdicts: a pure function of the results, the claims and the registry. Knows no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.design import VARIANTS, Catalogue, Claim, Locked, Part, Registry, design_of, metric
from harness.errors import ResultsError
from harness.stats import (
    Assessment,
    Comparison,
    Decision,
    Held,
    Interval,
    Outcome,
    PartResult,
    Settled,
    Verdict,
    assess,
    decide,
    decided_with,
    exactly,
    part_needs,
    two_way_interval,
)
from harness.verdict._results import Results
from harness.verdict._verdicts import (
    DECIDED,
    EXACT,
    Alone,
    ClaimVerdict,
    ExactQuantity,
    FloorVerdict,
    PartVerdict,
    Status,
    Verdicts,
)

DIGITS_KEPT = 9  # significant digits in verdicts.json: more than anyone reads, fewer than differ between machines


def compare_part(results: Results, claim: str, part: Part) -> PartResult:
    """Return one part's test, from the rows of `claim`."""
    reference = results.read(claim, part.reference, part)
    return assess(
        Comparison(
            name=part.name,
            kind=part.kind,
            bound=part.bound,
            differences=results.differences(claim, part),
            floors={floor: reference - results.read(claim, floor, part) for floor in part.floors},
            null_setting=part.null_setting,
            unit=metric(part.metric).unit,
        )
    )


def judge_results(results: Results, registry: Registry, catalogue: Catalogue) -> Verdicts:
    """Return the verdicts of all claims in `results`, sorted by id.

    A claim's family is every claim of its paper that was locked at this scale in its round; those without rows, or an
    earlier verdict, count as p = 1. A claim that is not locked is judged in the round that would be locked next. One
    that is not locked, was changed since, or ran on other replicates than the locked ones is exploratory: its verdict
    replaces none. Exact claims stand outside the families.
    """
    scale = results.meta.scale
    verdicts: dict[str, ClaimVerdict] = {}
    claims: dict[str, Claim] = {}
    for id in results.claims:
        claim = _known(id, catalogue)
        if claim.design(scale).exact:
            verdicts[id] = _exact(results, registry, claim)
        else:
            claims[id] = claim
    tested = {id: _tested(results, claim) for id, claim in claims.items()}
    placed = {id: _round_of(results, registry, claim) for id, claim in claims.items()}
    for paper, round_ in sorted({(claims[id].paper, number) for id, number in placed.items()}):
        mine = [id for id in claims if claims[id].paper == paper and placed[id] == round_]
        locked = registry.family(paper, scale, round_) if round_ < registry.next_round else []
        family = _Family(
            round_,
            tuple(sorted({*(id for id in locked if id not in verdicts), *mine})),
            registry.alpha(paper, scale, round_),
        )
        fair = round_ > 0
        confirmatory = {id: _status(results, registry, claims[id])[0] is Status.CONFIRMATORY for id in mine}
        settled = {id: _settled(results, id, round_) for id in family.ids}
        every = {id: tested[id].assessment if id in mine else settled[id] for id in family.ids}
        counted = {id: each if confirmatory.get(id, True) else settled[id] for id, each in every.items()}
        decided = {True: decide(counted, family.alpha, fair=fair), False: decide(every, family.alpha, fair=fair)}
        for id in mine:
            verdict = decided[confirmatory[id]][id]
            verdicts[id] = _judged(results, registry, claims[id], tested[id], verdict, family)
    return Verdicts(scale=scale, claims=dict(sorted(verdicts.items())))


def _entry(results: Results, registry: Registry, claim: Claim) -> Locked | None:
    """Return the entry that a claim's rows are of: that of their round, or else the one in force."""
    scale, known = results.meta.scale, results.claims[claim.id]
    locked = [entry for entry in registry.versions(claim.id, scale) if entry.version == claim.version]
    return next((entry for entry in locked if entry.round == known.round), registry.find(claim, scale))


def _round_of(results: Results, registry: Registry, claim: Claim) -> int:
    entry = _entry(results, registry, claim)
    return registry.next_round if entry is None else entry.round


def _settled(results: Results, id: str, round_: int) -> Settled | None:
    """Return the p-values with which a claim counts that was judged in this round and locked again in a later one."""
    in_it = [each.settled for each in results.meta.earlier.get(id, ()) if each.round == round_]
    return in_it[-1] if in_it else None


@dataclass(frozen=True)
class _Family:
    """The claims of a paper that are judged together, in which round they were locked, and at which level."""

    round: int
    ids: tuple[str, ...]
    alpha: float


@dataclass(frozen=True, kw_only=True)
class _Tested:
    """A claim's parts, tested, without the others of its family; `both` has an interval or None for each part."""

    assessment: Assessment
    beside: tuple[PartResult, ...] = ()
    both: tuple[Interval | None, ...] = ()

    @property
    def compared(self) -> tuple[PartResult, ...]:
        return (*self.assessment.parts, *self.beside)


def _tested(results: Results, claim: Claim) -> _Tested:
    design = design_of(claim, results.meta.scale, results.meta.variant)
    try:
        return _Tested(
            assessment=Assessment(
                parts=tuple(compare_part(results, claim.id, part) for part in design.parts), decision=design.decision
            ),
            beside=tuple(compare_part(results, claim.id, part) for part in design.beside),
            both=tuple(_both(results, claim.id, part) for part in design.compared()),
        )
    except ResultsError as error:
        return _Tested(assessment=Assessment(parts=(), decision=design.decision, error=str(error)))


def _judged(
    results: Results, registry: Registry, claim: Claim, tested: _Tested, verdict: Verdict, family: _Family
) -> ClaimVerdict:
    status, reason = _status(results, registry, claim)
    if status is Status.QUICK:
        verdict = Verdict(outcome=Outcome.NOT_RUN, cause="quick run")
    assessment = tested.assessment
    held = Held(len(family.ids), family.alpha, fair=family.round > 0)
    printed = tuple(
        _part(part, assessment.decision, held, interval)
        for part, interval in zip(tested.compared, tested.both, strict=True)
    )
    return ClaimVerdict(
        version=results.claims[claim.id].version,
        status=status,
        status_reason=reason,
        predicted=claim.predicted[results.meta.scale],
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
        diverged=_diverged(results, claim.id),
        for_this_test_set=_is_for_this_test_set(tested, verdict.outcome),
        parts=printed[: len(assessment.parts)],
        beside=printed[len(assessment.parts) :],
        earlier=results.meta.earlier.get(claim.id, ()),
    )


def _exact(results: Results, registry: Registry, claim: Claim) -> ClaimVerdict:
    """Return the verdict of an exact claim, from what was observed when the results were collected."""
    scale, known = results.meta.scale, results.claims[claim.id]
    status, reason = _status(results, registry, claim)
    expected = {each.name: str(each.expected) for each in claim.design(scale).exact}
    verdict = exactly(known.exact, expected)
    if status is Status.QUICK:
        verdict = Verdict(outcome=Outcome.NOT_RUN, cause="quick run")
    return ClaimVerdict(
        version=known.version,
        status=status,
        status_reason=reason,
        predicted=claim.predicted[scale],
        outcome=verdict.outcome,
        qualifier=verdict.qualifier,
        cause=verdict.cause,
        p_rep=None,
        p_ref=None,
        needed=verdict.needed,
        decision=EXACT,
        family=(),
        round=_round_of(results, registry, claim),
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
        earlier=results.meta.earlier.get(claim.id, ()),
    )


def _known(id: str, catalogue: Catalogue) -> Claim:
    if id not in catalogue.claims:
        raise ResultsError(
            f"the results hold rows of {id}, which no file under claims/ defines. "
            "Next: put its file back, or harness run, which replaces the rows"
        )
    return catalogue.claims[id]


def _status(results: Results, registry: Registry, claim: Claim) -> tuple[Status, str]:
    entry = _entry(results, registry, claim)
    if results.meta.quick:
        return Status.QUICK, "a run of a few steps shows that the machinery works and nothing else"
    if results.meta.variant:
        return Status.EXPLORATORY, f"every training with {VARIANTS[results.meta.variant].words}"
    if entry is None:
        other = results.claims[claim.id].digest != claim.digest(results.meta.scale)
        return Status.EXPLORATORY, "not locked" + (
            ", and its design changed since these rows were computed" if other else ""
        )
    if differs := _differs(results, registry, claim, entry):
        return Status.EXPLORATORY, differs
    last = registry.versions(claim.id, results.meta.scale)[-1]
    if last.version != entry.version:
        return Status.EXPLORATORY, f"version {last.version} was locked later and is in force"
    return Status.CONFIRMATORY, f"locked {entry.locked}" + (f" in round {entry.round}" if entry.round else "")


def _differs(results: Results, registry: Registry, claim: Claim, entry: Locked) -> str:
    """Say in what the rows are not those of the locked design on its locked replicates; empty where they are."""
    known, scale, seed = results.claims[claim.id], results.meta.scale, results.meta.seed(claim.id)
    if known.version != claim.version:
        return f"the rows are of version {known.version}, the claim is version {claim.version}"
    fault = registry.fault(claim, scale, entry)
    if fault or known.digest != claim.digest(scale):
        return fault or "the rows were computed from another version of the design"
    run, locked = list(known.replicates), [replicate.index for replicate in entry.block()]
    if entry.replicates and seed != entry.suite_seed:
        return f"suite seed {seed} was used, not the locked {entry.suite_seed}"
    if len(run) != len(locked):
        return f"{len(run)} replicates were run, not the {len(locked)} that are locked"
    if run != locked:
        return f"replicates {run[0]} to {run[-1]} were run, not the locked {locked[0]} to {locked[-1]}"
    return ""


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


def _both(results: Results, claim: str, part: Part) -> Interval | None:
    """Return the interval over replicates and test examples, where the test set is fixed."""
    differences_RN = results.correct_differences(claim, part)
    return None if differences_RN is None or len(differences_RN) < 2 else two_way_interval(differences_RN)


def _is_for_this_test_set(tested: _Tested, outcome: Outcome) -> bool:
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
