"""Re-runs: rows of a report's replicates from other machines, kept beside it and never in the place of its own.

Each lies in a folder of its own under ``elsewhere/``, as the run wrote it, and is judged by itself. It counts for a
claim where it is of the replicates and the locked design that the report has rows of, computed anew; else it is left
out, and the report says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import ResultsError
from harness.population import Provenance
from harness.stats import Outcome
from harness.verdict import _results as stored
from harness.verdict._results import Results
from harness.verdict._verdicts import DECIDED, ClaimVerdict, Verdicts, is_turn

ELSEWHERE = "elsewhere"  # beside the report: one folder a re-run, with its results.parquet and verdicts.json


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A re-run: the name of its folder, its rows, and what they come to by themselves."""

    name: str
    results: Results
    verdicts: Verdicts


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """What a claim comes to on the same replicates elsewhere, and the verdict of the report.

    `machines` are where it was computed: several where all gave the same digests, which is one piece of evidence.
    """

    machines: tuple[str, ...]
    committed: ClaimVerdict
    verdict: ClaimVerdict

    @property
    def same_word(self) -> bool:
        """Whether it was reproduced, refuted or left open as in the report."""
        return self.verdict.outcome is self.committed.outcome

    @property
    def turned(self) -> bool:
        """Whether one of the two is reproduced and the other refuted."""
        return is_turn(self.verdict.outcome, self.committed.outcome)

    @property
    def lost(self) -> bool:
        """Whether the report's verdict is decided and this one is not."""
        return self.committed.outcome in DECIDED and self.verdict.outcome is Outcome.INCONCLUSIVE


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A claim that a re-run has rows of, which are no second run of the report's, and why."""

    name: str
    claim: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """The claims of a report that were computed again elsewhere, by id, and what was left out."""

    claims: Mapping[str, tuple[Repeat, ...]]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def same(self) -> tuple[str, ...]:
        """The claims that gave the same word wherever they were computed."""
        return tuple(id for id, each in self.claims.items() if all(repeat.same_word for repeat in each))

    @property
    def turned(self) -> tuple[str, ...]:
        """The claims that turned on another machine."""
        return tuple(id for id, each in self.claims.items() if any(repeat.turned for repeat in each))


def read_elsewhere(folder: Path, results: Results) -> dict[str, Results]:
    """Return the rows of each re-run beside the report in `folder`, by name, of tested claims.

    Raises ResultsError for rows of another scale, and for what cannot be read.
    """
    found = {}
    for path in sorted((folder / ELSEWHERE).glob("*/results.parquet")):
        rows = stored.read_results(path)
        if rows.meta.scale != results.meta.scale:
            raise ResultsError(
                f"{path} has rows of scale {rows.meta.scale}, beside a report of scale {results.meta.scale}. "
                f"Next: move its folder to reports/{rows.meta.scale}/{ELSEWHERE}"
            )
        found[path.parent.name] = _only(rows, {id for id, known in rows.claims.items() if known.replicates})
    return found


def judge_elsewhere(folder: Path, results: Results, judged: Callable[[Results], Verdicts]) -> tuple[Elsewhere, ...]:
    """Return the re-runs beside the report in `folder`, those of its claims as `judged`, each by itself."""
    return tuple(
        Elsewhere(name=name, results=rows, verdicts=judged(_only(rows, results.claims.keys())))
        for name, rows in read_elsewhere(folder, results).items()
    )


def _only(rows: Results, ids: Collection[str]) -> Results:
    """Return rows with what is known of some claims alone."""
    return Results(rows.frame, replace(rows.meta, claims={id: of for id, of in rows.claims.items() if id in ids}))


def repeated(results: Results, verdicts: Verdicts, reruns: Iterable[Elsewhere]) -> Repeated:
    """Return what re-runs say of the claims of a report, from its rows and verdicts."""
    fitting: dict[str, list[Elsewhere]] = {}
    left_out = []
    for rerun in reruns:
        for id in rerun.results.claims:
            if why := _unlike(results, verdicts, rerun, id):
                left_out.append(LeftOut(name=rerun.name, claim=id, why=why))
            else:
                fitting.setdefault(id, []).append(rerun)
    claims = {id: tuple(_repeats(id, verdicts.claims[id], fitting[id])) for id in verdicts.claims if id in fitting}
    return Repeated(claims=claims, left_out=tuple(left_out))


def _unlike(results: Results, verdicts: Verdicts, rerun: Elsewhere, id: str) -> str:
    """Say why rows of a claim are no second run of the report's; empty where they are."""
    mine, other = verdicts.claims.get(id), rerun.verdicts.claims.get(id)
    if mine is None or other is None:
        return "the report has no rows of it"
    for whose, verdict in (("", other), ("the report's own rows are exploratory: ", mine)):
        if not verdict.is_confirmatory:
            return whose + verdict.status_reason
    if (mine.version, mine.round) != (other.version, other.round):
        return f"version {other.version} in round {other.round}, the report has version {mine.version} in {mine.round}"
    if shared := _records(results, id) & _records(rerun.results, id):
        return f"{len(shared)} of its populations are the report's own, computed once"
    if same := _kinds(results, id) & _kinds(rerun.results, id):
        return f"it was computed on the report's own kind of machine: {', '.join(sorted(kind[0] for kind in same))}"
    mine_by_digest, other_by_digest = (each.claims[id].digests for each in (results, rerun.results))
    if mine_by_digest and mine_by_digest == other_by_digest and results.trained(id):
        return "it has the report's own digests: nothing was rounded otherwise there"
    return ""


def _repeats(id: str, committed: ClaimVerdict, reruns: Sequence[Elsewhere]) -> Iterator[Repeat]:
    """Yield what a claim came to in each re-run, those with the same digests and verdict together."""
    alike: dict[Hashable, list[Elsewhere]] = {}
    for rerun in reruns:
        digests = _digests(rerun.results, id) if len(reruns) > 1 else None
        alike.setdefault((digests, _by_itself(rerun.verdicts.claims[id])), []).append(rerun)
    for group in alike.values():
        machines = dict.fromkeys(machine for rerun in group for machine in _machines(rerun.results, id))
        yield Repeat(machines=tuple(machines), committed=committed, verdict=group[0].verdicts.claims[id])


def _by_itself(verdict: ClaimVerdict) -> tuple[Hashable, ...]:
    """Return what a verdict says of its claim's own rows: without p-values over a family of which others were run."""
    return verdict.outcome, verdict.qualifier, verdict.cause, verdict.parts, verdict.beside, verdict.diverged


def _digests(results: Results, id: str) -> frozenset[tuple[object, ...]]:
    """Return what each replicate of a claim came to: the digest of all that was computed for it, and each accuracy."""
    rows = results.frame[(results.frame["claim"] == id) & (results.frame["metric"] == "test_accuracy")]
    known = results.claims[id]
    return frozenset(
        (
            *zip(known.replicates, known.digests, strict=False),
            *zip(*(rows[name] for name in ("key", "replicate", "value")), strict=True),
        )
    )


def _records(results: Results, id: str) -> set[str]:
    return set(results.frame["record"][results.frame["claim"] == id].unique())


def _kinds(results: Results, id: str) -> set[tuple[str, str]]:
    """Return the kinds of machine that a claim's rows are from: what computed, and the instructions it has."""
    records = [results.meta.records[name] for name in _records(results, id)]
    return {(machine(record), record.instructions) for record in records}


def _machines(results: Results, id: str) -> list[str]:
    return sorted({machine(results.meta.records[name]) for name in _records(results, id)})


def machine(record: Provenance) -> str:
    """Return what computed a record, in words: the GPU's name, or the processor's."""
    return record.device if record.device != "cpu" else record.processor or "another processor"
