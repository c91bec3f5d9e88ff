"""From stored rows to verdicts: a pure function of the results, the claims and the registry. Knows no torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from harness.design import Asserted, Catalogue, Claim, Design, Locked, Registry, asserted, design_of
from harness.errors import ResultsError
from harness.stats import Assessment, Outcome, Verdict, decide
from harness.verdict._as_printed import check_printed
from harness.verdict._results import Results
from harness.verdict._standing import are_of, entry_of, rows_of, status_of
from harness.verdict._stated import Family, Told, stated, stated_exact
from harness.verdict._tested import Tested, tested_on
from harness.verdict._verdicts import ClaimVerdict, EarlierVersion, Status, Verdicts
from harness.verdict._whole import unlike


def judge_results(
    results: Results, registry: Registry, catalogue: Catalogue, earlier: Sequence[Results] = ()
) -> Verdicts:
    """Return the verdicts of all claims in `results`, sorted by id, and of every other lock that has rows here.

    A claim's family is every claim of its paper that was locked at this scale in its round; those without rows count as
    p = 1. `earlier` are rows of locks that others replaced: they count in the families of their rounds, and the
    verdicts on them are told with the claims that replaced them; where none did, as for a claim that no file defines
    any more, they are told as withdrawn. A claim that is not locked is judged in the round that would be locked next.
    One that is not locked, was changed since, or ran on other replicates than the locked ones is exploratory: its
    verdict replaces none. Exact claims stand outside the families.

    Raises ResultsError for rows that are not what was locked, of a claim that neither a file nor a lock defines, and
    for rows of a lock among the earlier ones though they are in force.
    """
    bench = Bench(results, (results, *earlier), registry, catalogue)
    bench.check(earlier)
    known = [catalogue.claims[id] for id in results.claims if bench.is_defined(id)]
    exploratory = [claim for claim in known if bench.status(claim)[0] is not Status.CONFIRMATORY]
    verdicts = {claim.id: bench.verdict(claim, exploratory) for claim in known}
    return Verdicts(
        scale=results.meta.scale,
        claims=dict(sorted(verdicts.items())),
        withdrawn=dict(sorted(bench.withdrawn(verdicts).items())),
    )


class Bench:
    """What verdicts are reached from: the rows at hand and those of earlier locks, and what was locked when."""

    def __init__(self, results: Results, sources: Sequence[Results], registry: Registry, catalogue: Catalogue) -> None:
        self.results, self.sources, self.registry, self.catalogue = results, sources, registry, catalogue
        self.scale = results.meta.scale
        self._tested: dict[Locked, Tested | None] = {}
        self._now: dict[str, Tested] = {}

    def is_defined(self, id: str) -> bool:
        """Whether a file defines a claim at this scale, and none was locked in its place."""
        claim = self.catalogue.claims.get(id)
        return claim is not None and self.scale in claim.predicted and id not in self.registry.superseded(self.scale)

    def check(self, earlier: Sequence[Results]) -> None:
        """Raise ResultsError for rows that are not those of their design, or that stand where they cannot be."""
        for id in self.results.claims:
            if not (self.is_defined(id) or self._is_locked(id, self.results)):
                raise ResultsError(
                    f"the results hold rows of {id}, which no file under claims/ defines and which are of no lock. "
                    "Next: put its file back, or harness run, which replaces the rows"
                )
            self._check_design(id, self.results)
        for rows in earlier:
            for id in rows.claims:
                if not self._is_locked(id, rows):
                    raise ResultsError(
                        f"the earlier rows of {id} are those of no lock. Next: git checkout the folder earlier/ of the "
                        "report"
                    )
                self._check_design(id, rows)
        for id in self.results.claims:
            force = self.registry.in_force(id, self.scale)
            if force is not None and rows_of(force, earlier) is not None and not are_of(force, self.results):
                raise ResultsError(
                    f"the rows of {id} that are in force, of version {force.version} in round {force.round}, stand "
                    f"among the earlier ones. Next: git checkout the report, or harness run {id}"
                )

    def _is_locked(self, id: str, rows: Results) -> bool:
        return any(are_of(entry, rows) for entry in self.registry.versions(id, self.scale))

    def _check_design(self, id: str, rows: Results) -> None:
        """Raise ResultsError where a claim's rows are not of the trainings of the design that they name."""
        if rows.meta.quick or rows.meta.variant:
            return
        arms = self._arms(id, rows.claims[id].digest)
        if arms is not None and (fault := unlike(rows, id, arms)):
            raise ResultsError(
                f"the rows of {id} are not those of the design that they name by its digest: {fault}. "
                f"Next: git checkout them, or harness run {id}"
            )

    def _arms(self, id: str, digest: str) -> Mapping[str, Any] | None:
        """Return by arm and density the keys of the design with a digest, locked or as it is now; None if not known."""
        for entry in self.registry.versions(id, self.scale):
            if entry.digest == digest and (text := self.registry.text(entry)) is not None:
                return cast(Mapping[str, Any], text["arms"])
        claim = self.catalogue.claims.get(id) if self.is_defined(id) else None
        if claim is None or claim.digest(self.scale) != digest:
            return None
        return cast(Mapping[str, Any], claim.locked_content(self.scale)["arms"])

    def status(self, claim: Claim) -> tuple[Status, str]:
        """Return what a verdict on a claim counts for, and why."""
        return status_of(self.results, self.registry, claim)

    def placed(self, claim: Claim) -> int:
        """Return the round in which a claim's rows are judged: that of their lock, or the next one.

        A tested claim that was locked as an exact one is in no family of that round.
        """
        entry = entry_of(self.results, self.registry, claim)
        tested = not claim.design(self.scale).exact
        return self.registry.next_round if entry is None or (tested and not entry.replicates) else entry.round

    def verdict(self, claim: Claim, exploratory: Sequence[Claim]) -> ClaimVerdict:
        """Return the verdict on a claim's rows; `exploratory` are the claims whose verdicts replace none."""
        entry, (status, reason) = entry_of(self.results, self.registry, claim), self.status(claim)
        design = design_of(claim, self.scale, self.results.meta.variant)
        told = Told(
            round=self.placed(claim),
            status=status,
            reason=reason,
            predicted=claim.predicted[self.scale],
            earlier=self.earlier(claim, entry if status is Status.CONFIRMATORY else None),
        )
        if design.exact:
            return stated_exact(self.results, claim.id, {each.name: str(each.expected) for each in design.exact}, told)
        family = self.family(claim.paper, told.round, exploratory)
        tested = self.tested(entry) if entry is not None and status is Status.CONFIRMATORY else None
        tested = self.now(claim) if tested is None else tested
        verdict = self.decided(family, () if status is Status.CONFIRMATORY else exploratory)[claim.id]
        return stated(self.results, claim.id, tested, verdict, family, told)

    def earlier(self, claim: Claim, entry: Locked | None) -> tuple[EarlierVersion, ...]:
        """Return the verdicts on the other locks of a claim, and of those that it supersedes, than the one at hand.

        All of them where it is on none: a claim that was changed keeps the verdict of its lock beside it.
        """
        lineage = self.registry.lineage(claim.id, self.scale)
        return tuple(self._told(claim.id, [each for each in lineage if each != entry]))

    def withdrawn(self, told: Collection[str]) -> Mapping[str, tuple[EarlierVersion, ...]]:
        """Return by claim the verdicts on locks that are told with none of the claims `told`."""
        within = {entry.claim for id in told for entry in self.registry.lineage(id, self.scale)}
        apart: dict[str, list[Locked]] = {}
        for entry in self.registry.entries:
            if entry.scale == self.scale and entry.claim not in within:
                apart.setdefault(entry.claim, []).append(entry)
        found = {id: tuple(self._told(id, entries)) for id, entries in apart.items()}
        return {id: verdicts for id, verdicts in found.items() if verdicts}

    def _told(self, id: str, entries: Iterable[Locked]) -> Iterator[EarlierVersion]:
        """Yield what is told of entries with the claim `id`; of round 0 as it was printed, where no rows were kept."""
        for entry in entries:
            printed = {each.version: each for each in self.results.meta.earlier.get(entry.claim, ()) if not each.round}
            if (again := self.again(entry, id)) is not None:
                yield again
            elif not entry.round and entry.version in printed:
                check_printed(entry.claim, printed[entry.version])
                yield replace(printed[entry.version], claim="" if entry.claim == id else entry.claim)

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
            ids = [each.id for each in mine if self.placed(each) == round_]
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
