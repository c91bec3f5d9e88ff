"""A run that was killed and started again ends with the rows of one that was not, bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.compute._run import run_plan
from tests.inline import Inline, everything, small_plan

ROOT = Path(__file__).parents[2]


def drive(store, kills, kind, seed=0):
    out = subprocess.run(
        [sys.executable, "-m", "tests.crash_driver", str(store), str(kills), str(seed), kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout.splitlines()[-1])


def calm(path):
    """Run the small plan in this process, uninterrupted."""
    plan = small_plan(path)
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_resume_equals_uninterrupted_after_20_kills(tmp_path, kind):
    """Killed with SIGKILL at 20 random moments, logged, the store ends with the same rows, outputs and inputs.

    That holds for records written between populations, as on a CPU, and for those that a thread writes.
    """
    calm(tmp_path / "calm")
    killed = drive(tmp_path / "killed", 20, kind)
    assert killed["status"] == 0
    assert len(killed["moments"]) == 20
    assert everything(tmp_path / "killed") == everything(tmp_path / "calm"), killed["moments"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for orphans in /proc")
def test_workers_die_with_their_parent_and_the_command_goes_on(tmp_path):
    """`harness run` killed with SIGKILL leaves no worker behind; the same command then finishes the work."""
    line = [sys.executable, "-m", "harness", "run", "ramanujan2020", "--quick", "--workers", "1"]
    line += ["--store", str(tmp_path / "store"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    marked = {**os.environ, "HARNESS_TEST_MARK": str(tmp_path)}
    process = subprocess.Popen(line, cwd=ROOT, env=marked, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(processes(tmp_path)) < 3 and time.monotonic() < deadline:  # parent, resource tracker, worker
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while processes(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(tmp_path) == []
    again = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out" / "results.parquet").is_file()


def processes(mark):
    """Return the live processes that carry the mark in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                alive = "\nState:\tZ" not in (folder / "status").read_text()
                if alive and f"HARNESS_TEST_MARK={mark}".encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found
