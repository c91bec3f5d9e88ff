"""From stored rows to verdicts: a pure function of the results, the claims and the registry. Knows no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.design import Asserted, Catalogue, Claim, Design, Locked, Part, Registry, asserted, design_of, metric
from harness.errors import ResultsError
from harness.stats import (
    Assessment,
    Comparison,
    Decision,
    Held,
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
from harness.verdict._standing import entry_of, rows_of, status_of
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


def judge_results(
    results: Results, registry: Registry, catalogue: Catalogue, earlier: Sequence[Results] = ()
) -> Verdicts:
    """Return the verdicts of all claims in `results`, sorted by id.

    A claim's family is every claim of its paper that was locked at this scale in its round; those without rows count as
    p = 1. `earlier` are rows of locks that later ones replaced: they count in the families of their rounds, and the
    verdicts on them are told with the claims'. A claim that is not locked is judged in the round that would be locked
    next. One that is not locked, was changed since, or ran on other replicates than the locked ones is exploratory: its
    verdict replaces none. Exact claims stand outside the families.

    Raises ResultsError for rows of a claim that nothing defines and none supersedes.
    """
    bench = Bench(results, (results, *earlier), registry, catalogue)
    scale = results.meta.scale
    known = [_known(id, catalogue) for id in results.claims if id not in registry.superseded(scale)]
    exploratory = [claim for claim in known if bench.status(claim)[0] is not Status.CONFIRMATORY]
    verdicts = {claim.id: bench.verdict(claim, exploratory) for claim in known}
    return Verdicts(scale=scale, claims=dict(sorted(verdicts.items())))


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
class _Tested:
    """A claim's parts, tested, without the others of its family; `both` has an interval or None for each part."""

    assessment: Assessment
    beside: tuple[PartResult, ...] = ()
    both: tuple[Interval | None, ...] = ()

    @property
    def compared(self) -> tuple[PartResult, ...]:
        return (*self.assessment.parts, *self.beside)


class Bench:
    """What verdicts are reached from: the rows at hand and those of earlier locks, and what was locked when."""

    def __init__(self, results: Results, sources: Sequence[Results], registry: Registry, catalogue: Catalogue) -> None:
        self.results, self.sources, self.registry, self.catalogue = results, sources, registry, catalogue
        self.scale = results.meta.scale
        self._tested: dict[Locked, _Tested | None] = {}

    def status(self, claim: Claim) -> tuple[Status, str]:
        """Return what a verdict on a claim counts for, and why."""
        return status_of(self.results, self.registry, claim)

    def placed(self, claim: Claim) -> int:
        """Return the round in which a claim's rows are judged: that of their lock, or the next one."""
        entry = entry_of(self.results, self.registry, claim)
        return self.registry.next_round if entry is None else entry.round

    def verdict(self, claim: Claim, exploratory: Sequence[Claim]) -> ClaimVerdict:
        """Return the verdict on a claim's rows; `exploratory` are the claims whose verdicts replace none."""
        entry, (status, reason) = entry_of(self.results, self.registry, claim), self.status(claim)
        design = design_of(claim, self.scale, self.results.meta.variant)
        told = _Told(
            entry=entry,
            round=self.placed(claim),
            status=status,
            reason=reason,
            predicted=claim.predicted[self.scale],
            earlier=self.earlier(claim, entry),
        )
        if design.exact:
            return _exact(self.results, claim.id, {each.name: str(each.expected) for each in design.exact}, told)
        tested = self.tested(entry) if entry is not None and status is Status.CONFIRMATORY else None
        family = self.family(claim.paper, told.round, exploratory)
        if tested is None:
            tested = _tested(self.results, claim.id, design)
        verdict = self.decided(family, None if status is Status.CONFIRMATORY else exploratory)[claim.id]
        return _judged(self.results, claim.id, tested, verdict, family, told)

    def earlier(self, claim: Claim, entry: Locked | None) -> tuple[EarlierVersion, ...]:
        """Return the verdicts on the locks of a claim, and of those that it supersedes, before the one at hand."""
        lineage = self.registry.lineage(claim.id, self.scale)
        printed = {each.version: each for each in self.results.meta.earlier.get(claim.id, ()) if not each.round}
        found = []
        for each in lineage[: lineage.index(entry)] if entry in lineage else lineage:
            if (again := self.again(each, claim.id)) is not None:
                found.append(again)
            elif each.claim == claim.id and not each.round and each.version in printed:
                found.append(printed[each.version])
        return tuple(found)

    def again(self, entry: Locked, id: str) -> EarlierVersion | None:
        """Return the verdict on an earlier entry, told with the claim `id`; None where its rows were not kept."""
        rows, text = rows_of(entry, self.sources), self.registry.text(entry)
        if rows is None or text is None:
            return None
        told = _Told(entry=entry, round=entry.round, status=Status.CONFIRMATORY, predicted=Outcome(entry.predicted))
        if "exact" in text:
            expected = {each["name"]: each["expected"] for each in text["exact"]}
            return _exact(rows, entry.claim, expected, told).in_short("" if entry.claim == id else entry.claim)
        family, tested = self.family(entry.paper, entry.round), self.tested(entry)
        assert tested is not None
        verdict = self.decided(family)[entry.claim]
        return _judged(rows, entry.claim, tested, verdict, family, told).in_short(
            "" if entry.claim == id else entry.claim
        )

    def family(self, paper: str, round_: int, exploratory: Sequence[Claim] = ()) -> Family:
        """Return the family of a paper in a round, with those that are not locked and would be in it."""
        if round_ < self.registry.next_round:
            ids = self.registry.family(paper, self.scale, round_)
        else:
            mine = (each for each in exploratory if each.paper == paper)
            ids = [each.id for each in mine if entry_of(self.results, self.registry, each) is None]
        return Family(round_, tuple(sorted(ids)), self.registry.alpha(paper, self.scale, round_))

    def decided(self, family: Family, exploratory: Sequence[Claim] | None = None) -> Mapping[str, Verdict]:
        """Return the verdicts of a family: on what was locked, or with the rows at hand of `exploratory` claims."""
        counted = self.counted(family)
        for claim in exploratory or ():
            if claim.id in counted:
                design = design_of(claim, self.scale, self.results.meta.variant)
                counted[claim.id] = _tested(self.results, claim.id, design).assessment
        return decide(counted, family.alpha, fair=family.fair)

    def counted(self, family: Family) -> dict[str, Assessment | None]:
        """Return what each claim of a family counts with: its locked parts on its rows, None without rows."""
        latest = {entry.claim: entry for entry in self._entries(family.round)}
        return {id: self._assessed(latest.get(id)) for id in family.ids}

    def _entries(self, round_: int) -> Sequence[Locked]:
        every = self.registry.rounds[round_].entries if round_ < self.registry.next_round else ()
        return [entry for entry in every if entry.scale == self.scale]

    def _assessed(self, entry: Locked | None) -> Assessment | None:
        tested = None if entry is None else self.tested(entry)
        return None if tested is None else tested.assessment

    def tested(self, entry: Locked) -> _Tested | None:
        """Return what an entry's parts come to on its rows; None without rows, or without what was locked."""
        if entry not in self._tested:
            rows, asserts = rows_of(entry, self.sources), self._asserted(entry)
            self._tested[entry] = None if rows is None or asserts is None else _tested(rows, entry.claim, asserts)
        return self._tested[entry]

    def _asserted(self, entry: Locked) -> Design | Asserted | None:
        """Return what was locked: the claim's design if it is that still, or else what the entry's text says."""
        claim = self.catalogue.claims.get(entry.claim)
        as_locked = claim is not None and claim.version == entry.version
        if claim is not None and as_locked and not self.registry.fault(claim, self.scale, entry):
            return claim.design(self.scale)
        text = self.registry.text(entry)
        return None if text is None else asserted(text)


def _tested(results: Results, claim: str, asserts: Design | Asserted) -> _Tested:
    try:
        return _Tested(
            assessment=Assessment(
                parts=tuple(compare_part(results, claim, part) for part in asserts.parts), decision=asserts.decision
            ),
            beside=tuple(compare_part(results, claim, part) for part in asserts.beside),
            both=tuple(_both(results, claim, part) for part in asserts.compared()),
        )
    except ResultsError as error:
        return _Tested(assessment=Assessment(parts=(), decision=asserts.decision, error=str(error)))


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What stands beside a verdict: of which entry it is, in which round, what it counts for, what was predicted."""

    entry: Locked | None
    round: int
    status: Status
    predicted: Outcome
    reason: str = ""
    earlier: tuple[EarlierVersion, ...] = ()


def _judged(
    results: Results, claim: str, tested: _Tested, verdict: Verdict, family: Family, told: _Told
) -> ClaimVerdict:
    if told.status is Status.QUICK:
        verdict = Verdict(outcome=Outcome.NOT_RUN, cause="quick run")
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


def _exact(results: Results, claim: str, expected: Mapping[str, str], told: _Told) -> ClaimVerdict:
    """Return the verdict of an exact claim, from what was observed when the results were collected."""
    known = results.claims[claim]
    verdict = exactly(known.exact, expected)
    if told.status is Status.QUICK:
        verdict = Verdict(outcome=Outcome.NOT_RUN, cause="quick run")
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


def _known(id: str, catalogue: Catalogue) -> Claim:
    if id not in catalogue.claims:
        raise ResultsError(
            f"the results hold rows of {id}, which no file under claims/ defines. Next: put its file back, or harness "
            f'run, which replaces the rows; where it has another name now, lock that with supersedes=("{id}",)'
        )
    return catalogue.claims[id]


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
