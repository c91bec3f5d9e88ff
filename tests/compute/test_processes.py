"""Processes beside this one: whose they are, and what they start with."""

import multiprocessing
import os
import sys
import time
from multiprocessing import spawn
from types import ModuleType

import pytest

from harness.compute import Local
from harness.compute._processes import Processes


class Starting:
    """Stands for the pool; keeps what a process would be told of the main module when it starts."""

    def submit(self, *_):
        self.told = {name for name in spawn.get_preparation_data("worker") if name.startswith("init_main")}


def test_an_error_ends_no_process_of_somebody_else():
    """A notebook may have workers of its own, which an error of a run leaves alone; so have those who judge."""
    theirs = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    theirs.start()
    others = Processes(1)
    ours = others.submit(os.getpid)
    try:
        with pytest.raises(ZeroDivisionError), Local(device="cuda", workers=1):
            1 / 0  # noqa: B018 - it is there to fail
        assert theirs.is_alive()
        assert ours.result(timeout=60) == others.submit(os.getpid).result(timeout=60) != os.getpid()
    finally:
        theirs.kill()
        theirs.join()
        others.end()


def test_a_process_does_not_run_the_main_module(monkeypatch):
    """A user's script without ``if __name__ == "__main__"`` starts no workers of workers, and stays the main module."""
    main = ModuleType("__main__")
    main.__file__ = "script.py"
    monkeypatch.setitem(sys.modules, "__main__", main)
    starting = Starting()
    starting.submit()
    assert starting.told == {"init_main_from_path"}
    processes = Processes(1)
    monkeypatch.setattr(processes, "_pool", starting)
    processes.submit(os.getpid)
    assert starting.told == set()
    assert sys.modules["__main__"] is main


def test_what_is_ended_at_once_is_not_waited_for():
    """And what is ended otherwise gives what it was asked for."""
    slow, quick = Processes(1), Processes(1)
    slow.submit(time.sleep, 60)
    given = quick.submit(os.getpid)
    began = time.monotonic()
    slow.end(at_once=True)
    quick.end()
    assert time.monotonic() - began < 30
    assert given.result(timeout=0) != os.getpid()


def test_what_is_submitted_begins_after_what_a_process_begins_with():
    """In each process once."""
    processes = Processes(1, os.putenv, "BEGUN", "1")
    assert processes.submit(os.system, 'test "$BEGUN" = 1').result(timeout=60) == 0
    processes.end()
