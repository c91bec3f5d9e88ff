"""The command ``harness``: in the test's own process, where nothing starts, or in one that says what it imported."""

import io
import os
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

import torch

from harness.__main__ import main
from harness.compute._executor import EXECUTORS
from tests.inline import Inline
from tests.project import ROOT


@dataclass(frozen=True)
class Done:
    """How a command ended; the same names as subprocess has."""

    returncode: int
    stdout: str
    stderr: str


class Here(Inline):
    """What commands take for their workers: trains in this process."""

    def __init__(self, *, device="cpu", workers=None, prepare=None):
        assert device == "cpu"
        self.workers = workers

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
        stack.enter_context(mock.patch.object(sys, "dont_write_bytecode", True))  # claims change within a second
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
    return Done(status, out.getvalue(), err.getvalue())


def python(code, **more):
    """Run code in a process of its own, in the project's folder."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, **more)


def command(*arguments, absent=(), hash_seed=0):
    """Run the command in a process of its own and fail if it imported a module that it should do without."""
    return commands(arguments, absent=absent, hash_seed=hash_seed)


def commands(*lines, absent=(), hash_seed=0):
    """Run commands one after the other in one process and fail if they imported what they should do without.

    With another hash seed sets are gone through in another order.
    """
    code = f"""
import sys
from harness.cli import app
for line in {[list(line) for line in lines]!r}:
    try:
        app(line, prog_name="harness")
    except SystemExit as stop:
        assert not stop.code, stop.code
loaded = [name for name in {list(absent)!r} if name in sys.modules]
assert not loaded, loaded
"""
    result = python(code, env={**os.environ, "PYTHONHASHSEED": str(hash_seed)})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
