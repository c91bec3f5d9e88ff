"""What must be computed of what is wanted, and the populations that it packs into. Knows no torch, no claims."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.compute._code import code_digest, own_code
from harness.compute._due import Due, Unit
from harness.compute._inputs import Inputs, Made
from harness.compute._times import Times
from harness.data import SETS, load_set
from harness.errors import DataError
from harness.expression import Measured, consumed, lineage
from harness.population import Population, Program, unit_name
from harness.store import Entry, Store
from harness.streams import Replicate

MAX_MEMBERS = 32  # more gain nothing on a CPU, and end later
PARAMETERS = 2**16  # of the members together, where that takes more of them: what is done a step besides costs as much
MAX_MEMBERS_GPU = 512  # the worker finds out how many of them its memory holds
FEW_MEMBERS = 8  # fewer are not worth another worker
POPULATION_S = 120.0  # what a population is planned to take at most, as often as a longer one is saved; on a
# GPU members cost little more together than alone, and checkpoints are what is not lost
SLACK = 1.25  # a population is expected to take at most this times what is estimated, or it is not begun
START_S = 6.0  # until a worker has loaded torch


@dataclass(frozen=True)
class Wanted:
    """Nodes that are to be stored for some replicates; `by` names who wants them, as a claim's id."""

    by: str
    nodes: tuple[Measured, ...]
    replicates: tuple[Replicate, ...]

    def units(self) -> list[str]:
        """Return the names of the nodes' units and of those of all trainings they consume from."""
        return [unit_name(node, replicate) for node in lineage(self.nodes) for replicate in self.replicates]


class Plan:
    """The units of all that is wanted: their state in the store, and the populations they pack into.

    `kind` is that of the device, ``cpu`` or ``cuda``. Losses are recorded every `trace_every` steps; 0 is never.
    """

    def __init__(self, wanted: Sequence[Wanted], store: Store, kind: str = "cpu", *, trace_every: int = 0) -> None:
        self.kind = kind
        self.trace_every = trace_every
        self.store = store
        self.units: dict[str, Unit] = {}
        self.slots: defaultdict[str, set[str]] = defaultdict(set)  # of a training, by key, that others consume
        for each in wanted:
            for node in lineage(each.nodes):
                for taken in consumed(node):
                    self.slots[taken.training.key].add(taken.slot)
                for replicate in each.replicates:
                    name = unit_name(node, replicate)
                    before = self.units[name].wanted_by if name in self.units else ()
                    self.units[name] = Unit(node, replicate, tuple(dict.fromkeys((*before, each.by))))
        self._due = Due(self.units, self.slots, self._steps_after(), store)
        self._times = Times(store, kind)
        self._levels: dict[str, int] = {}  # by node: how many trainings in a row it is made from
        for node in lineage(unit.node for unit in self.units.values()):
            above = (self._levels[taken.training.key] for taken in consumed(node))
            self._levels[node.key] = 1 + max(above, default=-1)
        self._packs: dict[Program, int] = {}
        self._pack_numbers: dict[str, int] = {}  # by node: programs are long to compare
        self._made = Made()
        self._check_data()

    def _check_data(self) -> None:
        """Raise DataError where something stored was computed from a data set that gives something else now."""
        for source in sorted({unit.node.task.source for unit in self.units.values()}):
            if not SETS[source].may_change:
                continue
            names = [name for name, unit in self.units.items() if unit.node.task.source == source]
            entries = [self.store.entries[name] for name in names if name in self.store.entries]
            before = Counter(data for entry in entries if (data := self.store.provenance(entry).data))
            for digest in before:
                if digest != (now := load_set(source).digest):
                    raise DataError(
                        f"data set {source} gives what has digest {now}, and {before[digest]} of the trainings and "
                        f"evaluations in {self.store.path} were computed from what had {digest}. Next: restore the "
                        "data; or, if other data are meant, raise version= where it is registered"
                    )

    def _steps_after(self) -> dict[str, int]:
        """Return for each node the steps of the longest chain that starts with it."""
        after: dict[str, int] = {}
        for node in reversed(lineage(unit.node for unit in self.units.values())):
            own = after.get(node.key, 0) + Program.of(node).steps
            after[node.key] = own
            for taken in consumed(node):
                after[taken.training.key] = max(after.get(taken.training.key, 0), own)
        return after

    # State

    def entry(self, node: Measured, replicate: Replicate) -> Entry | None:
        """Return what the store has of `node` for `replicate`, whether usable or not."""
        return self.store.entries.get(unit_name(node, replicate))

    def due(self) -> list[Unit]:
        """Return the units that must be computed."""
        reasons = self.reasons()
        return [unit for name, unit in self.units.items() if reasons[name]]

    def by_other_code(self) -> int:
        """Return how many units are stored and usable, and were computed by other code than there is now.

        Keys say what is asked and not what code answers: only `variance` tells whether both answer alike.
        """
        reasons = self.reasons()
        stored = [self.store.entries[name] for name in self.units if not reasons[name]]
        return sum(self.store.provenance(entry).code != code_digest() for entry in stored)

    def by_other_own_code(self) -> dict[str, int]:
        """Return by name what a project's own code computes otherwise written now, and how many such units are stored.

        Only usable ones count. Of what records keep no digest of, nothing is known.
        """
        reasons, changed = self.reasons(), Counter[str]()
        written: dict[str, Mapping[str, str]] = {}
        for name, unit in self.units.items():
            then = {} if reasons[name] else self.store.records[self.store.entries[name].record].own_code
            if not then:
                continue
            now = written[unit.node.key] = written.get(unit.node.key) or own_code(unit.node)
            changed.update(each for each, digest in now.items() if then.get(each, digest) != digest)
        return dict(changed)

    def reasons(self) -> dict[str, str]:
        """Return for each unit why it must be computed, or an empty string where what is stored is usable."""
        return self._due.reasons()

    def ready(self, running: Collection[str]) -> list[Unit]:
        """Return the due units that are not `running` and whose parents are usable, longest chains first."""
        return self._due.ready(running)

    # Packing

    def next_population(
        self, running: set[str], *, idle: int, left_s: float = math.inf, whole_s: float = math.inf
    ) -> list[Unit]:
        """Return the units to run next in one of `idle` free places: one program, the longest chain's that fits.

        It is expected to end within the `left_s` seconds that are left of a limit of `whole_s`. Where nothing does,
        and a training would not even fit the whole limit, that one is returned: a checkpoint takes it to the next run.
        """
        too_long: list[Unit] = []
        packs: defaultdict[int, list[Unit]] = defaultdict(list)
        for unit in self.ready(running):
            packs[self._pack_of(unit.node)].append(unit)
        for same in packs.values():
            program = Program.of(same[0].node)
            if size := self.population_size(program, len(same), idle=idle, left_s=left_s):
                return _by_rates(same[:size])
            if not too_long and self.may_begin(self.seconds(program, 1), left_s=left_s, whole_s=whole_s):
                too_long = same[:1]
        return too_long

    def _pack_of(self, node: Measured) -> int:
        """Return a number that nodes share whose units pack together."""
        if node.key not in self._pack_numbers:
            self._pack_numbers[node.key] = self._packs.setdefault(Program.of(node).packs, len(self._packs))
        return self._pack_numbers[node.key]

    def population_size(self, program: Program, ready: int, *, idle: int, left_s: float = math.inf) -> int:
        """Return how many of `ready` members to pack: shared among idle places, ended within `POPULATION_S`.

        So few that they are expected to end within `left_s` seconds, which may be none.
        """
        by_limit = self._within(program, ready, left_s)
        if by_limit < 1:
            return 0
        share = max(FEW_MEMBERS, math.ceil(ready / max(1, idle)))
        if self.kind == "cuda":
            most = MAX_MEMBERS_GPU
        else:
            fits = max(MAX_MEMBERS, PARAMETERS // program.network.flat_size)
            most = min(fits, int(POPULATION_S / (self.seconds(program, 1) or 1e-9)))
        most = max(1, min(most, share))
        return math.ceil(ready / math.ceil(ready / min(most, by_limit)))  # of equal size, so that none ends late

    def _within(self, program: Program, ready: int, left_s: float) -> int:
        """Return how many of `ready` members are expected to end within `left_s` seconds together."""
        if math.isinf(left_s):
            return ready
        return bisect_right(range(1, ready + 1), left_s / SLACK, key=lambda members: self.seconds(program, members))

    def seconds(self, program: Program, members: int) -> float:
        """Return the seconds a population takes: as one was measured on this kind of device, else by arithmetic."""
        return self._times.seconds(program, members)

    def guessed(self, units: Iterable[Unit]) -> float:
        """Return which share of the seconds that `units` take is guessed, as nothing like them was measured."""
        groups = self._groups(units)
        seconds = {each: self.seconds(*each) for each, _ in groups}
        whole_s = sum(seconds[each] for each, _ in groups)
        return sum(seconds[each] for each, _ in groups if self._times.guessed(each[0])) / whole_s if whole_s else 0.0

    def place_seconds(self, units: Iterable[Unit]) -> float:
        """Return the seconds that `units` take one place, population after population."""
        return sum(self.seconds(*each) for each, _ in self._groups(units))

    def run_seconds(self, units: Iterable[Unit], places: int) -> float:
        """Return the seconds that `units` take so many places: on a GPU at least those of the longest chain."""
        if self.kind == "cpu":
            return self.place_seconds(units) / places
        groups = self._groups(units)
        took = {key: self.seconds(*each) for each, keys in groups for key in keys}
        ends: dict[str, float] = {}
        for node in lineage(unit.node for unit in self.units.values()):
            parents = (ends[taken.training.key] for taken in consumed(node))
            ends[node.key] = took.get(node.key, 0.0) + max(parents, default=0.0)
        return max(sum(self.seconds(*each) for each, _ in groups) / places, max(ends.values(), default=0.0))

    def _groups(self, units: Iterable[Unit]) -> list[tuple[tuple[Program, int], set[str]]]:
        """Return the program and size of each population that `units` come to, about, and the keys of its nodes.

        On a CPU the replicates of a node, on a GPU all that pack together and are ready together: so many levels deep.
        """
        groups: defaultdict[object, list[Unit]] = defaultdict(list)
        for unit in units:
            key = unit.node.key
            groups[key if self.kind == "cpu" else (self._pack_of(unit.node), self._levels[key])].append(unit)
        return [
            ((Program.of(same[0].node), len(same[i : i + MAX_MEMBERS_GPU])), {unit.node.key for unit in same})
            for same in groups.values()
            for i in range(0, len(same), MAX_MEMBERS_GPU)
        ]

    @staticmethod
    def may_begin(seconds: float, *, left_s: float, whole_s: float) -> bool:
        """Whether what takes `seconds` may begin: it fits what is left, or it never fits and enough is left to get on.

        What fits a whole limit but not what is left of this one waits for the next run.
        """
        if SLACK * seconds <= left_s:
            return True
        return SLACK * seconds > whole_s and left_s >= min(POPULATION_S, whole_s / 3)

    def pack(self, units: Sequence[Unit]) -> Population:
        """Return the population that computes `units`, which all run one program and are ready."""
        kept = {
            int(name)
            for unit in units
            for name in self.slots[unit.node.key] | set(self._kept_before(unit))
            if name.isdigit()
        }
        members = tuple(Inputs(self.store, unit.replicate, self._made).member(unit.node) for unit in units)
        return Population(Program.of(units[0].node), members, tuple(sorted(kept)), self.trace_every)

    def _kept_before(self, unit: Unit) -> Iterable[str]:
        entry = self.entry(unit.node, unit.replicate)
        return entry.outs if entry is not None else ()


def _by_rates(units: list[Unit]) -> list[Unit]:
    """Return the units with those of equal learning rates together: each such group has an optimiser's step a step."""
    groups = list(dict.fromkeys(Program.of(unit.node).recipe for unit in units))
    return sorted(units, key=lambda unit: groups.index(Program.of(unit.node).recipe))
