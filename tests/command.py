"""The command ``harness`` in the test's own process: nothing to start, no torch to import, no worker to wait for."""

import io
import os
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

import torch

from harness.__main__ import main
from harness.compute._executor import EXECUTORS
from harness.workflow import _beside
from tests.inline import Inline


@dataclass(frozen=True)
class Done:
    """How a command ended; the same names as subprocess has."""

    returncode: int
    stdout: str
    stderr: str


class Here(Inline):
    """What commands take for their workers: trains in this process."""

    def __init__(self, *, device="cpu", workers=None, prepare=None):
        self.device, self.workers = device, workers

    def submit(self, number, population, checkpoint=None):
        assert self.device == "cpu"
        return super().submit(number, population, checkpoint)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def harness(*arguments, **environment):
    """Run ``harness ARGUMENTS`` in this process, on a CPU."""
    out, err = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environment))
        if "HARNESS_STORE" not in environment:
            os.environ.pop("HARNESS_STORE", None)
        stack.enter_context(mock.patch.object(sys, "argv", ["harness", *map(str, arguments)]))
        stack.enter_context(mock.patch.object(torch.cuda, "is_available", return_value=False))
        stack.enter_context(mock.patch.dict(EXECUTORS._things, {"local": Here}))
        stack.enter_context(mock.patch.object(_beside, "idle_cores", return_value=0))  # nor for others to draw
        stack.enter_context(mock.patch.object(sys, "dont_write_bytecode", True))  # claims change within a second
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
    return Done(status, out.getvalue(), err.getvalue())
