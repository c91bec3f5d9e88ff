"""A member packed with others equals the same member alone, bit for bit: every key in the store stands on this.

Also tests `engine._nn` and `engine._stack`.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from harness import data
from harness.data import _splits as splits
from harness.data._sets import DataSet
from harness.data._tasks import MNIST, Scaling
from harness.engine import _course as course
from harness.engine._course import compute
from harness.networks._architectures import vision_transformer
from harness.networks._layers import Image
from harness.networks._network import mlp
from harness.population._population import Program
from tests.members import CONVOLUTIONS, PAPERS, PROGRAMS, population


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def assert_same(packed, alone):
    assert packed.rows == alone.rows
    assert packed.arrays.keys() == alone.arrays.keys()
    for slot, values in alone.arrays.items():
        np.testing.assert_array_equal(packed.arrays[slot], values, err_msg=slot)


LARGE = {"digits mlp, adam", "edge-popup", "difference batch-norm mlp, sgd"}  # of which there are others, smaller


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in LARGE else []) for n in PROGRAMS])
def test_packed_equals_alone(name):
    """First, middle and last of populations of 2, 3, 16 and 33 have the weights, curve and mask they have alone."""
    program = PROGRAMS[name]
    alone = {i: compute(population(program, [i], snapshots=(10,))).members[0] for i in (0, 1, 2, 8, 15, 16, 32)}
    for size in (2, 3, 16, 33):
        packed = compute(population(program, range(size), snapshots=(10,))).members
        for position in sorted({0, size // 2, size - 1}):
            assert_same(packed[position], alone[position])


@pytest.mark.parametrize(
    "network",
    [
        mlp(64, 1, 10),
        mlp(64, 33, 1, 10),
        mlp(64, 1, 33, 10, bias=False),
        mlp(64, 1, 10, batch_norm=True),
        vision_transformer(image=Image(1, 8, 8), patch=2, features=12, heads=3, hidden=1),
        vision_transformer(image=Image(1, 8, 8), patch=2, features=1, heads=1, hidden=5),
    ],
)
def test_layers_of_one_input_or_output_are_packed_too(network):
    """Torch has another product for one of them than for several, which differs in the last place."""
    program = replace(PROGRAMS["digits mlp, odd widths, adam"], network=network)
    packed = compute(population(program, range(3))).members
    for i in range(3):
        assert_same(packed[i], compute(population(program, [i])).members[0])


CROPPED = replace(PROGRAMS["digits mlp, odd widths, sgd"].task, augment="crop-flip", scaling="standardised")


def test_packed_equals_alone_with_augmentation():
    """A member's crops are its own, from its own draws."""
    program = replace(PROGRAMS["digits mlp, odd widths, sgd"], task=CROPPED)
    packed = compute(population(program, range(5))).members
    for i in (0, 2, 4):
        assert_same(packed[i], compute(population(program, [i])).members[0])


@pytest.mark.parametrize(
    "scaling", [pytest.param(s, marks=[pytest.mark.slow] if s is Scaling.COLUMNS else []) for s in Scaling]
)
def test_packed_equals_alone_on_mnist(real, scaling):
    """Bytes gathered, cropped, mirrored and scaled for many members are those of each alone."""
    real(DataSet.MNIST)
    task = replace(MNIST, scaling=scaling, augment="crop-flip", validation_images=1000, test_images=1000)
    recipe = replace(PROGRAMS["digits mlp, odd widths, sgd"].recipe, steps=20, validate_every=10)
    program = Program(mlp(784, 33, 10), task, recipe)
    packed = compute(population(program, range(5), snapshots=(10,))).members
    for i in (0, 2, 4):
        assert_same(packed[i], compute(population(program, [i], snapshots=(10,))).members[0])


SLOW = ("residual batch-norm, sgd", "residual batch-norm, bfloat16", "transformer, odd widths")


def test_position_does_not_matter():
    """The same member first and last in a population, among others of another order, is the same."""
    program = PROGRAMS["digits mlp, odd widths, adam"]
    first = compute(population(program, [5, 1, 2, 3])).members[0]
    last = compute(population(program, [3, 4, 2, 5])).members[-1]
    assert_same(first, last)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CONVOLUTIONS]
)
def test_packed_convolutions_equal_alone(name):
    """First, a masked one and last of 3 and 8 members of convolutional networks have what they have alone."""
    program = CONVOLUTIONS[name]
    alone = {i: compute(population(program, [i], snapshots=(10,))).members[0] for i in (0, 2, 4, 7)}
    for size in (3, 8):
        packed = compute(population(program, range(size), snapshots=(10,))).members
        for position in sorted({0, 2, size // 2, size - 1} & alone.keys()):
            assert_same(packed[position], alone[position])


def test_packed_gelu_equals_alone_whoever_computes_it(monkeypatch):
    """A kernel of torch's own, as where oneDNN is not there, computes the last values of a tensor apart."""
    program = CONVOLUTIONS["transformer, odd widths"]
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    packed = compute(population(program, range(3))).members
    for i in range(3):
        assert_same(packed[i], compute(population(program, [i])).members[0])


@pytest.mark.parametrize("name", PAPERS)
def test_packed_networks_of_the_papers_equal_alone(name, monkeypatch):
    """First and a masked one of 4 members of every network have what they have alone, on random images."""
    program = PAPERS[name]
    random = np.random.default_rng(0)
    images = random.integers(256, size=(70_000, program.network.inputs), dtype=np.uint8)
    labels = random.integers(10, size=len(images))
    for module in (data, splits):
        monkeypatch.setattr(module, "source", lambda _name: (images, labels))
    monkeypatch.setattr(course, "load_set", lambda _name: SimpleNamespace(digest=""))
    packed = compute(population(program, range(4), snapshots=(2,))).members
    for i in (0, 2):
        assert_same(packed[i], compute(population(program, [i], snapshots=(2,))).members[0])


def test_residual_network_learns():
    """Half a hundred steps bring a residual network of 1,000 weights well above chance: its parts work together."""
    result = compute(population(CONVOLUTIONS["residual batch-norm, sgd"], [0])).members[0]
    accuracy = next(row.value for row in result.rows if row.metric == "test_accuracy")
    assert accuracy > 0.5
