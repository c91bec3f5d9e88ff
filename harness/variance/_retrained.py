"""Fresh trainings for the seed-variance check: computed from nothing, in fresh processes, and compared by bits.

The trainings run through the same plan, packing, workers and store as those of claims, into a store of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.compute import SILENT, Executor, Plan, Progress, Unit, Wanted, run_plan
from harness.expression import Training, consumed, lineage
from harness.population import Computed, Member, Provenance, hundredths
from harness.store import Record, Store
from harness.streams import Replicate

TRACE_EVERY = 10  # steps between the losses that two runs are compared on

Losses = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Where two computations of one training part: `step` of the first loss that differs, None where none does."""

    node: Training
    replicate: Replicate
    step: int | None
    losses: tuple[float, float] | None
    packing: tuple[str, str]


class Retrained:
    """Trainings of some replicates, computed into the store at `path`.

    `replay` is another such computation, whose populations are packed again, member by member; on a GPU the packing is
    part of what decides the last digit.
    """

    def __init__(
        self,
        nodes: Mapping[str, Training],
        replicates: Sequence[Replicate],
        path: Path,
        replay: Retrained | None = None,
    ) -> None:
        self.nodes = nodes
        self.replicates = tuple(replicates)
        wanted = [Wanted(name, (node,), self.replicates) for name, node in nodes.items()]
        store = Store(path)
        groups = [] if replay is None else [_units(record) for record in replay.plan.store.records.values()]
        self.plan: Plan = _Replay(wanted, store, groups) if groups else Plan(wanted, store, trace_every=TRACE_EVERY)

    def compute(self, executor: Executor, *, provenance: Mapping[str, str], progress: Progress = SILENT) -> Retrained:
        """Train everything that is not stored yet. Raises RunError as `run` does."""
        with self.plan.store.writing() as writer:
            run_plan(self.plan, writer, executor, provenance=provenance, progress=progress)
        return self

    def values(self, name: str) -> NDArray[np.float64]:
        """Return the test accuracies (percent) of a training after its last step, one a replicate."""
        return np.array([self._accuracy(self.nodes[name], replicate) for replicate in self.replicates])

    def _accuracy(self, node: Training, replicate: Replicate) -> float:
        entry = self.plan.entry(node, replicate)
        assert entry is not None
        (accuracy,) = (row.value for row in self.plan.store.rows(entry) if row.metric == "test_accuracy")
        return round(hundredths(accuracy), 9)

    def weights(self, name: str, replicate: Replicate) -> str:
        """Return the digest of a training's end weights."""
        entry = self.plan.entry(self.nodes[name], replicate)
        assert entry is not None
        return entry.out

    def losses(self, node: Training, replicate: Replicate) -> dict[int, float]:
        """Return the traced losses of a training by step."""
        entry = self.plan.entry(node, replicate)
        assert entry is not None
        return {row.step: row.value for row in self.plan.store.rows(entry) if row.metric == "train_loss"}

    def provenance(self) -> Provenance:
        """Return where and with what the trainings were computed."""
        return next(iter(self.plan.store.records.values())).provenance

    def difference(self, name: str, other: Retrained) -> Difference | None:
        """Return where this computation of a training first parts from another, or None for equal bits throughout."""
        for node in lineage([self.nodes[name]]):
            assert isinstance(node, Training)
            found = [d for r in self.replicates if (d := self._difference(node, r, other)) is not None]
            if found:
                return min(found, key=lambda d: d.step if d.step is not None else node.recipe.steps)
        return None

    def _difference(self, node: Training, replicate: Replicate, other: Retrained) -> Difference | None:
        one, two = self.plan.entry(node, replicate), other.plan.entry(node, replicate)
        assert one is not None
        assert two is not None
        mine, theirs = self.losses(node, replicate), other.losses(node, replicate)
        steps = [step for step in sorted(mine) if mine[step] != theirs.get(step)]
        if not steps and one.outs == two.outs:
            return None
        losses = (mine[steps[0]], theirs[steps[0]]) if steps else None
        packing = tuple(
            f"place {e.position} of {len(fresh.plan.store.records[e.record].members)}"
            for e, fresh in ((one, self), (two, other))
        )
        return Difference(node, replicate, steps[0] if steps else None, losses, (packing[0], packing[1]))


class _Replay(Plan):
    """A plan that packs its units in given groups, each once all of them are ready."""

    def __init__(self, wanted: Sequence[Wanted], store: Store, groups: Sequence[Sequence[str]]) -> None:
        super().__init__(wanted, store, trace_every=TRACE_EVERY)
        self.groups = groups

    def next_population(
        self, running: set[str], *, idle: int, left_s: float = math.inf, whole_s: float = math.inf
    ) -> list[Unit]:
        ready = {unit.name: unit for unit in self.ready(running)}
        together = (group for group in self.groups if all(name in ready for name in group))
        return [ready[name] for name in next(together, ())]


def _units(record: Record) -> list[str]:
    return [member.unit for member in record.members]


def is_root(node: Training) -> bool:
    """Return whether a training starts from random draws alone: its first losses are then the same on any machine."""
    return not consumed(node)


def first_losses(
    nodes: Mapping[str, Training],
    replicates: Sequence[Replicate],
    executor: Executor,
    *,
    steps: int,
    change: Callable[[Member], Member] = lambda member: member,
) -> dict[str, Losses]:
    """Return the training losses (nats) of the first `steps` updates of each root training, (replicates, steps)."""
    started = {}
    for number, (name, node) in enumerate(nodes.items()):
        population = Plan([], Store(Path("nothing is stored"))).pack(
            [Unit(node, replicate) for replicate in replicates]
        )
        members = tuple(change(member) for member in population.members)
        population = replace(population, members=members, trace_every=1, until=node.first_step + steps)
        started[name] = executor.submit(number, population)
    return {name: _losses(future.result()) for name, future in started.items()}


def _losses(computed: Computed) -> Losses:
    return np.array([[row.value for row in m.rows if row.metric == "train_loss"] for m in computed.members])
