"""The worker processes of this machine."""

import multiprocessing
import os
import signal
import time

import pytest

from harness.compute import Local, usual_workers
from harness.compute import _executor as executor
from harness.errors import DesignError, StoppedError


def unprepared():
    """Fail as a worker does that does not find the claims."""
    raise DesignError("no folder of claims")


def test_what_a_worker_lacks_is_told():
    """An error of preparing is the error of what was to be computed, not a worker that died of something."""
    with Local(workers=1, prepare=unprepared) as executor, pytest.raises(DesignError, match="no folder of claims"):
        executor.submit(1, None).result()


def test_workers_of_a_gpu_start_before_anything_is_computed():
    """Two processes are there with the executor, which waits for none of them where there was nothing to compute."""
    before = set(multiprocessing.active_children())
    with Local(device="cuda", workers=2) as local:
        assert local.places == 2
        mine = set(multiprocessing.active_children()) - before
        assert len(mine) == 2
    assert not any(each.is_alive() for each in mine)
    with Local(device="cuda") as local:
        assert local.places == usual_workers("cuda") == 4


def test_workers_are_deaf_to_ctrl_c_while_they_start():
    """The terminal sends it to all processes, and what it means the parent decides; there it comes as ever."""
    before = set(multiprocessing.active_children())
    with Local(device="cuda", workers=1) as local:
        (worker,) = set(multiprocessing.active_children()) - before
        for _ in range(20):
            os.kill(worker.pid, signal.SIGINT)
            time.sleep(0.05)
        assert local._workers.submit(os.getpid).result(timeout=60) == worker.pid
        local._given = True
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_workers_of_a_cpu_start_with_the_first_population():
    """Where everything is stored, none is started."""
    before = set(multiprocessing.active_children())
    with Local(workers=2):
        assert set(multiprocessing.active_children()) == before


def test_nothing_is_begun_once_the_run_stops():
    """A population that waited for a place when the run was stopped is left as it was."""
    with Local(workers=1) as local:
        local.stop()
        with pytest.raises(StoppedError, match="not begun"):
            local.submit(1, None).result()


def test_what_fails_while_a_worker_warms_up_is_told_by_the_first_population(monkeypatch):
    """An error there would only be a worker that died: the first population has it again."""
    queue, event = multiprocessing.get_context("spawn").Queue(), multiprocessing.get_context("spawn").Event()
    monkeypatch.setattr(executor, "_warm_up", unprepared)
    executor._start_worker(queue, event, "cuda", 1, unprepared)
    with pytest.raises(DesignError, match="no folder of claims"):
        executor._work(1, b"", None)
