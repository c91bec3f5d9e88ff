"""From stored rows to verdicts: a pure function of the results, the claims and the registry. Knows no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.design import Asserted, Catalogue, Claim, Design, Locked, Registry, asserted, design_of
from harness.errors import ResultsError
from harness.stats import Assessment, Outcome, Verdict, decide
from harness.verdict._results import Results
from harness.verdict._standing import entry_of, rows_of, status_of
from harness.verdict._stated import Family, Told, stated, stated_exact
from harness.verdict._tested import Tested, tested_on
from harness.verdict._verdicts import ClaimVerdict, EarlierVersion, Status, Verdicts


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


class Bench:
    """What verdicts are reached from: the rows at hand and those of earlier locks, and what was locked when."""

    def __init__(self, results: Results, sources: Sequence[Results], registry: Registry, catalogue: Catalogue) -> None:
        self.results, self.sources, self.registry, self.catalogue = results, sources, registry, catalogue
        self.scale = results.meta.scale
        self._tested: dict[Locked, Tested | None] = {}
        self._now: dict[str, Tested] = {}

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
        told = Told(
            round=self.placed(claim),
            status=status,
            reason=reason,
            predicted=claim.predicted[self.scale],
            earlier=self.earlier(claim, entry),
        )
        if design.exact:
            return stated_exact(self.results, claim.id, {each.name: str(each.expected) for each in design.exact}, told)
        family = self.family(claim.paper, told.round, exploratory)
        tested = self.tested(entry) if entry is not None and status is Status.CONFIRMATORY else None
        tested = self.now(claim) if tested is None else tested
        verdict = self.decided(family, () if status is Status.CONFIRMATORY else exploratory)[claim.id]
        return stated(self.results, claim.id, tested, verdict, family, told)

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
        told = Told(round=entry.round, status=Status.CONFIRMATORY, predicted=Outcome(entry.predicted))
        named = "" if entry.claim == id else entry.claim
        if "exact" in text:
            expected = {each["name"]: each["expected"] for each in text["exact"]}
            return stated_exact(rows, entry.claim, expected, told).in_short(named)
        family, tested = self.family(entry.paper, entry.round), self.tested(entry)
        assert tested is not None
        verdict = self.decided(family)[entry.claim]
        return stated(rows, entry.claim, tested, verdict, family, told).in_short(named)

    def family(self, paper: str, round_: int, exploratory: Sequence[Claim] = ()) -> Family:
        """Return the family of a paper in a round, with those that are not locked and would be in it."""
        if round_ < self.registry.next_round:
            ids = self.registry.family(paper, self.scale, round_)
        else:
            mine = (each for each in exploratory if each.paper == paper)
            ids = [each.id for each in mine if entry_of(self.results, self.registry, each) is None]
        return Family(round_, tuple(sorted(ids)), self.registry.alpha(paper, self.scale, round_))

    def decided(self, family: Family, exploratory: Sequence[Claim] = ()) -> Mapping[str, Verdict]:
        """Return the verdicts of a family: on what was locked, or with the rows at hand of `exploratory` claims."""
        counted = self.counted(family)
        counted |= {claim.id: self.now(claim).assessment for claim in exploratory if claim.id in counted}
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

    def now(self, claim: Claim) -> Tested:
        """Return what a claim's parts, as its file has them, come to on the rows at hand."""
        if claim.id not in self._now:
            design = design_of(claim, self.scale, self.results.meta.variant)
            self._now[claim.id] = tested_on(self.results, claim.id, design)
        return self._now[claim.id]

    def tested(self, entry: Locked) -> Tested | None:
        """Return what an entry's parts come to on its rows; None without rows, or without what was locked."""
        if entry not in self._tested:
            rows, asserts = rows_of(entry, self.sources), self._asserted(entry)
            self._tested[entry] = None if rows is None or asserts is None else tested_on(rows, entry.claim, asserts)
        return self._tested[entry]

    def _asserted(self, entry: Locked) -> Design | Asserted | None:
        """Return what was locked: the claim's design if it is that still, or else what the entry's text says."""
        claim = self.catalogue.claims.get(entry.claim)
        as_locked = claim is not None and claim.version == entry.version
        if claim is not None and as_locked and not self.registry.fault(claim, self.scale, entry):
            return claim.design(self.scale)
        text = self.registry.text(entry)
        return None if text is None else asserted(text)


def _known(id: str, catalogue: Catalogue) -> Claim:
    if id not in catalogue.claims:
        raise ResultsError(
            f"the results hold rows of {id}, which no file under claims/ defines. Next: put its file back, or harness "
            f'run, which replaces the rows; where it has another name now, lock that with supersedes=("{id}",)'
        )
    return catalogue.claims[id]
