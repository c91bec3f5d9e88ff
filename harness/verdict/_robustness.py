"""What a claim's effects become under other settings: at the early stop, at other learning rates, in bfloat16."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.design import VARIANTS, Claim, Part, design_of, metric
from harness.stats import PartResult
from harness.verdict import _results as rows
from harness.verdict._results import Results
from harness.verdict._tested import compare_part

AS_LOCKED = "as locked"
EARLY_STOP = "accuracy at the early stop"
FOLDER = "variants"  # beside the report: one folder a variant, with its results.parquet


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One part under one setting, in its unit; `keeps` says whether its mean lies on the side that the claim asserts.

    For a sized kind (``beats``) that is the sign of the effect as locked, else the side of the margin. `note` says
    what spoils it.
    """

    part: Part
    setting: str
    mean: float
    lower: float
    upper: float
    n: int
    keeps: bool
    note: str


def read_variants(folder: Path) -> dict[str, Results]:
    """Return the results of the variants that were run, by name, from the folder of a report."""
    files = {name: folder / FOLDER / name / "results.parquet" for name in VARIANTS}
    return {name: rows.read_results(file) for name, file in files.items() if file.is_file()}


def effects(claim: Claim, results: Results, variants: Mapping[str, Results]) -> list[Effect]:
    """Return the effects of the deciding parts under every setting that was run on this version of the claim."""
    scale = results.meta.scale
    found = []
    for place, part in enumerate(claim.design(scale).parts):
        locked = compare_part(results, claim.id, part)
        found.append(_effect(part, AS_LOCKED, locked, locked, 0))
        if metric(part.metric).of == "step":
            censored = _censored(results, claim, part)
            found[-1] = replace(found[-1], note=censored or "no early stop at the last step, so none censored")
        stopped = replace(part, metric="early_stop_accuracy", floors=())  # untrained floors have no early stop
        if part.metric == "test_accuracy" and _has(results, claim, stopped):
            early = _effect(part, EARLY_STOP, compare_part(results, claim.id, stopped), locked, 0)
            found.append(replace(early, note=_censored(results, claim, part)))
        for name, other in _current(claim, results, variants):
            design = design_of(claim, scale, name)
            frame = other.frame[(other.frame["claim"] == claim.id) & other.frame["diverged"]]
            mine = frame[frame["arm"].isin(part.reads)]
            diverged = len(mine[["key", "replicate"]].drop_duplicates())
            result = compare_part(other, claim.id, design.parts[place])
            found.append(_effect(part, VARIANTS[name].words, result, locked, diverged))
    by_step = any(metric(effect.part.metric).of == "step" for effect in found)
    return found if by_step or len({effect.setting for effect in found}) > 1 else []


def _has(results: Results, claim: Claim, part: Part) -> bool:
    return all(len(results.values(claim.id, arm, metric=part.metric)) for pair in part.pairs for arm in pair)


def _censored(results: Results, claim: Claim, part: Part) -> str:
    """Say how often validation loss was lowest at the last step: the minimum may have come later."""
    frame = results.frame[results.frame["claim"] == claim.id]
    frame = frame[frame["arm"].isin([arm for pair in part.pairs for arm in pair])]
    if part.band is not None:
        of_arm = frame.groupby("arm", observed=True)["density"].transform("nunique")
        alone = (frame["density"] == 1) if part.axis.is_density else (of_arm == 1)
        frame = frame[alone | frame["density"].between(float(part.band.low), float(part.band.high))]
    rows = ["key", "replicate"]
    last = frame[frame["metric"] == "test_accuracy"].drop_duplicates(rows).set_index(rows)["step"]
    early = frame[frame["metric"] == "early_stop_accuracy"].drop_duplicates(rows).set_index(rows)["step"]
    share = float((early == last.reindex(early.index)).mean())
    return f"at the last step, so censored, in {share:.0%} of trainings" if share else ""


def _current(claim: Claim, results: Results, variants: Mapping[str, Results]) -> Iterator[tuple[str, Results]]:
    """Variants of the claim as it is now; those of an earlier version, and quick ones, say nothing about it."""
    for name, other in variants.items():
        known = None if other.meta.quick else other.claims.get(claim.id)
        if known is not None and known.digest == results.claims[claim.id].digest:
            yield name, other


def _effect(part: Part, setting: str, result: PartResult, locked: PartResult, diverged: int) -> Effect:
    missed = ", ".join(floor.name for floor in result.floors if not floor.beaten)
    notes = [f"{diverged} trainings diverged" * bool(diverged), f"the reference does not clear {missed}" * bool(missed)]
    return Effect(
        part=part,
        setting=setting,
        mean=result.mean,
        lower=result.lower,
        upper=result.upper,
        n=result.n,
        keeps=part.kind.keeps_side(result.mean, locked.mean, part.bound),
        note="; ".join(note for note in notes if note),
    )
