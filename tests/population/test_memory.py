"""How much memory is expected: of the parts that there are, and no less than a population takes."""

from dataclasses import replace

import pytest

from harness.data._tasks import CIFAR10, DIGITS, MNIST, WIKITEXT2
from harness.networks._architectures import lstm_net, resnet20
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.population import _memory
from harness.population._memory import population_bytes
from harness.population._population import Program

RECIPE = Recipe(optimiser=Adam(1e-3), steps=2000, batch=60)
LENET = Program(mlp(784, 300, 100, 10), MNIST, RECIPE)


def test_members_take_memory_one_by_one():
    """Twice as many take twice as much, of every part."""
    assert population_bytes(LENET, 6) == 6 * population_bytes(LENET, 1)


@pytest.mark.parametrize(
    ("program", "bytes_"),
    [
        # 36 bytes of 266,610 parameters and a few to fill up, input and output of a layer of 784 for 1,000 examples,
        # and 916 steps of 60 images by four bytes and answers by five at most
        (LENET, 36 * 266_752 + 8 * 1000 * 784 + 916 * 60 * 9),
        (replace(LENET, task=DIGITS, network=mlp(64, 10)), 36 * 704 + 8 * 1000 * 64 + 192 * 60 * 9),
    ],
)
def test_parts_are_counted(program, bytes_):
    """Parameters with what an optimiser has of them, the examples of a pass, the batches that wait."""
    assert population_bytes(program, 1) == pytest.approx(bytes_, rel=2e-3)


def test_a_graph_has_memory_of_its_own():
    """On a CPU the larger of a training step's activations and an evaluation's are counted, on a GPU both."""
    net = resnet20()
    program = Program(net, CIFAR10, replace(RECIPE, batch=500))
    trained, evaluated = 500 * net.activations * 12, 8 * _memory.examples_a_pass(net) * net.widest
    rest = 36 * net.flat_size + 2 * 90 * 500 * 9
    assert trained > evaluated
    assert population_bytes(program, 1) == pytest.approx(rest + trained, rel=2e-3)
    assert population_bytes(program, 1, "cuda") == pytest.approx(rest + trained + evaluated, rel=2e-3)


def test_an_answer_a_token_waits():
    """Batches of texts hold as many answers as tokens."""
    net = lstm_net(33_278, places=50, features=32, hidden=96)
    one, many = (Program(net, WIKITEXT2, replace(RECIPE, batch=30, steps=steps)) for steps in (1, 1001))
    assert population_bytes(many, 1) - population_bytes(one, 1) == 1000 * 30 * (5 + 4 * 50)


def test_a_large_vocabulary_does_not_take_a_thousand_examples_at_a_time():
    """A pass has as many windows as fit, and a training its batch: WikiText-2 fits a machine of some gigabytes."""
    net = lstm_net(33_278, places=50, features=32, hidden=96)
    program = Program(net, WIKITEXT2, replace(RECIPE, batch=30))
    assert 8 * 100 * net.widest < population_bytes(program, 1) < 3e9
    assert _memory.examples_a_pass(net) == 100
