"""The project's own claims and watched trainings, as tests of committed files ask for them."""

from pathlib import Path

from harness.design import CLAIMS, Scale, load_claims, watched

ROOT = Path(__file__).parents[1]


def claims():
    """Return the project's claims by id; a design is built once, however many tests ask for it."""
    load_claims(ROOT)
    return dict(sorted(CLAIMS.items()))


def designs():
    """Return every design of the claims, by id and scale."""
    return {(id, scale): claim.design(scale) for id, claim in claims().items() for scale in claim.predicted}


def watched_keys(scale):
    """Return the keys of the trainings that the seed-variance check watches at a scale, by name."""
    load_claims(ROOT)
    return {name: node.key for name, node in watched([], Scale(scale)).items()}
