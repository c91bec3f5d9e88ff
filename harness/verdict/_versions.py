"""Earlier locks of a claim: their verdicts travel with the results, so that the report prints every one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.design import Catalogue, Registry
from harness.verdict import _files as files
from harness.verdict import _results as stored
from harness.verdict._results import Results
from harness.verdict._verdicts import ClaimVerdict, EarlierVersion, MeanInterval


def carry_over(results: Results, committed: Path) -> Results:
    """Return `results` with the verdicts on earlier locks of its claims, from the report in the folder `committed`.

    These are its confirmatory verdicts on lower versions or in lower rounds, and what it had carried over itself, the
    first first, as ``earlier`` of the metadata; without any, the results are as they were. Raises ResultsError for a
    report that cannot be read.
    """
    if not ((committed / "verdicts.json").is_file() and (committed / "results.parquet").is_file()):
        return results
    last = files.read_verdicts(committed / "verdicts.json").claims
    before = stored.read_results(committed / "results.parquet").meta.earlier
    earlier: dict[str, tuple[EarlierVersion, ...]] = {}
    for id, known in results.claims.items():
        told = {(each.round, each.version): each for each in before.get(id, ())}
        if id in last and last[id].is_confirmatory:
            told.setdefault((last[id].round, last[id].version), _in_short(last[id]))
        if lower := tuple(told[at] for at in sorted(told) if at < (known.round, known.version)):
            earlier[id] = lower
    return replace(results, meta=replace(results.meta, earlier=earlier)) if earlier else results


def amended(committed: Path, catalogue: Catalogue, registry: Registry) -> list[str]:
    """Return the claims whose rows in the report `committed` are of another version or round than the claim is now.

    Such rows cannot give their verdict again: the design they were judged by is gone, or another lock is in force.
    """
    results = stored.read_results(committed / "results.parquet")
    now, found = catalogue.claims, []
    for id, known in results.claims.items():
        entry = registry.find(now[id], results.meta.scale) if id in now else None
        if id in now and (now[id].version != known.version or (entry is not None and entry.round != known.round)):
            found.append(id)
    return found


def unchanged(committed: Path, catalogue: Catalogue) -> bool:
    """Whether there is a report in the folder `committed` whose claims are all as they were when they were run."""
    if not all((committed / name).is_file() for name in ("results.parquet", "verdicts.json", "report.md")):
        return False
    results = stored.read_results(committed / "results.parquet")
    scale, now = results.meta.scale, catalogue.claims
    return all(
        id in now and scale in now[id].predicted and now[id].digest(scale) == known.digest
        for id, known in results.claims.items()
    )


def _in_short(verdict: ClaimVerdict) -> EarlierVersion:
    """Return what is kept of a verdict: its outcome, its replicates, and the effect of the part on which it rests."""
    part = verdict.deciding
    effect = part or MeanInterval(mean=None, lower=None, upper=None)
    return EarlierVersion(
        version=verdict.version,
        round=verdict.round,
        outcome=verdict.outcome,
        qualifier=verdict.qualifier,
        n=verdict.n,
        decision=verdict.decision,
        for_this_test_set=verdict.for_this_test_set,
        name=part.name if part else None,
        mean=effect.mean,
        lower=effect.lower,
        upper=effect.upper,
        unit=effect.unit,
        settled=verdict.settled if verdict.parts else None,
    )
