"""Spend compute: take what is ready, hand it to the executor, store what comes back, until nothing is due."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from harness.compute._code import code_digest, own_code
from harness.compute._due import Unit
from harness.compute._executor import Executor
from harness.compute._limit import Limit
from harness.compute._plan import START_S, Plan
from harness.compute._progress import SILENT, Progress, UnderWay
from harness.data import SETS, load_set
from harness.errors import DataError, HarnessError, InterruptedRunError, RunError, StoppedError
from harness.expression import Training, describe
from harness.population import Computed, Population, Program
from harness.store import Writer, checkpoint_name, discard_checkpoints, found_checkpoints, now

NO_LIMIT = Limit()


@dataclass
class Summary:
    """What a run did."""

    trainings: int = 0
    populations: int = 0
    member_steps: int = 0
    wall_s: float = 0.0
    left: int = 0  # units that are still due


@dataclass
class _Running:
    units: list[Unit]
    population: Population
    shown: UnderWay
    checkpoint: str


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
    summary = Summary()
    running: dict[Future[Computed], _Running] = {}
    checkpoints = writer.store.path / "checkpoints"
    resumable = _resumable(plan, checkpoints)
    stopping = False
    seconds = {unit.name: plan.seconds(Program.of(unit.node), 1) for unit in plan.due()}
    with _ctrl_c(progress) as asked_to_stop:
        while True:
            if not stopping and (asked_to_stop() or not limit.left_s):
                stopping = True
                executor.stop()
            while not stopping and len(running) < executor.places:
                start_s = START_S if summary.populations < executor.places else 0.0
                left_s = max(0.0, limit.left_s - start_s)
                units = _next(plan, resumable, running, idle=executor.places - len(running), left_s=left_s, limit=limit)
                if not units:
                    break
                population = plan.pack(units)
                summary.populations += 1
                if told := _emptied(population):
                    progress.note(told, warning=True)
                named = checkpoint_name(population)
                future = executor.submit(summary.populations, population, checkpoint=checkpoints / named)
                shown = _under_way(summary.populations, population.program, units, seconds)
                progress.begin(shown)
                running[future] = _Running(units, population, shown, named)
            if not running:
                break
            done, _ = wait(running, timeout=0.25, return_when=FIRST_COMPLETED)
            for number, steps in executor.progress():
                for each in (r.shown for r in running.values() if r.shown.number == number):
                    progress.advance(each, steps)
            for future in done:
                finished = running.pop(future)
                try:
                    computed = _result(future, finished)
                except StoppedError as stop:
                    progress.note(f"  {_name(finished)}: {stop}")
                    continue
                _check_counts(finished.units, computed)
                described = {unit.node.key: describe(unit.node) for unit in finished.units}
                nodes = {unit.node for unit in finished.units}
                own = {name: digest for node in nodes for name, digest in own_code(node).items()}
                writer.add(finished.population, computed, {**provenance, "computed": now()}, described, own)
                summary.trainings += len(finished.units)
                summary.member_steps += len(finished.units) * finished.population.program.steps
                under_way = [r.checkpoint for r in running.values()]
                discard_checkpoints(checkpoints, [unit.name for unit in finished.units], under_way)
                progress.end(finished.shown, computed.wall_s, max(len(seconds) - summary.trainings, 0))
        interrupted = asked_to_stop()
    summary.wall_s = time.perf_counter() - started
    summary.left = len(plan.due())
    if interrupted and summary.left:
        raise InterruptedRunError("interrupted: everything finished so far is stored")
    return summary


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
    running: Mapping[Future[Computed], _Running],
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
    busy = {unit.name for r in running.values() for unit in r.units}
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


def _result(future: Future[Computed], finished: _Running) -> Computed:
    try:
        return _same_data(_in_order(future.result(), finished), finished)
    except HarnessError:
        raise
    except BrokenProcessPool as error:
        raise RunError(
            f"a worker died while computing {_name(finished)}: out of memory? Next: fewer --workers"
        ) from error
    except Exception as error:  # whatever a population died of is reported with its name, not as a bare traceback
        raise RunError(
            f"{_name(finished)} failed: {type(error).__name__}: {error}. "
            f"Next: harness why {finished.units[0].wanted_by[0]}"
        ) from error


def _in_order(computed: object, finished: _Running) -> Computed:
    """Return what an executor gave with its members in the population's order, each with what it measured."""
    asked = [member.unit for member in finished.population.members]
    given = {member.unit: member for member in computed.members} if isinstance(computed, Computed) else {}
    if not isinstance(computed, Computed) or len(computed.members) != len(asked) or given.keys() != set(asked):
        raise RunError(
            f"the executor returned {len(given)} of {len(asked)} members for {_name(finished)}. "
            "Next: correct the executor, or --executor local"
        )
    if silent := [unit for unit in asked if not given[unit].rows]:
        raise RunError(f"nothing was measured of {silent[0]}, for {_name(finished)}. Next: correct the executor")
    return replace(computed, members=tuple(given[unit] for unit in asked))


def _same_data(computed: Computed, finished: _Running) -> Computed:
    """Return what a worker computed; raises DataError where it was given other data than this process is."""
    source = finished.population.program.task.source
    if SETS[source].may_change and computed.data not in ("", here := load_set(source).digest):
        raise DataError(
            f"data set {source} gives what has digest {here} here, and {computed.data} in a worker. Next: let "
            f"{SETS[source].origin} give the same each time: draw by a seed of its own, and read the same files"
        )
    return computed


def _check_counts(units: list[Unit], computed: Computed) -> None:
    """Raise RunError where a learned mask is missing, or keeps others than the counts that its training says."""
    nodes = {unit.name: unit.node for unit in units}
    for result in computed.members:
        node, mask = nodes[result.unit], result.arrays.get("mask")
        learns = isinstance(node, Training) and node.learn is not None and node.learn.learns_mask
        if learns != (mask is not None):
            raise RunError(
                f"{node!r} has {'not learned the mask that it is to learn' if learns else 'learned a mask unasked'}. "
                "Next: correct masks() of its stack, or learns_mask of its description"
            )
        if mask is None:
            continue
        counts = {name: int(mask[tensor.slice].sum()) for name, tensor in node.network.prunable().items()}
        for layers in (frozenset(counts), *(frozenset((name,)) for name in counts)):
            told, found = node.kept_in(layers), sum(counts[name] for name in layers)
            if told is not None and told != found:
                where = "all layers" if len(layers) == len(counts) else ", ".join(layers)
                raise RunError(
                    f"{node!r} has learned a mask that keeps {found} weights of {where}, and says that it keeps "
                    f"{told}. Next: correct what it learns, kept_in() of its description or masks() of its stack"
                )


def _emptied(population: Population) -> str:
    """Say which layers masks leave without a weight, and in how many members; empty where none does.

    What counts masks measures just that, and is let be.
    """
    program = population.program
    if program.recipe is None and not program.measurement.passes:
        return ""
    masks = [member.mask for member in population.members if member.mask is not None]
    tensors = program.network.prunable().items() if masks else ()
    counts = {name: sum(not mask[tensor.slice].any() for mask in masks) for name, tensor in tensors}
    told = [f"{name} of {count} of {len(population.members)} nets" for name, count in counts.items() if count]
    if not told:
        return ""
    return (
        f"  {program.label}: the mask keeps no weight in {', '.join(told)}: unless a shortcut leads round "
        "it, the input is not seen. Next: raise keep=, or measure the mask with structure()"
    )


def _name(finished: _Running) -> str:
    who = ", ".join(wanted_by(finished.units))
    return f"{finished.population.program.label}, {len(finished.units)} members, for {who}"


def wanted_by(units: list[Unit]) -> list[str]:
    """Return the names of those who want these units, each once."""
    return sorted({name for unit in units for name in unit.wanted_by})


def _under_way(number: int, program: Program, units: list[Unit], seconds: Mapping[str, float]) -> UnderWay:
    """Return what progress is told of a population; `seconds` are those of the units due when the run began."""
    own = sum(seconds.get(unit.name, 0.0) for unit in units)
    return UnderWay(
        number, program.label, tuple(wanted_by(units)), len(units), program.steps, own, sum(seconds.values())
    )


def provenance(root: Path, kind: str) -> dict[str, str]:
    """Return what the process that stores records says of a run: git's revision of `root`, the device, the code."""
    return {"git": git_revision(root), "kind": kind, "code": code_digest()}


def git_revision(root: Path) -> str:
    """Return the commit checked out, with ``-dirty`` where tracked sources differ from it, or ``unknown``."""
    try:
        described: str = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described
