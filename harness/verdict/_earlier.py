"""Rows of earlier locks: they stay beside the report, so that every verdict that was printed can be reached again.

A file a round, ``earlier/SEED.parquet``, in the form of ``results.parquet``: its replicates' suite seed says which
round it is, wherever the round stands in the registry now. Of round 0, rows of versions that were replaced before this
were not kept; the verdicts on them travel as they were printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.design import Catalogue, Registry
from harness.errors import ResultsError
from harness.verdict import _results as stored
from harness.verdict._results import Results
from harness.verdict._standing import are_of, status_of
from harness.verdict._verdicts import Status

FOLDER = "earlier"


def read_earlier(report: Path) -> list[Results]:
    """Return the rows of earlier locks beside the report in a folder.

    Raises ResultsError as reading does, and for a file whose rows are not of the round that its name says: so that an
    entry's rows can stand in one file only.
    """
    found = []
    for file in sorted((report / FOLDER).glob("*.parquet")):
        rows = stored.read_results(file)
        plain = not (rows.meta.quick or rows.meta.variant)
        if not plain or any(str(rows.meta.seed(id)) != file.stem for id in rows.claims):
            raise ResultsError(f"{file} has rows of another suite seed than its name. Next: git checkout {file.parent}")
        found.append(rows)
    return found


def earlier_rows(
    results: Results, committed: Path, registry: Registry, *, whole: bool = False
) -> Mapping[str, Results]:
    """Return by name the files of earlier rows that belong beside `results`, which replace those of `committed`.

    They are those that stand there, and the committed rows of each entry from whose claim, or from one that supersedes
    it, `results` has rows of another entry; with `whole`, where `results` take the place of the committed ones, of each
    entry at all that `results` have no rows of.
    """
    if not (committed / "results.parquet").is_file():
        return {}
    scale, last = results.meta.scale, stored.read_results(committed / "results.parquet")
    if last.meta.scale != scale or results.meta.quick or results.meta.variant:
        return {}
    before, found = (*read_earlier(committed), last), dict[int, dict[str, Results]]()
    wanted = {entry for id in results.claims for entry in registry.lineage(id, scale)}
    wanted -= {registry.in_force(id, scale) for id in results.claims}  # they are no earlier ones
    for entry in registry.entries:
        if entry.scale == scale and (whole or entry in wanted) and not are_of(entry, results):
            for each in before:
                if are_of(entry, each):
                    found.setdefault(entry.suite_seed, {})[entry.claim] = each
    return {f"{seed}.parquet": _together(of, seed) for seed, of in sorted(found.items())}


def _together(rows: Mapping[str, Results], seed: int) -> Results:
    """Return as one the rows of each claim from its own results, all of the round with this suite seed.

    An exact claim has no replicates that would tell it.
    """
    import pandas as pd

    frames = [each.frame[each.frame["claim"] == id] for id, each in rows.items()]
    frame = pd.concat(frames, ignore_index=True)
    used = set(frame["record"].astype(str))
    meta = next(iter(rows.values())).meta
    claims = {id: replace(each.claims[id], suite_seed=seed) for id, each in rows.items()}
    records = {name: record for each in rows.values() for name, record in each.meta.records.items() if name in used}
    return Results(frame, replace(meta, claims=claims, records=dict(sorted(records.items())), earlier={}))


def write_earlier(files: Mapping[str, Results], report: Path) -> None:
    """Write files of earlier rows beside the report in a folder."""
    for name, rows in files.items():
        stored.write_results(rows, report / FOLDER / name)


def with_printed(results: Results, committed: Path, registry: Registry, *, whole: bool = False) -> Results:
    """Return `results` with the verdicts of round 0 that the report `committed` has as they were printed.

    Those of their claims and of what these supersede; with `whole`, as in `earlier_rows`, all of them.
    """
    if not (committed / "results.parquet").is_file():
        return results
    before = stored.read_results(committed / "results.parquet").meta.earlier
    mine = {entry.claim for id in results.claims for entry in registry.lineage(id, results.meta.scale)}
    kept = {id: told for id, told in before.items() if whole or id in mine}
    return replace(results, meta=replace(results.meta, earlier=kept)) if kept else results


def amended(committed: Path, catalogue: Catalogue, registry: Registry) -> list[str]:
    """Return the claims of the report `committed` whose rows cannot give its verdict any more.

    Another design is there now, or none, or another lock, and it has not been run.
    """
    results = stored.read_results(committed / "results.parquet")
    return [id for id in results.claims if _has_changed(id, results, catalogue, registry)]


def _has_changed(id: str, results: Results, catalogue: Catalogue, registry: Registry) -> bool:
    scale, claim = results.meta.scale, catalogue.claims.get(id)
    if claim is None or scale not in claim.predicted:
        return True
    force = registry.in_force(id, scale)
    if force is None:
        return results.claims[id].version != claim.version
    changed = force.version != claim.version or bool(registry.fault(claim, scale, force))
    return changed or any(are_of(each, results) for each in registry.versions(id, scale) if each != force)


def not_as_locked(committed: Path, catalogue: Catalogue, registry: Registry) -> dict[str, str]:
    """Return by claim why rows of the report `committed` are of no lock, though file and lock are as they were.

    Nothing that is run for a report gives such rows.
    """
    results = stored.read_results(committed / "results.parquet")
    found = {}
    for id in results.claims:
        locked = registry.in_force(id, results.meta.scale) is not None
        if locked and not _has_changed(id, results, catalogue, registry):
            status, reason = status_of(results, registry, catalogue.claims[id])
            if status is not Status.CONFIRMATORY:
                found[id] = reason
    return found


def unchanged(committed: Path, catalogue: Catalogue, registry: Registry) -> bool:
    """Whether there is a report in the folder `committed` whose claims are all as they were when they were run."""
    if not all((committed / name).is_file() for name in ("results.parquet", "verdicts.json", "report.md")):
        return False
    results = stored.read_results(committed / "results.parquet")
    scale, now = results.meta.scale, catalogue.claims
    return all(
        id in now and scale in now[id].predicted and known.digest in _digests(id, catalogue, registry, results)
        for id, known in results.claims.items()
    )


def _digests(id: str, catalogue: Catalogue, registry: Registry, results: Results) -> Sequence[str]:
    """Return the digests that rows of a claim as it is now may have: its own, and its entry's."""
    claim, scale = catalogue.claims[id], results.meta.scale
    entry = registry.find(claim, scale)
    locked = [entry.digest] if entry is not None and not registry.fault(claim, scale, entry) else []
    return [claim.digest(scale), *locked]
