"""Where populations are computed: populations in, records out.

An executor is a `concurrent.futures.Executor` with a number of places; ``local`` is one worker process a core with one
thread each (measured: two such workers beat one process with two threads), or several workers that share a GPU. Only
the parent writes records; a worker may write a checkpoint of a long population, in the folder that the parent names.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType
from typing import Protocol

from harness.compute._processes import SPAWN, Processes, nothing
from harness.errors import StoppedError
from harness.extensions import Extensions
from harness.population import Computed, Population

WORKER_ENVIRONMENT = {  # read by libraries when a worker starts
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MKL_CBWR": "AVX2",  # products of odd widths do not depend on where a member lies in memory
    "MALLOC_MMAP_THRESHOLD_": "1073741824",  # glibc keeps freed activations instead of giving their pages back,
    "MALLOC_TRIM_THRESHOLD_": "2147483648",  # which would be faulted in again at every step
}

MAX_WORKERS = 8  # each worker holds torch and a population, about half a GiB
GPU_WORKERS = 4  # a small population leaves most of a GPU to others, and a claim's levels wait for one another

Progress = tuple[int, int]  # number of the population, steps done since the last report


class Executor(Protocol):
    """What `run` needs of an executor; a cluster's engine is put behind these three methods.

    `places` is how many populations are computed at once. On a GPU `run` submits up to twice as many, in the order in
    which they are to be computed.
    """

    places: int

    def submit(self, number: int, population: Population, checkpoint: Path | None = None) -> Future[Computed]:
        """Start computing `population`; progress is reported under `number`, and saved in the folder `checkpoint`."""

    def stop(self) -> None:
        """Ask for what is being computed to be saved and ended with StoppedError."""

    def progress(self) -> list[Progress]:
        """Return what has been reported since the last call."""


Making = Callable[..., AbstractContextManager[Executor]]

EXECUTORS = Extensions[Making]("executor")


def executor(name: str) -> Callable[[Making], Making]:
    """Register the decorated class or function as an executor that commands can name.

    Args:
        name: What follows ``--executor``.

    Returns:
        A decorator; what it decorates is called with ``device``, ``workers`` and ``prepare``, the latter a function to
        be called in each worker before anything is computed, and gives a context manager of an `Executor`.

    Raises:
        DesignError: Another executor has this name.
    """

    def register(making: Making) -> Making:
        EXECUTORS.add(name, making)
        return making

    return register


@executor("local")
class Local:
    """Worker processes on this machine; a context manager.

    `prepare` is called in each worker before anything is computed there; it is sent by its name, as functions are.
    Workers of a GPU start at once, those of a CPU with the first population: beside the start a CPU has no core to plan
    on, and where all is stored it would be for nothing.
    """

    def __init__(
        self, *, device: str = "cpu", workers: int | None = None, prepare: Callable[[], object] = nothing
    ) -> None:
        self.device = device
        self.places = workers or usual_workers(device)
        if device == "cpu":
            os.environ.update(WORKER_ENVIRONMENT)
        self._reports: Queue[Progress] = SPAWN.Queue()
        self._stop = SPAWN.Event()
        given = (self._reports, self._stop, device, self.places, prepare)
        self._workers = Processes(self.places, _start_worker, *given)
        self._given = False
        if device != "cpu":
            for _ in range(self.places):  # one worker starts with each, as none is idle
                self._workers.submit(nothing)

    def submit(self, number: int, population: Population, checkpoint: Path | None = None) -> Future[Computed]:
        """Start computing `population`."""
        self._given = True
        return self._workers.submit(_work, number, pickle.dumps(population), checkpoint)

    def stop(self) -> None:
        """Ask the workers to save what they are computing and to end it; they look every half second of training.

        What no worker has begun is not begun.
        """
        self._stop.set()

    def progress(self) -> list[Progress]:
        """Return what the workers have reported since the last call."""
        reports = []
        while not self._reports.empty():
            reports.append(self._reports.get())
        return reports

    def __enter__(self) -> Local:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.end(at_once=error is not None or not self._given)  # nobody waits for what is still starting


def usual_workers(device: str = "cpu") -> int:
    """Return how many worker processes there are unless one says otherwise: on a CPU one a core, but not too many."""
    return min(MAX_WORKERS, cores()) if device == "cpu" else GPU_WORKERS


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_report: Callable[[int, int], None]
_stop: Event
_device: str
_places: int
_prepare: Callable[[], object]


def _start_worker(
    reports: Queue[Progress], stop: Event, device: str, places: int, prepare: Callable[[], object]
) -> None:
    """Set a worker up before torch loads; one of a GPU then warms up, while the parent still plans."""
    global _report, _stop, _device, _places, _prepare
    _device, _places, _stop, _prepare = device, places, stop, prepare

    def report(number: int, steps: int) -> None:
        reports.put((number, steps))

    _report = report
    if device != "cpu":
        with suppress(Exception):  # which the first population has again, and tells
            _warm_up()


def _warm_up() -> None:
    from harness.engine import warm_up

    warm_up(_device)
    _prepared()


def _prepared() -> None:
    """Prepare what the parent asked for, once."""
    global _prepare
    _prepare()
    _prepare = nothing


def _work(number: int, pickled: bytes, checkpoint: Path | None) -> Computed:
    """Compute a population, which is unpickled once the modules of its classes are there."""
    from harness.engine import compute_within_memory, one_thread
    from harness.store import CheckpointSaver

    if _stop.is_set():
        raise StoppedError("not begun")
    _prepared()  # not when the worker starts: there an error would only be a worker that died
    population: Population = pickle.loads(pickled)
    if _device == "cpu":
        one_thread()
    saver = None if checkpoint is None else CheckpointSaver(checkpoint, _stop.is_set)
    return compute_within_memory(
        population, device=_device, report=lambda steps: _report(number, steps), saver=saver, places=_places
    )
