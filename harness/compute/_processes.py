"""Processes beside this one: started one by one as there is work, deaf to Ctrl-C, and gone when this one is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SPAWN = multiprocessing.get_context("spawn")  # a copy of a process with threads may hang


def nothing() -> None:
    """Do nothing."""


class Processes:
    """At most so many processes, in each of which `begin` is called first with what is `given`.

    Functions and what they are given are pickled; what fails in one of them, its future raises.
    """

    def __init__(self, most: int, begin: Callable[..., object] = nothing, *given: object) -> None:
        self._own: set[BaseProcess] = set()  # others may be of whoever uses the harness
        self._pool = ProcessPoolExecutor(most, mp_context=SPAWN, initializer=_begun, initargs=(begin, given))

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a process call a function, a new one where none is idle and there may be more."""
        before = set(multiprocessing.active_children())
        with _starting():
            future = self._pool.submit(function, *args, **kwargs)
        self._own |= set(multiprocessing.active_children()) - before
        return future

    def end(self, *, at_once: bool = False) -> None:
        """Call nothing more, and wait for what is being called, or end it `at_once`."""
        for process in self._own if at_once else ():
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _starting() -> Iterator[None]:
    """Let workers start without the main module, and deaf to Ctrl-C.

    A worker would run a user's script again, which starts workers, and needs none of it. What Ctrl-C means the parent
    decides: a worker inherits that it is blocked, and else it would end one that is still importing, with a traceback.
    """
    main, block = sys.modules["__main__"], getattr(signal, "pthread_sigmask", None)
    before: set[int] = block(signal.SIG_BLOCK, {signal.SIGINT}) if block else set()
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if block:
            block(signal.SIG_SETMASK, before)


def _begun(begin: Callable[..., object], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_die_with_parent, daemon=True).start()
    begin(*given)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
