"""How long a population takes: as such ones took on this kind of device, else by arithmetic."""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Sequence

import numpy as np

from harness.population import Program, evaluation_flops
from harness.store import Store

FLOPS = {"cpu": 4e10, "cuda": 1e13}  # of one core or GPU on such products, a cautious guess before any is measured
STEP_S = 2e-4  # of a training step of one member on a GPU, before any is measured: its launches
TOGETHER = 32  # members whose step on a GPU takes twice as long as that of one, about
RECENT = 200  # records that are looked at; the machine may have been another one before
KEPT = {"cpu": 5, "cuda": 20}  # of these, of one kind of work; on a GPU of several sizes

Took = tuple[int, float]  # members of a population, and the seconds that it took


class Times:
    """What the records of a store say about times on one kind of device, ``cpu`` or ``cuda``."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store, self._kind = store, kind
        self._seen = 0
        self._took: defaultdict[str, deque[tuple[int, Took]]] = defaultdict(lambda: deque(maxlen=KEPT[kind]))

    def _measured(self, program: Program) -> list[Took]:
        """Return the sizes and seconds of recent populations of such work."""
        records = self._store.records
        for record in itertools.islice(records.values(), self._seen, None):
            self._seen += 1
            if (record.provenance.kind or "cpu") == self._kind:
                self._took[record.work].append((self._seen, (len(record.members), record.provenance.wall_s)))
        took = self._took.get(program.work, ())
        return [each for number, each in took if number > len(records) - RECENT]

    def guessed(self, program: Program) -> bool:
        """Whether nothing like it was measured."""
        return not self._measured(program)

    def seconds(self, program: Program, members: int) -> float:
        """Return the seconds that a population of so many members takes.

        On a CPU members take their time one by one. On a GPU a step of a few takes about as long as that of one, and
        what was measured has the part of the device that the other places left.
        """
        measured = self._measured(program)
        if measured and self._kind == "cpu":
            return members * float(np.median([wall_s / n for n, wall_s in measured]))
        if measured:
            return _on_a_line(measured, members)
        evaluated_s = evaluation_flops(program) / FLOPS[self._kind]
        if program.recipe is None:
            return members * evaluated_s
        operations = 6 * program.network.multiply_adds() * program.recipe.batch * program.steps
        if self._kind == "cuda":
            launched_s = program.steps * STEP_S * _together(members)
            return max(launched_s, members * operations / FLOPS["cuda"]) + members * evaluated_s
        moved_s = program.steps * program.network.flat_size * (3e-8 if program.learn else 2e-9)
        return members * (operations / FLOPS["cpu"] + moved_s + evaluated_s)


def _on_a_line(measured: Sequence[Took], members: int) -> float:
    """Return the seconds at so many members on a line through what was measured, which never falls.

    Errors count as shares of what was measured. One size alone gives the line's height, and `TOGETHER` its slope.
    """
    sizes, took = (np.array(column, float) for column in zip(*measured, strict=True))
    if len(set(sizes)) == 1:
        return float(np.median(took)) * _together(members) / _together(int(sizes[0]))
    slope, first = np.polyfit(sizes, took, 1, w=1 / np.maximum(took, 1e-3))
    if slope < 0:
        return float(np.median(took))
    if first < 0:
        return members * float(np.median(took / sizes))
    return float(first + slope * members)


def _together(members: int) -> float:
    """Return how long a step of so many members takes on a GPU, in steps of hardly any."""
    return 1 + members / TOGETHER
