"""The project itself, as tests see it: its folder, and the claims in it."""

from functools import cache
from pathlib import Path

from harness.design import Catalogue

ROOT = Path(__file__).parents[1]


@cache
def catalogue() -> Catalogue:
    """Return the project's own claims, loaded once per process."""
    return Catalogue.load(ROOT / "claims")
