"""Spend compute: take what is ready, hand it to the executor, store what comes back, until nothing is due."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from harness.compute._code import own_code
from harness.compute._due import Unit
from harness.compute._executor import Executor
from harness.compute._inputs import emptied
from harness.compute._limit import Limit
from harness.compute._occupancy import Occupancy
from harness.compute._plan import SLACK, START_S, Plan
from harness.compute._progress import SILENT, Progress, UnderWay
from harness.compute._returned import Asked, result, wanted_by
from harness.errors import InterruptedRunError, StoppedError, StoreError
from harness.expression import describe
from harness.population import Computed, Population, Program
from harness.store import (
    MemberRecord,
    Writer,
    Written,
    checkpoint_name,
    discard_checkpoints,
    found_checkpoints,
    now,
)

NO_LIMIT = Limit()


@dataclass
class Summary:
    """What a run did."""

    begun: int = 0  # populations, of which a limit may have ended some
    trainings: int = 0
    populations: int = 0
    member_steps: int = 0
    wall_s: float = 0.0
    waited: float = 0.0  # share of the places' time until the last population begins: all that was left waited for
    idle: float = 0.0  # parents that were being computed; and the share in which they had no population otherwise
    left: int = 0  # units that are still due


@dataclass
class _Running(Asked):
    shown: UnderWay
    checkpoint: str
    ends: float  # when it is expected to have ended, on the performance counter
    begun: bool = False


@dataclass
class _Stored(Asked):
    shown: UnderWay
    wall_s: float


def run_plan(
    plan: Plan,
    writer: Writer,
    executor: Executor,
    *,
    provenance: Mapping[str, str],
    progress: Progress = SILENT,
    limit: Limit = NO_LIMIT,
) -> Summary:
    """Compute every due unit of `plan` and store it, one record a population with `provenance` and the time.

    Populations are begun while they are expected to end within `limit`; those still under way when it is over are
    ended with a checkpoint, and go on from there in a later run. Raises RunError when a population fails, and
    InterruptedRunError on Ctrl-C once the populations under way have written checkpoints (a second Ctrl-C drops them);
    what was stored before stays stored.
    """
    started = time.perf_counter()
    with _ctrl_c(progress) as asked_to_stop, ThreadPoolExecutor(1) as beside:
        run = _Run(plan, writer, executor, dict(provenance), progress, limit, beside)
        while True:
            if not run.stopping and (asked_to_stop() or not limit.left_s):
                run.stop()
            run.begin()
            if not run.waits():
                break
        interrupted = asked_to_stop()
    summary = run.summary
    summary.begun = run.submitted
    summary.wall_s = time.perf_counter() - started
    summary.waited, summary.idle = run.occupancy.shares()
    summary.left = len(plan.due())
    if interrupted and summary.left:
        raise InterruptedRunError("interrupted: everything finished so far is stored")
    return summary


class _Run:
    """A run under way: the populations that an executor has, and those whose records are being written.

    On a GPU an executor has one population more for each of its places, so that none waits for this process, and a
    thread writes records: what is made from a population begins before its record is there. On a CPU, where a
    population takes longer than all of that, the next one is chosen with everything stored, as always: which trainings
    are packed together depends on nothing else.
    """

    def __init__(
        self,
        plan: Plan,
        writer: Writer,
        executor: Executor,
        provenance: Mapping[str, str],
        progress: Progress,
        limit: Limit,
        beside: ThreadPoolExecutor,
    ) -> None:
        self.plan, self.writer, self.executor, self.provenance = plan, writer, executor, provenance
        self.progress, self.limit, self.beside = progress, limit, beside
        self.summary = Summary()
        self.stopping = False
        self.occupancy = Occupancy()
        self.submitted = 0
        self._unwritten = False  # a record that was to be, so that none may follow
        self._held = False  # by the limit, in which nothing that is ready would end
        self._checkpoints = writer.store.path / "checkpoints"
        self._resumable = _resumable(plan, self._checkpoints)
        self._computing: dict[Future[Computed], _Running] = {}  # in the order in which they were submitted
        self._storing: dict[Future[Written], _Stored] = {}
        due = plan.due()
        nodes = {unit.node.key: unit.node for unit in due}
        alone = {key: plan.seconds(Program.of(node), 1) for key, node in nodes.items()}
        self._seconds = {unit.name: alone[unit.node.key] for unit in due}
        self._run_s = sum(self._seconds.values())

    def stop(self) -> None:
        """Begin nothing more, and have what is under way saved and ended."""
        self.stopping = True
        self.executor.stop()
        for future in [each for each in self._computing if each.cancel()]:  # it has not been begun
            del self._computing[future]

    def begin(self) -> None:
        """Submit what is ready while the executor takes more, and is expected to end it within the limit."""
        while not self.stopping and len(self._computing) < (places := self.executor.places) * (1 + self._ahead):
            begins_s = self._begins_s(places)
            idle, left_s = max(1, places - len(self._computing)), max(0.0, self.limit.left_s - begins_s)
            busy = {unit.name for each in self._computing.values() for unit in each.units}
            units = _next(self.plan, self._resumable, busy, idle=idle, left_s=left_s, limit=self.limit)
            self._held = not units and bool(self.plan.ready(busy))
            if not units:
                break
            population = self.plan.pack(units)
            self.submitted += 1
            if told := emptied(population):
                self.progress.note(told, warning=True)
            named, number = checkpoint_name(population), self.submitted
            future = self.executor.submit(number, population, checkpoint=self._checkpoints / named)
            self._count(waiting=False)
            ends = time.perf_counter() + begins_s + SLACK * self.plan.seconds(population.program, len(units))
            self._computing[future] = _Running(units, population, self._shown(number, population, units), named, ends)
            self._show_begun(places)

    @property
    def _ahead(self) -> int:
        """How many populations each place has waiting."""
        return 0 if self.plan.kind == "cpu" else 1

    def _begins_s(self, places: int) -> float:
        """Return the seconds until one population more would begin: until a worker has started and a place is free."""
        start_s = START_S if self.submitted < places else 0.0
        if len(self._computing) < places:
            return start_s
        ends = sorted(each.ends for each in self._computing.values())
        return start_s + max(0.0, ends[len(ends) - places] - time.perf_counter())

    def waits(self) -> bool:
        """Wait until something is computed or stored and take it; False where nothing is under way."""
        if not self._computing and not self._storing:
            return False
        self._count(waiting=False)
        under_way: list[Future[Any]] = [*self._computing, *self._storing]
        wait(under_way, timeout=0.25, return_when=FIRST_COMPLETED)
        self._count(waiting=bool(self._computing))  # what was ready has been submitted: the rest waits for parents
        for number, steps in self.executor.progress():
            for each in (r.shown for r in self._computing.values() if r.shown.number == number):
                self.progress.advance(each, steps)
        for written in [each for each in self._storing if each.done()]:
            self._enter(self._storing.pop(written), written.result())
        for future in [each for each in self._computing if each.done()]:
            finished = self._computing.pop(future)
            self._show_begun(self.executor.places)
            try:
                computed = result(future, finished)
            except StoppedError as stop:
                self.progress.note(f"  {finished.name}: {stop}")
                continue
            self._store(finished, computed)
        return True

    def _left(self) -> int:
        """Return how many units are still to be submitted."""
        taken = [*self._computing.values(), *self._storing.values()]
        return len(self._seconds) - self.summary.trainings - sum(len(each.units) for each in taken)

    def _count(self, *, waiting: bool) -> None:
        """Count the time since the last call for the places, until the last population has begun.

        Time in which nothing more is begun, as the run is stopped or its limit near, is none of theirs.
        """
        places = 0 if self.stopping or self._held else self.executor.places
        computing = min(len(self._computing), places)
        queued = len(self._computing) > self.executor.places
        if self._left() or queued:
            self.occupancy.until(time.perf_counter(), computing=computing, free=places - computing, waiting=waiting)

    def _store(self, finished: _Running, computed: Computed) -> None:
        """Write the record of what was computed, and enter it into the index once it is there."""
        stored = _Stored(finished.units, finished.population, finished.shown, computed.wall_s)
        members = self.writer.promise(finished.population, computed)
        write = partial(_write, self.writer, finished, computed, members, {**self.provenance, "computed": now()})
        if self.plan.kind == "cpu":
            self._enter(stored, write())
        else:
            self._storing[self.beside.submit(partial(self._in_turn, write))] = stored

    def _in_turn(self, write: Callable[[], Written]) -> Written:
        """Write a record, if all before it were written: it may be of what was made from them."""
        if self._unwritten:
            raise StoreError("not written, as a record before it could not be")
        self._unwritten = True
        written = write()
        self._unwritten = False
        return written

    def _enter(self, stored: _Stored, written: Written) -> None:
        self.writer.enter(written)
        self.summary.populations += 1
        self.summary.trainings += len(stored.units)
        self.summary.member_steps += len(stored.units) * stored.population.program.steps
        under_way = [each.checkpoint for each in self._computing.values()]
        discard_checkpoints(self._checkpoints, [unit.name for unit in stored.units], under_way)
        self.progress.end(stored.shown, stored.wall_s, max(len(self._seconds) - self.summary.trainings, 0))

    def _shown(self, number: int, population: Population, units: list[Unit]) -> UnderWay:
        program, own = population.program, sum(self._seconds.get(unit.name, 0.0) for unit in units)
        names, asked = tuple(unit.name for unit in units), tuple(wanted_by(units))
        return UnderWay(number, program.label, asked, names, len(units), program.steps, own, self._run_s)

    def _show_begun(self, places: int) -> None:
        """Tell of the populations that have come to a place: the first that were submitted of those under way."""
        for each in itertools.islice(self._computing.values(), places):
            if not each.begun:
                each.begun = True
                self.progress.begin(each.shown)


def _write(
    writer: Writer,
    finished: Asked,
    computed: Computed,
    members: tuple[MemberRecord, ...],
    provenance: Mapping[str, str],
) -> Written:
    nodes = {unit.node.key: unit.node for unit in finished.units}
    described = {key: describe(node) for key, node in nodes.items()}
    own = {name: digest for node in nodes.values() for name, digest in own_code(node).items()}
    return writer.write(finished.population, computed, members, provenance, described, own)


def _resumable(plan: Plan, checkpoints: Path) -> list[tuple[list[Unit], float]]:
    """Return the units of each population that has a checkpoint and can go on from it, and the seconds it still takes.

    What a checkpoint was made from must still be what is stored; others are as if they were not there.
    """
    there = found_checkpoints(checkpoints)
    ready = {unit.name: unit for unit in plan.ready(set())} if there else {}
    resumable = []
    for each in there:
        if not all(name in ready for name in each.units):
            continue
        units = [ready.pop(name) for name in each.units]
        if checkpoint_name(plan.pack(units)) == each.name:
            whole_s = plan.seconds(Program.of(units[0].node), len(units))
            resumable.append((units, whole_s * (1 - each.share)))
    return resumable


def _next(
    plan: Plan,
    resumable: list[tuple[list[Unit], float]],
    busy: set[str],
    *,
    idle: int,
    left_s: float,
    limit: Limit,
) -> list[Unit]:
    """Return the units to run next: those of a checkpoint first, packed as they were, then as the plan packs them."""
    for i, (units, seconds) in enumerate(resumable):
        if plan.may_begin(seconds, left_s=left_s, whole_s=limit.whole_s):
            del resumable[i]
            return units
    kept = {unit.name for units, _ in resumable for unit in units}
    return plan.next_population(busy | kept, idle=idle, left_s=left_s, whole_s=limit.whole_s)


@contextmanager
def _ctrl_c(progress: Progress) -> Iterator[Callable[[], bool]]:
    """Make the first Ctrl-C a wish, asked for by the yielded function, and the second an InterruptedRunError."""
    asked: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if asked:
            raise InterruptedRunError("interrupted: populations under way were dropped")
        asked.append(number)
        progress.note("Ctrl-C: populations under way write checkpoints and end; again drops them")

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
