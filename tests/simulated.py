"""A device whose populations take virtual time, by a table: what a run does with its places, without the device.

Populations that run at once share the card: together they make the member-steps a second that one population of all
their members makes alone, and each member of them has the same part of it. A population draws its batches on a thread
of its own. This process packs on its own time, while the device goes on; a record is written by whoever writes it.
"""

import heapq
from concurrent.futures import Future
from types import SimpleNamespace

import numpy as np

from harness.compute import _run as running
from harness.compute._plan import Plan
from harness.expression import consumed
from harness.population._population import Computed, Member, MemberResult, Population, Program, Row, unit_name
from harness.population._provenance import Provenance
from harness.store._records import MemberRecord, Record

RATES = {1: 5_600.0, 20: 63_000.0, 64: 114_000.0, 180: 124_000.0, 512: 133_000.0}  # member-steps/s, LeNet on an H100
DRAWN = 300_000.0  # member-steps a second whose batches one thread draws
BUSY = 1.6  # times as long as on an idle machine, that much longer took a member there
PACK_S = 0.003 * BUSY  # of a member of LeNet: its mask, its start
READ_S = 0.0015 * BUSY  # of what a member is made from, where its record has been written
DIGEST_S = 0.001 * BUSY  # of what a member produced, before its record is written
STORE_S = 0.07  # of a record of five to twelve members of LeNet on a busy machine: the mean of 13


def step_s(members):
    """Return the seconds of a step of so many members together, between those of the table."""
    return float(np.interp(members, list(RATES), [n / rate for n, rate in RATES.items()]))


class Clock:
    """The time that has passed, and what is to happen later."""

    def __init__(self):
        self.now = 1.0
        self._later = []

    def at(self, time, call):
        """Call something at a time."""
        heapq.heappush(self._later, (time, len(self._later), call))

    @property
    def next(self):
        """When something happens next."""
        return self._later[0][0] if self._later else float("inf")

    def happen(self):
        """Let the next thing happen."""
        time, _, call = heapq.heappop(self._later)
        self.now = max(self.now, time)
        call()


class Device:
    """An executor with places, whose populations take virtual time and bring nothing but names."""

    def __init__(self, places):
        self.places, self.clock = places, Clock()
        self.submitted, self.at_first_end, self.most_queued = 0, 0, 0
        self._running, self._queue = {}, []  # population: steps that are left; those that no place has taken
        self._since, self._done = self.clock.now, {}

    def submit(self, number, population, checkpoint=None):
        """Queue a population; the first free place takes it."""
        self._go_on()
        future = Future()
        self._done[number] = future
        self.submitted += 1
        self._queue.append((number, population))
        self._take()
        self.most_queued = max(self.most_queued, len(self._queue))
        return future

    def stop(self):
        """Nothing is stopped here."""

    def progress(self):
        """Nothing is reported."""
        return []

    def _take(self):
        while self._queue and len(self._running) < self.places:
            number, population = self._queue.pop(0)
            self._running[number] = [population, float(population.program.steps), self.clock.now]

    def _pace(self):
        """Return the steps a second of every population."""
        members = {number: len(population.members) for number, (population, *_) in self._running.items()}
        shared = 1 / step_s(sum(members.values())) if members else 0.0
        return {number: min(shared, DRAWN / each) for number, each in members.items()}

    def _go_on(self):
        """Make the steps of the time since the last call."""
        for number, pace in self._pace().items():
            self._running[number][1] -= pace * (self.clock.now - self._since)
        self._since = self.clock.now

    def ends(self):
        """Return when the next population ends, and its number."""
        self._go_on()
        left = ((self._running[n][1] / pace, n) for n, pace in self._pace().items())
        after, number = min(left, default=(float("inf"), 0))
        return self.clock.now + max(after, 0.0), number

    def advance(self, until):
        """Let time pass until then, and populations end."""
        while (at := min(self.ends()[0], self.clock.next)) <= until:
            self._happen(at)
        self.clock.now = until
        self._go_on()

    def _happen(self, at):
        ends, number = self.ends()
        if self.clock.next < ends:
            self.clock.happen()
            self._go_on()
            return
        self.clock.now = at
        self._go_on()
        self.at_first_end = self.at_first_end or self.submitted
        population, _, began = self._running.pop(number)
        self._take()
        members = tuple(MemberResult(m.unit, (Row("test_accuracy", 1, 0.5),), {}) for m in population.members)
        self._done.pop(number).set_result(Computed(members, self.clock.now - began, "a GPU", {}))

    def wait(self, futures, **_):
        """Stand for `concurrent.futures.wait`: time passes until one of them is done."""
        while not any(each.done() for each in futures):
            self._happen(min(self.ends()[0], self.clock.next))
        return [each for each in futures if each.done()], []


class Thread:
    """Stands for the pool of one thread: what is submitted happens later, one thing after the other."""

    def __init__(self, device, takes_s):
        self.device, self.takes_s, self._free = device, takes_s, 0.0
        self.busy = False

    def submit(self, call):
        """Call something once what was submitted before has taken its time, and it has taken its own."""
        done = Future()
        self._free = max(self._free, self.device.clock.now) + self.takes_s

        def happens():
            self.busy = True
            done.set_result(call())
            self.busy = False

        self.device.clock.at(self._free, happens)
        return done

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


class Packing(Plan):
    """A plan that packs names in virtual time, and no arrays."""

    def on(self, device):
        """Take the time of this device."""
        self.device = device
        return self

    def pack(self, units):
        """Return a population of names."""
        self.device.advance(self.device.clock.now + PACK_S * len(units) + READ_S * sum(map(self._reads, units)))
        members = tuple(Member(unit.name, unit.replicate, 0, np.zeros(0, np.float32)) for unit in units)
        return Population(Program.of(units[0].node), members)

    def _reads(self, unit):
        """Whether what a unit is made from is read from a record."""
        parents = {unit_name(taken.training, unit.replicate) for taken in consumed(unit.node)}
        return any(self.store.entries[parent].record for parent in parents)


class Index:
    """Stands for the writer: digests and records take their time, and are nothing but the index."""

    def __init__(self, plan, device, thread):
        self.plan, self.store, self.device, self.thread = plan, plan.store, device, thread

    def promise(self, population, computed):
        """Enter the names of what was computed, while the device goes on."""
        self.device.advance(self.device.clock.now + DIGEST_S * len(population.members))
        members = tuple(
            MemberRecord(
                unit=member.unit,
                ins=dict.fromkeys(self._ins(member.unit), "digest"),
                outs=dict.fromkeys({*self.plan.slots[member.unit.partition("/")[0]], "end"}, "digest"),
                diverged=False,
            )
            for member in population.members
        )
        self.store._promise(members, computed)
        return members

    def write(self, population, computed, members, provenance, nodes, own_code):
        """Return what the record would say."""
        if not self.thread.busy:
            self.device.advance(self.device.clock.now + STORE_S)
        program = population.program
        made = Provenance(device="a GPU", versions={}, wall_s=computed.wall_s, kind="cuda")
        return f"{len(self.store.records) + 1:06d}-00000000", Record(
            format=1, program=program.label, work=program.work, steps=program.steps, nodes={}, members=members,
            provenance=made, files={},
        )  # fmt: skip

    def _ins(self, unit):
        return [taken.name for taken in consumed(self.plan.units[unit].node)]

    def enter(self, written):
        """Enter it into the index."""
        self.store._index(*written)


class Until:
    """A limit on the device's clock."""

    def __init__(self, device, whole_s):
        self.device, self.whole_s, self.ends = device, whole_s, device.clock.now + whole_s

    @property
    def left_s(self):
        """Seconds that populations may still take."""
        return max(0.0, self.ends - self.device.clock.now)


def simulate(monkeypatch, plan, places, *, limit_s=None):
    """Run a plan on a simulated device; returns what the run says of itself, and the device."""
    device = Device(places)
    thread = Thread(device, STORE_S)
    monkeypatch.setattr(running, "time", SimpleNamespace(perf_counter=lambda: device.clock.now))
    monkeypatch.setattr(running, "wait", device.wait)
    monkeypatch.setattr(running, "ThreadPoolExecutor", lambda threads: thread)
    plan.on(device)
    limit = running.NO_LIMIT if limit_s is None else Until(device, limit_s)
    return running.run_plan(plan, Index(plan, device, thread), device, provenance={}, limit=limit), device
