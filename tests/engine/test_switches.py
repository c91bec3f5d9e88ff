"""Switches on units are Smallify's, written as a plain loop: their gradients, moments, removals, and what is kept."""

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS
from harness.engine._course import compute
from harness.engine._nn import forward
from harness.errors import DesignError
from harness.expression import Switches, consumed, evaluate, kept_in, train
from harness.networks._architectures import conv_net
from harness.networks._layers import Image
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.population._population import Population, Program
from tests import references
from tests.engine.test_saliency import LAYERS, NET, as_lists, given, halved
from tests.members import begun, population

RATE, PENALTY, STEPS = 0.3, 0.06, 60  # until then some switches have flickered, and others have not
LEARN = Switches(penalty=PENALTY, threshold=0.2, momentum=0.8)


def program(steps=STEPS, network=NET, learn=LEARN, **more):
    recipe = Recipe(optimiser=SGD(RATE), steps=steps, batch=30, validate_every=steps)
    return Program(network, DIGITS, replace(recipe, **more), learn=learn)


def by_loop(made, place, steps, learn):
    """A member's training by autograd over the reference's loss, and its removals."""
    weights, biases, masks, _, _ = given(made, place, 0)
    weights = references.masked(weights, masks)
    betas = [torch.ones(w.shape[1], dtype=torch.float64) for w in weights[:-1]]
    alive = [torch.ones_like(b) for b in betas]
    moments = [references.smallify_start(b) for b in betas]
    for step in range(steps):
        *_, x, y = given(made, place, step)
        w, b, s = ([t.detach().requires_grad_() for t in each] for each in (weights, biases, betas))
        of_switches = torch.autograd.grad(references.smallify_loss(w, b, masks, s, alive, x, y, 0.0), s)
        of_weights, of_biases = gradients(w, b, masks, [v * a for v, a in zip(betas, alive, strict=True)], x, y)
        weights = [v.detach() - RATE * g * m for v, g, m in zip(w, of_weights, masks, strict=True)]
        biases = [v.detach() - RATE * g for v, g in zip(b, of_biases, strict=True)]
        betas = [
            references.smallify_beta_step(v.detach(), g, a, learn.penalty, RATE)
            for v, g, a in zip(s, of_switches, alive, strict=True)
        ]
        for i, beta in enumerate(betas):
            moments[i] = references.smallify_moments(*moments[i], beta, learn.momentum)
            betas[i], alive[i] = references.smallify_prune(beta, alive[i], moments[i][1], learn.threshold)
    return weights, biases, betas, alive


def gradients(weights, biases, masks, betas, x, y):
    """The gradients of weights and biases, which the reference holds constant: its loss, written once more."""
    h = x
    for layer, (w, b, m) in enumerate(zip(weights, biases, masks, strict=True)):
        h = h @ (w * m) + b
        if layer < 2:
            h = torch.relu(h * betas[layer])
    found = torch.autograd.grad(torch.nn.functional.cross_entropy(h, y), [*weights, *biases])
    return found[:3], found[3:]


@pytest.mark.parametrize(
    ("threshold", "momentum"),
    [(0.2, 0.8), (0.7, 0.8), (0.99, 0.98)],
    ids=["at the first change of sign", "at the second", "hardly ever"],
)
def test_switches_move_and_units_go_as_in_the_loop(threshold, momentum):
    """Each member under a mask of its own, in float64 to rounding; units have gone, and not all of them.

    One change of sign gives a variance of 0.64, or of 0.08 with a momentum of 0.98: where more is allowed a switch may
    stay below zero, or come back.
    """
    learn = replace(LEARN, threshold=threshold, momentum=momentum)
    made = halved(population(program(learn=learn), range(3)))
    updates = begun(made)
    list(updates.run())
    stack = updates.stack
    kept, masks = stack.kept().double().numpy(), stack.masks()
    gone = []
    for place in range(3):
        weights, biases, betas, alive = by_loop(made, place, STEPS, learn)
        for layer, switch in enumerate([*betas, torch.ones(10, dtype=torch.float64)]):
            found = as_lists(kept[place], [LAYERS[layer], LAYERS[3 + layer]])
            torch.testing.assert_close(found[0], weights[layer] * switch, rtol=1e-3, atol=1e-5)
            torch.testing.assert_close(found[1], biases[layer] * switch, rtol=1e-3, atol=1e-5)
        before, after = as_lists(made.members[place].mask, LAYERS[:3]), as_lists(masks[place], LAYERS[:3])
        ends = [torch.ones(64, dtype=torch.float64), *alive, torch.ones(10, dtype=torch.float64)]
        for layer, (was, is_there) in enumerate(zip(before, after, strict=True)):
            assert torch.equal(is_there, was * ends[layer][:, None] * ends[layer + 1])
        gone.append([int((a == 0).sum()) for a in alive])
    if momentum > 0.9:
        assert (stack._switch_RH < 0).any()
    else:
        assert 0 < sum(map(sum, gone)) < 3 * 14
        assert len(set(map(tuple, gone))) > 1


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "batch-norm"])
def test_what_is_kept_answers_as_the_switched_net_does(norm):
    """The network without switches, at the parameters that are kept, gives the logits of the one with them."""
    net = mlp(128, 33, 17, 10, batch_norm=norm)
    made = population(replace(program(network=net), task=DIGIT_DIFFERENCE), range(2))
    updates = begun(made)
    list(updates.run())
    stack = updates.stack
    inputs = torch.rand(2, 50, 128, generator=torch.Generator().manual_seed(1))
    switched = stack.forward(stack.leaves(), inputs, None, torch.zeros(1))
    plain = forward(net, stack.views(stack.kept()), inputs)
    torch.testing.assert_close(switched.detach(), plain.detach())
    assert not torch.allclose(forward(net, stack.views(stack.learned_RP), inputs).detach(), plain.detach())


def test_a_removed_unit_gives_nothing_whatever_the_optimiser_remembers():
    """By Adam, whose moments go on: its switch stays 0, its weights into and out of it are not in the mask."""
    made = population(program(optimiser=Adam(0.03)), range(2))
    updates = begun(made)
    seen = [updates.stack._switch_RH.clone() for _ in updates.run()]
    alive = updates.stack._alive_RH > 0
    assert not alive.all()
    for early, late in itertools.pairwise(seen):
        assert (late[early == 0] == 0).all()
    assert (updates.stack._switch_RH[~alive] == 0).all()


def test_how_many_units_stay_only_training_tells():
    """So no count is known ahead, and a ticket under the mask begins where switches left the weights."""
    dense = train(NET, DIGITS, program().recipe, learn=LEARN)
    assert kept_in(dense, NET, frozenset({"fc1"})) is None
    ticket = evaluate(NET, DIGITS, mask=dense.learned_mask(), weights=dense.at("end"))
    assert consumed(ticket) == (dense.at("end"), dense.learned_mask())


def test_the_net_after_training_is_what_is_stored():
    """The stored end under the stored mask has the accuracy that the training notes, to the last answer."""
    made = population(program(), range(3))
    results = compute(made).members
    members = tuple(
        replace(m, start=r.arrays["end"].astype(np.float32), mask=r.arrays["mask"], unit=f"again {i}")
        for i, (m, r) in enumerate(zip(made.members, results, strict=True))
    )
    again = compute(Population(Program(NET, DIGITS), members)).members
    for one, other in zip(results, again, strict=True):
        noted = [row.value for row in one.rows if row.metric == "test_accuracy"]
        assert noted == [row.value for row in other.rows if row.metric == "test_accuracy"]


@pytest.mark.parametrize("wrong", [{"penalty": -1.0}, {"threshold": 1.0}, {"threshold": 0.0}, {"momentum": 1.0}])
def test_what_switches_cannot_be(wrong):
    """Refused where they are written."""
    with pytest.raises(DesignError, match="Next: correct Switches"):
        Switches(**{"penalty": 0.1, **wrong})


def test_images_have_no_units_to_switch():
    """Whose units are maps, is said while the claim is written."""
    net = conv_net(2, image=Image(1, 8, 8), width=Fraction(1, 13))
    with pytest.raises(DesignError, match="no multilayer perceptron"):
        train(net, DIGITS, program().recipe, learn=LEARN)
