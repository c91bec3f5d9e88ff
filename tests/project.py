"""The project itself, as tests see it: its folder, and the claims in it."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import harness
from harness.design import Catalogue, Scale

ROOT = Path(__file__).parents[1]


@cache
def catalogue() -> Catalogue:
    """Return the project's own claims, loaded once per process."""
    return Catalogue.load(ROOT / "claims")


def designs():
    """Return every design of the claims, by id and scale; a design is built once, however many tests ask for it."""
    return {(id, scale): claim.design(scale) for id, claim in claims().items() for scale in claim.predicted}


def claims():
    """Return the project's claims by id."""
    return dict(sorted(catalogue().claims.items()))


def watched_keys(scale):
    """Return the keys of the trainings that the seed-variance check watches at a scale, by name."""
    return {name: node.key for name, node in catalogue().select_watched([], Scale(scale)).items()}


def loaded_by(module, *others):
    """Return which of the other modules a fresh process has loaded after `module`, and nothing else of the harness."""
    script = f"""
import sys, types
package = sys.modules["harness"] = types.ModuleType("harness")  # without what the package itself may re-export
package.__path__ = {list(harness.__path__)!r}
import {module}
print(*[name for name in {others!r} if name in sys.modules])
"""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
