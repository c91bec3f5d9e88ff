"""Which units must be computed, why, and which of them are ready: followed from record to record, not from scratch.

A unit is one node for one replicate. A stored unit is usable while its lineage holds: the digests of what it consumed
equal the digests of what the trainings it consumed from have stored now.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from harness.expression import Measured, consumed
from harness.population import unit_name
from harness.store import Store
from harness.streams import Replicate

NEVER = "never computed"


@dataclass(frozen=True)
class Unit:
    """One node for one replicate, and the names of those who want it."""

    node: Measured
    replicate: Replicate
    wanted_by: tuple[str, ...] = field(compare=False, default=())

    @property
    def name(self) -> str:
        """Where the store keeps it: key, suite seed, replicate."""
        return unit_name(self.node, self.replicate)


class Due:
    """The units of a plan as a store has them: by name, parents before children.

    `slots` has by key what others consume of a training, and `after` the steps of the longest chain that starts with a
    node. Each question first looks at what was stored since the last one, and at what is made from that.
    """

    def __init__(
        self, units: Mapping[str, Unit], slots: Mapping[str, set[str]], after: Mapping[str, int], store: Store
    ) -> None:
        self._units, self._slots, self._store = units, slots, store
        self._names = list(units)
        self._order = {name: (-after[unit.node.key], i) for i, (name, unit) in enumerate(units.items())}
        taken = {unit.node.key: consumed(unit.node) for unit in units.values()}
        self._parents = {
            name: tuple(dict.fromkeys(unit_name(each.training, unit.replicate) for each in taken[unit.node.key]))
            for name, unit in units.items()
        }
        self._children: defaultdict[str, list[str]] = defaultdict(list)
        for name, parents in self._parents.items():
            for parent in parents:
                self._children[parent].append(name)
        self._reasons = dict.fromkeys(units, NEVER)
        self._stale = set(units)  # those that are made anew, and with them what is made from them
        self._awaited = {name: len(parents) for name, parents in self._parents.items()}  # parents that are due
        self._open = sorted(self._order[name] for name, awaited in self._awaited.items() if not awaited)
        self._seen = len(store.indexed)
        self._follow(name for name in units if name in store.entries)

    def reasons(self) -> dict[str, str]:
        """Return for each unit why it must be computed, or an empty string where what is stored is usable."""
        self._refresh()
        return dict(self._reasons)

    def ready(self, running: Collection[str]) -> list[Unit]:
        """Return the due units that are not `running` and whose parents are usable, longest chains first."""
        self._refresh()
        names = (self._names[i] for _, i in self._open)
        return [
            self._units[name]
            for name in names
            if name not in running and not any(parent in running for parent in self._parents[name])
        ]

    def _refresh(self) -> None:
        changed, self._seen = self._store.indexed[self._seen :], len(self._store.indexed)
        self._follow(name for name in changed if name in self._units)

    def _follow(self, changed: Iterable[str]) -> None:
        """Look again at units whose entries changed, and at what is made from what has become another one."""
        others = {self._order[name][1] for name in changed}
        looked = set(others)
        rest = list(others)
        heapify(rest)
        while rest:
            i = heappop(rest)  # parents come before children
            name = self._names[i]
            before = self._reasons[name]
            self._reasons[name], lineage_holds = self._reason(name)
            if bool(self._reasons[name]) != bool(before):
                self._turned(name)
            if lineage_holds == (name in self._stale):
                (self._stale.discard if lineage_holds else self._stale.add)(name)
                others.add(i)
            for child in self._children[name] if i in others else ():
                if (j := self._order[child][1]) not in looked:
                    looked.add(j)
                    heappush(rest, j)

    def _turned(self, name: str) -> None:
        """Count for what is made from a unit that it is due now, or no longer."""
        for child in self._children[name]:
            self._awaited[child] += 1 if self._reasons[name] else -1
        for each in (name, *self._children[name]):
            place = self._order[each]
            at = bisect_left(self._open, place)
            is_open = at < len(self._open) and self._open[at] == place
            opens = bool(self._reasons[each]) and not self._awaited[each]
            if opens and not is_open:
                insort(self._open, place)
            elif is_open and not opens:
                del self._open[at]

    def _reason(self, name: str) -> tuple[str, bool]:
        """Return why a unit must be computed, if it must, and whether what is stored was made from what is there."""
        unit, entry = self._units[name], self._store.entries.get(name)
        if entry is None:
            return NEVER, False
        for taken in consumed(unit.node):
            parent = unit_name(taken.training, unit.replicate)
            if parent in self._stale:
                return f"made from {parent}, which must be computed first", False
            now = self._store.entries[parent].outs.get(taken.slot, "nothing")
            then = entry.ins.get(taken.name, "nothing")
            if now != then:
                return f"made from {parent} at {taken.slot} with digest {then}; stored there now is {now}", False
        missing = self._slots[unit.node.key] - entry.outs.keys()
        if missing:
            return f"its {', '.join(sorted(missing))} is wanted and was not kept", True
        return "", True
