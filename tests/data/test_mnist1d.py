"""MNIST-1D by our own generator: the published bytes, and further examples of the same kind."""

import hashlib

import numpy as np
import pytest

from harness.data import MNIST1D, check_task, load_set
from harness.data import _mnist1d as mnist1d
from harness.data import _sets as data
from harness.engine._course import compute
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.population._population import Population, Program
from tests.members import member

# SHA-256 of what the package mnist1d 0.0.2.post1 makes: signals and labels for training, then for testing, as
# little-endian float32 and uint8.
PUBLISHED = {
    "mnist-1d": "e051c8bd6bf115350c592615ee38c8e61442875a67da419c4dd8db4c1fdc7436",
    "mnist-1d-43": "4c70eb2f9a5c371ff5e3238af63eca18ddacbdb7e7c5458221a2c1fbc85ba1a9",
}


@pytest.mark.parametrize("source", PUBLISHED)
def test_the_published_examples_are_the_published_bytes(source):
    """Of both seeds, the first 4,000 for training and the first 1,000 for testing, in the authors' order."""
    loaded = load_set(source)
    hashed = hashlib.sha256()
    for rows in (slice(0, 4000), slice(loaded.train, loaded.train + 1000)):
        hashed.update(loaded.images[rows].astype("<f4").tobytes())
        hashed.update(loaded.labels[rows].astype(np.uint8).tobytes())
    assert hashed.hexdigest() == PUBLISHED[source]


def test_further_examples_are_like_the_published_ones():
    """5,000 for training and 12,000 for testing, no two alike, of the same mean, spread and classes in both parts."""
    loaded = load_set("mnist-1d")
    assert (loaded.images.shape, loaded.train) == ((17_000, 40), 5000)
    assert len(np.unique(loaded.images, axis=0)) == 17_000
    further = loaded.images[loaded.train + 1000 :]
    assert further.mean() == pytest.approx(0, abs=0.02)
    assert further.std() == pytest.approx(1, abs=0.02)
    shares = np.bincount(loaded.labels[loaded.train :]) / 12_000
    assert np.abs(shares - 0.1).max() < 0.01


def test_random_numbers_of_others_are_left_alone():
    """Making it draws nothing from numpy's global generator."""
    state = np.random.get_state()[1].copy()
    mnist1d._drawn(42, 10)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_it_is_known_without_being_made(monkeypatch):
    """A claim on it is planned without its signals."""
    monkeypatch.setattr(data, "load_set", lambda name: pytest.fail(f"{name} was loaded"))
    check_task(MNIST1D)


def test_a_perceptron_learns_it_as_far_as_the_paper_s():
    """40-100-100-10 for 2,000 steps: 60 to 72 % of the test examples, where the paper has 68 %."""
    recipe = Recipe(optimiser=Adam(2e-3), steps=2000, batch=100, validate_every=1000)
    program = Program(mlp(40, 100, 100, 10), MNIST1D, recipe)
    (result,) = compute(Population(program, (member(program, 0),))).members
    (accuracy,) = (row.value for row in result.rows if row.metric == "test_accuracy")
    assert 0.60 < accuracy < 0.72
