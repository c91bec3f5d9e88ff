"""SNIP, GraSP and SynFlow on many members at once are the papers' equations, written as plain loops, for each.

Also tests `expression._salience`.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from harness.compute._plan import Plan, Wanted
from harness.compute._run import run_plan
from harness.data._tasks import DIGITS
from harness.engine._course import compute
from harness.engine._feed import Feed
from harness.engine._plain import plain_module, put
from harness.errors import DesignError
from harness.expression import Salience, Saliency, density, kept_in, random_mask, saliency, train
from harness.networks._architectures import vision_transformer
from harness.networks._initial import initial_values
from harness.networks._layers import Image
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.population._population import Program
from harness.store import _checkpoints
from harness.store._store import Store
from harness.streams import Replicate
from tests import references
from tests.inline import Inline
from tests.members import begun, member, population
from tests.store.test_checkpoints import assert_same, interrupted

NET = mlp(64, 9, 5, 10)
FIFTH = Fraction(1, 5)
LAYERS = [f"{name}.{what}" for what in ("weight", "bias") for name in ("fc1", "fc2", "output")]


def program(by, rounds, keep=FIFTH, network=NET, **more):
    recipe = Recipe(optimiser=SGD(1.0), steps=rounds, batch=40, validate_every=rounds)
    return Program(network, DIGITS, recipe, learn=Saliency(Salience(by), keep, **more))


def as_lists(flat, names):
    """A member's flat parameters as float64 tensors, in the order of the names."""
    tensors = {tensor.name: tensor for tensor in NET.tensors()}
    shaped = (flat[tensors[name].slice].reshape(tensors[name].shape) for name in names)
    return [torch.from_numpy(np.array(each, np.float64)) for each in shaped]


def given(made, place, step):
    """What the references take of a member: weights, biases, masks, and the batch of a step."""
    one, feed = made.members[place], Feed(made, torch.device("cpu"))
    batches = feed.batches(step, step + 1)
    x = feed.inputs(batches.images[:, 0])[place].double()
    return (
        as_lists(one.start, LAYERS[:3]), as_lists(one.start, LAYERS[3:]), as_lists(one.mask, LAYERS[:3]), x,
        batches.answers[place, 0].long(),
    )  # fmt: skip


def one_round(made, monkeypatch):
    """The scores of one round, before anything is removed, a list of layers a member."""
    updates, scores = begun(made), []
    stack, before = updates.stack, updates.stack.mask_RP.clone()
    ranked = stack._ranked
    monkeypatch.setattr(stack, "_ranked", lambda score: scores.append(ranked(score).copy()) or ranked(score))
    next(iter(updates.run()))
    assert (stack.mask_RP <= before).all()
    assert len(scores) == len(made.members)
    return [as_lists(flat.astype(np.float64), LAYERS[:3]) for flat in scores]


def halved(made):
    """The same members, each under a mask of its own that leaves half."""
    return replace(made, members=tuple(member(made.program, i, keep=Fraction(1, 2)) for i in range(3)))


@pytest.mark.parametrize(("by", "temperature"), [("snip", 1.0), ("grasp", 1.0), ("grasp", 200.0), ("synflow", 1.0)])
def test_scores_are_the_papers(by, temperature, monkeypatch):
    """Layer by layer, on a net of unequal layers under a mask, for each member its own: to rounding of float32."""
    made = halved(population(program(by, 1, temperature=temperature), range(3)))
    for place, found in enumerate(one_round(made, monkeypatch)):
        weights, biases, masks, x, y = given(made, place, 0)
        if by == "snip":
            expected = references.snip_scores(weights, biases, masks, x, y)
        elif by == "grasp":
            removed_first = references.grasp_scores(weights, biases, masks, x, y, temperature=temperature)
            expected = [-score for score in removed_first]
        else:
            expected = references.synflow_scores(weights, biases, masks)
        for one, other, mask in zip(found, expected, masks, strict=True):
            scale = float(other.abs().max())
            assert float(((one - other) * mask).abs().max()) < 1e-4 * scale
            assert scale > 0


def test_grasp_goes_through_attention():
    """The Hessian's product is how the gradient changes along itself: in float64, a small step either way."""
    net = vision_transformer(image=Image(1, 8, 8), patch=4, features=8, heads=2, hidden=9)
    made = population(program("grasp", 1, network=net), range(2))
    stack, feed = begun(made).stack, Feed(made, torch.device("cpu"))
    batches = feed.batches(0, 1)
    x_RBI, answers_RB = feed.inputs(batches.images[:, 0]), batches.answers[:, 0].long()
    leaves = stack.leaves()
    loss_R = stack.objective(stack.forward(leaves, x_RBI, None, torch.zeros(1)), answers_RB)
    found = stack.gradients(loss_R, leaves)
    module, temperature = plain_module(net).double(), made.program.learn.temperature
    weights = {t: p for t, p in zip(net.tensors(), module.parameters(), strict=True) if t.prunable}

    def gradients(place):
        logits = module(x_RBI[place].double()) / temperature
        return torch.autograd.grad(torch.nn.functional.cross_entropy(logits, answers_RB[place]), weights.values())

    for place in range(2):
        put(module, net, made.members[place].start)
        along, ways = gradients(place), []
        for by in (1e-5, -2e-5):
            with torch.no_grad():
                for weight, step in zip(weights.values(), along, strict=True):
                    weight += by * step
            ways.append(gradients(place))
        for tensor, ahead, behind in zip(weights, *ways, strict=True):
            product = (ahead - behind) / 2e-5
            product = product.T if tensor.turned else product
            assert (found[tensor.name][place] - product).abs().max() < 1e-3 * product.abs().max()


@pytest.mark.parametrize("rounds", [1, 5])
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("by", ["snip", "synflow"])
def test_masks_after_rounds_are_those_of_the_loops(by, inverted, rounds):
    """Each round scores what is left, on the batch of its step, and prunes all layers together to the exact count."""
    made = halved(population(program(by, rounds, inverted=inverted), range(3)))
    updates = begun(made)
    list(updates.run())
    masks = updates.stack.masks()
    for place in range(3):
        weights, biases, current, _, _ = given(made, place, 0)
        total = sum(mask.numel() for mask in current)
        for step, kept in enumerate(references.rounds(by, float(FIFTH), rounds)):
            *_, x, y = given(made, place, step)
            scores = (
                references.snip_scores(weights, biases, current, x, y)
                if by == "snip"
                else references.synflow_scores(weights, biases, current)
            )
            if inverted:
                scores = [-score for score in scores]
            current = references.prune_global(scores, current, references.round_half_up(total * kept))
        for one, other in zip(as_lists(masks[place], LAYERS[:3]), current, strict=True):
            assert torch.equal(one, other)
        assert masks[place][[t.offset for t in NET.tensors() if not t.prunable]].all()


@pytest.mark.parametrize("by", ["snip", "grasp", "synflow"])
def test_members_one_by_one_are_all_at_once(by, monkeypatch):
    """What is done on a CPU and what is done on a GPU leave the same masks and weights, of two densities."""
    made = halved(population(program(by, 3), range(3)))
    made = replace(made, members=(*made.members[:2], replace(made.members[2], mask=None)))
    by_rows, at_once = begun(made), begun(made)
    monkeypatch.setattr(at_once.stack, "_keep_by_rows", at_once.stack._keep_unasked)
    for updates in (by_rows, at_once):
        list(updates.run())
    assert torch.equal(by_rows.stack.mask_RP, at_once.stack.mask_RP)
    assert torch.equal(by_rows.stack.learned_RP, at_once.stack.learned_RP)


def test_synflow_is_conserved():
    """The scores of every layer add up to the same (Tanaka et al. 2020, theorem 1), to rounding of float32 sums."""
    made = population(program("synflow", 1, network=mlp(64, 9, 5, 10, bias=False)), range(2))
    stack = begun(made).stack
    leaves = stack.leaves()
    logits = stack.forward(leaves, torch.ones(2, 1, 64), None, torch.zeros(1))
    gradients = stack.gradients(stack.objective(logits, torch.zeros(2, 1)), leaves)
    sums = torch.stack([(gradient * leaves[name].abs()).sum((1, 2)) for name, gradient in gradients.items()])
    assert float(((sums - sums[0]) / sums[0]).detach().abs().max()) < 1e-12


def test_no_weight_moves_and_nothing_comes_back(tmp_path):
    """A mask from the store: its exact density, weights as they started, and a ticket that trains under it."""
    mask = saliency(NET, DIGITS, by="snip", keep=FIFTH, rounds=3, examples=40)
    ticket = train(
        NET, DIGITS, Recipe(optimiser=Adam(3e-3), steps=20, batch=20), mask=mask.learned_mask(), start=mask.at(0)
    )
    assert density(ticket) == density(mask) == Fraction(134, 671)
    assert kept_in(mask.learned_mask(), NET, frozenset({"fc1"})) is None
    plan = Plan([Wanted("tests/own", (ticket, mask), (Replicate(11, 0),))], Store(tmp_path))
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})
    stored = {
        slot: plan.store.array(plan.entry(mask, Replicate(11, 0)), slot, NET.flat_size) for slot in ("end", "mask")
    }
    bits = stored["mask"].astype(bool)
    assert sum(bits[tensor.slice].sum() for tensor in NET.prunable().values()) == 134
    np.testing.assert_array_equal(stored["end"], initial_values(NET, Replicate(11, 0), "init", 0) * bits)
    end = plan.store.array(plan.entry(ticket, Replicate(11, 0)), "end", NET.flat_size)
    assert not end[~bits].any()
    assert plan.entry(mask, Replicate(11, 0)).outs.keys() >= {"mask", "end"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"by": "snap"}, "unknown saliency 'snap'; did you mean snip"),
        ({"keep": Fraction(0)}, "it is the fraction KEPT"),
        ({"keep": 0.2}, "use a Fraction"),
        (
            {"mask": random_mask(NET, keep=Fraction(1, 10))},
            "saliency would keep 134 weights, of which the mask leaves 68",
        ),
        ({"by": "grasp", "network": mlp(64, 9, 10, batch_norm=True)}, "by grasp of a network with BatchNorm"),
    ],
)
def test_what_cannot_be_scored_is_refused(changed, why):
    """With what to do."""
    given = {"network": NET, "by": "snip", "keep": FIFTH} | changed
    with pytest.raises(DesignError, match=why):
        saliency(given.pop("network"), DIGITS, **given)


@pytest.mark.parametrize("by", ["snip", "synflow"])
def test_resumed_rounds_equal_uninterrupted_ones(by, tmp_path, monkeypatch):
    """What is left after two of four rounds is in the checkpoint, and the other two go on from there."""
    monkeypatch.setattr(_checkpoints, "LOOK_S", 0.0)
    made = halved(population(program(by, 4), range(3)))
    assert_same(interrupted(tmp_path, made, 2), compute(made))
