"""The command in a process of its own, and what that process imported."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def python(code, **more):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, **more)


def command(*arguments, absent=(), hash_seed=0):
    """Run the command in one process and fail if it imported a module that it should do without."""
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
