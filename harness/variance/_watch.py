"""The course of the seed-variance check: compute fresh trainings, compare, confirm; or accept a new baseline."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from harness.compute import SILENT, Executor, Local, Progress, provenance
from harness.expression import Training
from harness.population import jolted
from harness.stats import CONFIRM, FalseAlarm, check_false_alarm, false_alarm, spread_confirm
from harness.store import now
from harness.streams import VARIANCE_SEED, Replicate
from harness.variance import _baselines as baselines
from harness.variance import _tiers as variance
from harness.variance._baselines import Baseline
from harness.variance._retrained import Retrained, first_losses, is_root
from harness.variance._tiers import Finding, Status, Tier

ACCEPTED = 100  # replicates of a baseline
FRESH_FROM = 1000  # fresh replicates have indices from here on, far from the baselines'
FRESH_UP_TO = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is checked: trainings by name, the folder of baselines, and where they are computed."""

    nodes: Mapping[str, Training]
    scale: str
    root: Path
    device: str = "cpu"
    start: Callable[[], AbstractContextManager[Executor]] = Local  # what computes, anew each time it is called

    @property
    def folder(self) -> Path:
        """Where baselines are."""
        return self.root / "reports" / "baselines"

    def baseline(self, name: str) -> Path:
        """Return where the baseline of a training is."""
        return baselines.baseline_path(self.folder, name, self.scale)

    def executor(self) -> AbstractContextManager[Executor]:
        """Start what the trainings are computed by: fresh worker processes."""
        return self.start()

    def provenance(self) -> dict[str, str]:
        """Return what is recorded of the trainings."""
        return provenance(self.root, self.device)

    def roots(self) -> dict[str, Training]:
        """Return the trainings that start from random draws alone."""
        return {name: node for name, node in self.nodes.items() if is_root(node)}


def first_fresh(root: Path) -> int:
    """Return the first fresh replicate's index, a function of the commit checked out at `root`."""
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "no commit"
    return FRESH_FROM + int(hashlib.sha256(commit.encode()).hexdigest(), 16) % (FRESH_UP_TO - FRESH_FROM)


def _block(first: int, count: int) -> tuple[Replicate, ...]:
    return tuple(Replicate(VARIANCE_SEED, i) for i in range(first, first + count))


@dataclass(frozen=True)
class Checked:
    """The findings of all tiers, what was run in sentences, and how often a recipe fails tiers 2 and 3 by chance."""

    findings: Sequence[Finding]
    heading: Sequence[str]
    alarm: FalseAlarm


def check_variance(watch: Watch, *, replicates: int, first: int, progress: Progress = SILENT) -> Checked:
    """Compare fresh trainings with the baselines, tier by tier.

    Fresh replicates are `first` to ``first + replicates - 1``; those that confirm follow them. Raises ResultsError for
    a baseline that is missing or not to be trusted, before anything is computed.
    """
    started = time.monotonic()
    accepted = {
        name: baselines.read_baseline(
            baselines.baseline_path(watch.folder, name, watch.scale), recipe=name, scale=watch.scale
        )
        for name in watch.nodes
    }
    fresh = _block(first, replicates)
    fewest = min(len(baseline.values) for baseline in accepted.values())
    alarm = false_alarm(m=fewest, n=replicates, confirm=CONFIRM)
    total = check_false_alarm(recipes=len(watch.nodes), m=fewest, n=replicates, confirm=CONFIRM)
    heading = [
        f"{len(watch.nodes)} recipes at scale {watch.scale}, fresh replicates {first} to {first + replicates - 1} "
        f"(from the commit; replay with --first {first} --replicates {replicates}).",
        f"Red by chance in at most {total:.2%} of checks, over all recipes and tiers, confirmation counted.",
    ]
    progress.note(" ".join(heading))
    found = [variance.identity(name, node, accepted[name], fresh) for name, node in watch.nodes.items()]
    if any(finding.figures.startswith(variance.IMPOSSIBLE) for finding in found):
        return Checked(found, [*heading, "Nothing was trained."], alarm)
    with tempfile.TemporaryDirectory(prefix="harness-variance-") as folder:
        progress.note("computing them twice, in fresh processes")
        both = (*_block(0, variance.WEIGHTS), *fresh)
        with watch.executor() as executor:
            one = Retrained(watch.nodes, both, Path(folder) / "one")
            one.compute(executor, provenance=watch.provenance(), progress=progress)
            began = first_losses(
                watch.roots(), _block(0, variance.FIRST_REPLICATES), executor, steps=variance.FIRST_STEPS
            )
        with watch.executor() as executor:
            two = Retrained(watch.nodes, both, Path(folder) / "two", replay=one)
            two.compute(executor, provenance=watch.provenance(), progress=progress)
        found += [variance.repeat(name, one, two) for name in watch.nodes]
        found += [variance.trajectory(name, began.get(name), one, accepted[name]) for name in watch.nodes]
        looked = _distributions(watch, accepted, one, skip=variance.WEIGHTS)
        doubtful = {finding.recipe: watch.nodes[finding.recipe] for finding in looked if finding.status is Status.RED}
        if doubtful:
            wide = any(finding.tier is Tier.SPREAD and finding.status is Status.RED for finding in looked)
            further = _block(first + replicates, max(CONFIRM, spread_confirm(replicates) if wide else 0))
            progress.note(
                f"a first look is red for {', '.join(doubtful)}: confirming on replicates {further[0].index} to "
                f"{further[-1].index}"
            )
            with watch.executor() as executor:
                more = Retrained(doubtful, further, Path(folder) / "more")
                more.compute(executor, provenance=watch.provenance(), progress=progress)
            again = {(f.tier, f.recipe): f for f in _distributions(watch, accepted, more, skip=0)}
            looked = [variance.confirmed(f, again[f.tier, f.recipe]) if f.status is Status.RED else f for f in looked]
        found += looked
        heading.append(f"Computed on {variance.machine(one)}, in {time.monotonic() - started:.0f} s.")
    return Checked(found, heading, alarm)


def _distributions(watch: Watch, accepted: Mapping[str, Baseline], fresh: Retrained, *, skip: int) -> list[Finding]:
    return [
        finding
        for name in fresh.nodes
        for finding in variance.distribution(
            name, accepted[name], fresh.values(name)[skip:].tolist(), margin_pp=watch.nodes[name].task.margin_pp
        )
    ]


def accept_baselines(watch: Watch, *, reason: str, replicates: int, progress: Progress = SILENT) -> list[Path]:
    """Compute and write baselines of `replicates` values; those before are kept. Returns the files.

    Raises RunError where first losses cannot tell a fault from rounding.
    """
    block = _block(0, replicates)
    with tempfile.TemporaryDirectory(prefix="harness-variance-") as folder, watch.executor() as executor:
        fresh = Retrained(watch.nodes, block, Path(folder))
        progress.note(f"computing {replicates} replicates of {len(watch.nodes)} recipes")
        fresh.compute(executor, provenance=watch.provenance(), progress=progress)
        first = _block(0, variance.FIRST_REPLICATES)
        trajectories = _trajectories(watch, first, executor)
        machine = variance.machine(fresh)
        return [
            baselines.keep_baseline(
                watch.folder,
                Baseline(
                    recipe=name,
                    scale=watch.scale,
                    key=node.key,
                    suite_seed=VARIANCE_SEED,
                    accepted=now(),
                    reason=reason,
                    replaces="",
                    drawn={str(r.index): variance.drawn(node, r) for r in _block(0, variance.IDENTITY)},
                    trajectory=trajectories.get(name),
                    values={str(r.index): v for r, v in zip(block, fresh.values(name).tolist(), strict=True)},
                    weights={machine: {str(r.index): fresh.weights(name, r) for r in _block(0, variance.WEIGHTS)}},
                    provenance=replace(fresh.provenance(), computed=now()),
                ),
            )
            for name, node in watch.nodes.items()
        ]


def _trajectories(watch: Watch, replicates: Sequence[Replicate], executor: Executor) -> dict[str, baselines.Trajectory]:
    """Return the committed first losses of each root training, with the tolerance found for it."""
    roots, steps = watch.roots(), variance.FIRST_STEPS
    plain = first_losses(roots, replicates, executor, steps=steps)
    jolts = [
        first_losses(roots, replicates, executor, steps=steps, change=jolted(seed)) for seed in range(variance.JOLTS)
    ]
    faster = first_losses(
        {name: variance.faster(node) for name, node in roots.items()}, replicates, executor, steps=steps
    )
    return {
        name: variance.accepted_losses(
            replicates, plain[name], variance.calibrate(plain[name], [jolt[name] for jolt in jolts], faster[name])
        )
        for name in roots
    }
