"""Dropout and penalties: what is dropped is a function of its counter, and gradients are those of the stated loss."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from harness.data._tasks import DIGITS
from harness.engine import _updates as updates
from harness.engine._course import compute
from harness.engine._noise import Noise, mixed
from harness.errors import DesignError
from harness.expression import Scores, train
from harness.networks._architectures import conv_net
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Recipe
from harness.population import _memory
from harness.population._population import Population, Program
from harness.streams import Replicate, word
from tests.members import begun, member

KEYS = torch.tensor([word(Replicate(1, i), "dropout") for i in range(3)])
STEP = torch.tensor([7])
ONES = torch.ones(3, 60, 301)


def test_mixing_is_splitmix64():
    """The words that the paper's generator gives from seed 1234567, as Rosetta Code lists them."""
    seed, golden = 1234567, 0x9E3779B97F4A7C15
    states = [(seed + i * golden) % 2**64 for i in range(1, 4)]
    signed = torch.tensor([state - 2**64 if state >= 2**63 else state for state in states])
    assert [word % 2**64 for word in mixed(signed).tolist()] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_stated_share_is_dropped_and_the_mean_stays(rate):
    """Within five standard errors; kept values are scaled; layers, members and places are independent."""
    noise = Noise(KEYS, STEP)
    layers = [noise.dropped(ONES, rate) for _ in range(2)]
    kept = torch.stack([layer != 0 for layer in layers]).double()
    error = math.sqrt(rate * (1 - rate) / (60 * 301))
    assert (kept.mean((2, 3)) - (1 - rate)).abs().max() < 5 * error
    assert {round(value, 5) for value in layers[0].unique().tolist()} == {0.0, round(1 / (1 - rate), 5)}
    rows = kept.flatten(0, 1).flatten(1)
    assert (torch.corrcoef(rows) - torch.eye(6)).abs().max() < 5 / math.sqrt(60 * 301)
    pairs = kept[..., 1:] * kept[..., :-1]  # neighbours: of one word, and of two
    assert (pairs.mean((2, 3)) - (1 - rate) ** 2).abs().max() < 6 * error


def test_what_is_dropped_depends_on_member_step_and_layer_only():
    """The same member beside others drops the same; another step, draw or replicate drops others."""
    one = Noise(KEYS[1:2], STEP).dropped(ONES[1:2], 0.5)
    assert torch.equal(Noise(KEYS, STEP).dropped(ONES, 0.5)[1:2], one)
    assert not torch.equal(Noise(KEYS[1:2], STEP + 1).dropped(ONES[1:2], 0.5), one)
    words = {word(Replicate(1, i), "dropout", draw) for i in range(50) for draw in range(4)}
    assert len(words) == 200


def test_evaluation_drops_nothing():
    """At the end of a training with dropout, losses are those of the same weights in a network without."""
    recipe = Recipe(optimiser=SGD(0.1), steps=5, batch=60)
    program = Program(mlp(64, 30, 10, dropout=0.5), DIGITS, recipe)
    trained = compute(Population(program, (member(program, 0),))).members[0]
    plain = Program(mlp(64, 30, 10), DIGITS)
    again = compute(Population(plain, (replace(member(plain, 0), start=trained.arrays["end"]),))).members[0]
    assert next(r for r in trained.rows if r.metric == "test_loss").value == again.rows[0].value


def test_dropout_is_used_in_training_from_its_own_stream():
    """Another draw of the stream ends elsewhere; so does a rate of nothing; draws need dropout to be drawn."""
    recipe = Recipe(optimiser=SGD(0.1), steps=5, batch=60)
    dropping = Program(mlp(64, 30, 10, dropout=0.5), DIGITS, recipe)
    m = member(dropping, 0)
    ends = [
        compute(Population(program, (made,))).members[0].arrays["end"].tobytes()
        for program, made in (
            (dropping, m),
            (dropping, replace(m, dropout_draw=1)),
            (replace(dropping, network=mlp(64, 30, 10)), m),
        )
    ]
    assert len(set(ends)) == 3
    train(dropping.network, DIGITS, recipe, streams={"dropout": 2})
    with pytest.raises(DesignError, match="never draws from 'dropout'"):
        train(mlp(64, 30, 10), DIGITS, recipe, streams={"dropout": 2})


def test_a_chunk_s_steps_drop_differently(monkeypatch):
    """Steps of one chunk and of the next drop by the absolute step: resuming in between changes nothing."""
    program = Program(mlp(64, 30, 10, dropout=0.5), DIGITS, Recipe(optimiser=SGD(0.0), steps=9, batch=60))
    seen = []

    class Noted(Noise):
        def __init__(self, keys_R, step):
            seen.append(int(step))
            super().__init__(keys_R, step)

    monkeypatch.setattr(updates, "Noise", Noted)
    monkeypatch.setattr(_memory, "CHUNK", 4)
    made = begun(Population(program, (member(program, 0),)))
    assert list(made.run()) == list(range(1, 10))
    assert seen == list(range(9))


def test_rates_are_changed_without_touching_tensors():
    """The ticket of a net with dropout may be retrained with less of it: the tensors are the same."""
    net = mlp(64, 300, 100, 10, dropout=0.5)
    less = net.with_dropout(0.5, 0.25)
    assert (net.dropouts, less.dropouts) == ((0.5, 0.5), (0.5, 0.25))
    assert less.tensors() == net.tensors() == mlp(64, 300, 100, 10).tensors()
    assert net.with_dropout(0.1).dropouts == (0.1, 0.1)
    assert conv_net(2, dropout=0.5).dropouts == (0.5, 0.5)
    with pytest.raises(DesignError, match="3 dropout rates for 2"):
        net.with_dropout(0.1, 0.2, 0.3)
    with pytest.raises(DesignError, match="in \\[0, 1\\)"):
        mlp(64, 30, 10, dropout=1.0)


def test_penalties_are_those_of_the_stated_loss():
    """The gradient is that of the mean loss + l1 sum |w| + l2 / 2 sum w^2 over weights, not biases, by autograd."""
    recipe = Recipe(optimiser=SGD(0.0), steps=3, batch=60, l1=0.01, l2=0.1)
    program = Program(mlp(64, 12, 10), DIGITS, recipe)
    made = tuple(member(program, i) for i in range(3))  # the third one under a mask
    gradients = []
    for chosen in (recipe, replace(recipe, l1=0.0, l2=0.0)):
        begin = begun(Population(replace(program, recipe=chosen), made))
        with torch.no_grad():
            begin.stack.learned_RP[:, -64:] = 0.5  # biases of the output, so that they would show
        next(begin.run())
        gradients.append(begin.stack.learned_RP.grad.clone())
    weights = begin.stack.learned_RP.clone().requires_grad_()
    prunable = torch.zeros(weights.shape[1])
    for tensor in program.network.prunable().values():
        prunable[tensor.slice] = 1
    (0.01 * (weights * prunable).abs().sum() + 0.05 * (weights * prunable).square().sum()).backward()
    torch.testing.assert_close(gradients[0] - gradients[1], weights.grad, atol=1e-6, rtol=1e-4)
    removed = torch.from_numpy(~made[2].mask)
    assert not gradients[0][2][removed].any()
    assert np.count_nonzero(gradients[0][2].numpy())


def test_scores_are_not_penalised():
    """Weights of edge-popup are as drawn: there is nothing to shrink."""
    recipe = Recipe(optimiser=SGD(0.1), steps=3, batch=60, l2=0.1)
    with pytest.raises(DesignError, match="leaves as they are"):
        train(mlp(64, 30, 10), DIGITS, recipe, learn=Scores(Fraction(1, 2)))
