"""The command ``harness`` in the test's own process: nothing to start, no torch to import, no worker to wait for."""

import importlib
import io
import os
import sys
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

import torch

from harness.__main__ import main
from harness.design._catalogue import CLAIMS, PAPERS, WATCHED
from tests.inline import Inline

EXECUTORS = ("harness.compute.Local", "harness.variance._watch.Local")  # where commands take theirs from


@dataclass(frozen=True)
class Done:
    """How a command ended; the same names as subprocess has."""

    returncode: int
    stdout: str
    stderr: str


class Here(Inline):
    """What commands take for their workers: trains in this process."""

    def __init__(self, *, device="cpu", workers=None):
        assert device == "cpu"
        self.workers = workers

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def harness(*arguments, **environment):
    """Run ``harness ARGUMENTS`` in this process, on a CPU, with the claims of its own project and no others."""
    out, err = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environment))
        if "HARNESS_STORE" not in environment:
            os.environ.pop("HARNESS_STORE", None)
        stack.enter_context(mock.patch.object(sys, "argv", ["harness", *map(str, arguments)]))
        stack.enter_context(mock.patch.object(torch.cuda, "is_available", return_value=False))
        for name in EXECUTORS:
            stack.enter_context(mock.patch(name, Here))
        stack.enter_context(unknown_claims())
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
    return Done(status, out.getvalue(), err.getvalue())


@contextmanager
def unknown_claims():
    """Forget every claim that was imported, and what is imported meanwhile; leave no bytecode of claims that change."""
    registries = (CLAIMS, PAPERS, WATCHED)
    known = [dict(each) for each in registries]
    modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "claims"}
    path, wrote = list(sys.path), sys.dont_write_bytecode
    try:
        _forget(registries)
        sys.dont_write_bytecode = True
        yield
    finally:
        _forget(registries)
        for each, before in zip(registries, known, strict=True):
            each.update(before)
        sys.modules.update(modules)
        sys.path[:], sys.dont_write_bytecode = path, wrote


def _forget(registries):
    for each in registries:
        each.clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "claims"]:
        del sys.modules[name]
    importlib.invalidate_caches()
