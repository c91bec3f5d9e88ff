"""Earlier versions of amended claims: their verdicts travel with the results, so that the report prints every one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.design import Catalogue, Scale
from harness.verdict import _results as stored
from harness.verdict import _verdicts as verdicts
from harness.verdict._results import Results
from harness.verdict._verdicts import deciding


def carry_over(results: Results, committed: Path) -> Results:
    """Return `results` with the verdicts on lower versions of its claims, from the report in the folder `committed`.

    These are its confirmatory verdicts and what it had carried over itself, lowest version first, under ``earlier`` in
    the metadata; without any, the metadata is as it was. Raises ResultsError for a report that cannot be read.
    """
    if not ((committed / "verdicts.json").is_file() and (committed / "results.parquet").is_file()):
        return results
    last = verdicts.read_verdicts(committed / "verdicts.json")["claims"]
    before = stored.read_results(committed / "results.parquet").meta.get("earlier", {})
    earlier: dict[str, list[dict[str, Any]]] = {}
    for id, known in results.claims.items():
        told = {each["version"]: each for each in before.get(id, [])}
        if id in last and last[id]["status"] == verdicts.CONFIRMATORY:
            told.setdefault(last[id]["version"], _in_short(last[id]))
        if lower := [told[version] for version in sorted(told) if version < known["version"]]:
            earlier[id] = lower
    return replace(results, meta={**results.meta, "earlier": earlier}) if earlier else results


def amended(committed: Path, catalogue: Catalogue) -> list[str]:
    """Return the claims whose rows in the report `committed` are of another version than the claim is now.

    Such rows cannot give their verdict again: the design they were judged by is gone.
    """
    claims = stored.read_results(committed / "results.parquet").claims
    now = catalogue.claims
    return [id for id, known in claims.items() if id in now and now[id].version != known["version"]]


def unchanged(committed: Path, catalogue: Catalogue) -> bool:
    """Whether there is a report in the folder `committed` whose claims are all as they were when they were run."""
    if not all((committed / name).is_file() for name in ("results.parquet", "verdicts.json", "report.md")):
        return False
    results = stored.read_results(committed / "results.parquet")
    scale = Scale(results.meta["scale"])
    now = catalogue.claims
    return all(
        id in now and scale in now[id].predicted and now[id].digest(scale) == known["digest"]
        for id, known in results.claims.items()
    )


def _in_short(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a verdict: its outcome, its replicates, and the effect of the part on which it rests."""
    part = deciding(verdict) or {}
    return {
        **{name: verdict[name] for name in ("version", "outcome", "qualifier", "n", "decision")},
        **({"for_this_test_set": True} if verdict.get("for_this_test_set") else {}),
        **{name: part.get(name) for name in ("name", "mean_pp", "lower_pp", "upper_pp")},
        **({"unit": part["unit"]} if "unit" in part else {}),
    }
