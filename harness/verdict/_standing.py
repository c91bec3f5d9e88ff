"""What rows stand for: of which lock they are, if of any, and what a verdict on them counts for."""

from __future__ import annotations

from collections.abc import Sequence

from harness.design import VARIANTS, Claim, Locked, Registry
from harness.verdict._results import Results
from harness.verdict._verdicts import Status


def are_of(entry: Locked, results: Results) -> bool:
    """Whether the rows of an entry's claim in `results` are of its locked text, on its locked replicates."""
    known = results.claims.get(entry.claim)
    if known is None or results.meta.quick or results.meta.variant:
        return False
    ran = (known.version, known.digest, list(known.replicates))
    locked = (entry.version, entry.digest, [replicate.index for replicate in entry.block()])
    return ran == locked and (not entry.replicates or results.meta.seed(entry.claim) == entry.suite_seed)


def rows_of(entry: Locked, among: Sequence[Results]) -> Results | None:
    """Return those of several results that hold an entry's rows, if any do."""
    return next((each for each in among if are_of(entry, each)), None)


def entry_of(results: Results, registry: Registry, claim: Claim) -> Locked | None:
    """Return the entry that a claim's rows are held against: the one with their seed, or else the latest."""
    locked = [e for e in registry.versions(claim.id, results.meta.scale) if e.version == claim.version]
    seed = results.meta.seed(claim.id)
    return next((entry for entry in locked if entry.suite_seed == seed), locked[-1] if locked else None)


def status_of(results: Results, registry: Registry, claim: Claim) -> tuple[Status, str]:
    """Return what a verdict on a claim's rows counts for, and why."""
    scale, entry = results.meta.scale, entry_of(results, registry, claim)
    if results.meta.quick:
        return Status.QUICK, "a run of a few steps shows that the machinery works and nothing else"
    if results.meta.variant:
        return Status.EXPLORATORY, f"every training with {VARIANTS[results.meta.variant].words}"
    if entry is None:
        other = results.claims[claim.id].digest != claim.digest(scale)
        changed = ", and its design changed since these rows were computed" if other else ""
        return Status.EXPLORATORY, f"not locked{changed}"
    if differs := _differs(results, registry, claim, entry):
        return Status.EXPLORATORY, differs
    force = registry.in_force(claim.id, scale)
    if force is not None and force.version != entry.version:
        return Status.EXPLORATORY, f"version {force.version} was locked later and is in force"
    return Status.CONFIRMATORY, f"locked {entry.locked}" + (f" in round {entry.round}" if entry.round else "")


def _differs(results: Results, registry: Registry, claim: Claim, entry: Locked) -> str:
    """Say in what the rows are not those of the locked design on its locked replicates; empty where they are."""
    known, seed = results.claims[claim.id], results.meta.seed(claim.id)
    if known.version != claim.version:
        return f"the rows are of version {known.version}, the claim is version {claim.version}"
    if fault := registry.fault(claim, results.meta.scale, entry):
        return fault
    if known.digest != entry.digest:
        return "the rows were computed from another version of the design"
    run, locked = list(known.replicates), [replicate.index for replicate in entry.block()]
    if entry.replicates and seed != entry.suite_seed:
        return f"suite seed {seed} was used, not the locked {entry.suite_seed}"
    if len(run) != len(locked):
        return f"{len(run)} replicates were run, not the {len(locked)} that are locked"
    if run != locked:
        return f"replicates {run[0]} to {run[-1]} were run, not the locked {locked[0]} to {locked[-1]}"
    return ""
