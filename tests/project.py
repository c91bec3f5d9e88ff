"""The project itself, as tests see it: its folder, and the claims in it."""

from functools import cache
from pathlib import Path

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
