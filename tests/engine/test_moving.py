"""Masks that move while weights are trained are those of plain loops: SET, RigL, gradual pruning, and ERK densities.

Also tests `expression._learning`.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from harness.data._tasks import DIGITS
from harness.engine import _moving as moving
from harness.engine._course import compute
from harness.engine._feed import Feed
from harness.errors import DesignError
from harness.expression import (
    Gradual,
    Rewire,
    TargetedDropout,
    density,
    erk,
    kept_in,
    prune,
    random_mask,
    train,
)
from harness.networks._architectures import conv_net
from harness.networks._layers import Image
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.population._population import Program
from tests import references
from tests.engine.test_saliency import LAYERS, as_lists
from tests.members import begun, population

NET = mlp(64, 9, 5, 10)
FIFTH, HALF = Fraction(1, 5), Fraction(1, 2)
MOMENTUM = SGD(0.05, momentum=0.9)


def program(learn, steps=24, optimiser=MOMENTUM):
    return Program(NET, DIGITS, Recipe(optimiser=optimiser, steps=steps, batch=30, validate_every=steps), learn=learn)


def lists(stack):
    """Weights and masks of every member as the references have them."""
    weights, masks = (flat.double().numpy() for flat in (stack.learned_RP, stack.mask_RP))
    return [(as_lists(w, LAYERS[:3]), as_lists(m, LAYERS[:3])) for w, m in zip(weights, masks, strict=True)]


def stepped(learn, until):
    """The updates of three members, run until before this step, and their stack."""
    made = population(program(learn), range(3))
    updates = begun(made)
    run = updates.run()
    for _ in range(until):
        next(run)
    return made, updates, run


def test_rigl_drops_and_grows_as_the_loop_does():
    """Of each layer its smallest weights go, and the places of the largest dense gradients come, with 0."""
    made, updates, run = stepped(Rewire("gradient", every=6), 6)
    before, feed = lists(updates.stack), Feed(made, torch.device("cpu"))
    batches = feed.batches(6, 7)
    x_RBI = feed.inputs(batches.images[:, 0]).double()
    biases = [as_lists(flat.double().numpy(), LAYERS[3:]) for flat in updates.stack.learned_RP]
    next(run)
    fraction = references.rigl_fraction(6, 18, 0.3)
    for place, (weights, masks) in enumerate(before):
        gradients = references.dense_gradients(
            weights, biases[place], masks, x_RBI[place], batches.answers[place, 0].long()
        )
        expected_masks, expected_weights = references.rigl_step(weights, masks, gradients, fraction)
        found_weights, found_masks = lists(updates.stack)[place]
        for found, expected in zip((*found_masks, *found_weights), (*expected_masks, *expected_weights), strict=True):
            torch.testing.assert_close(found, expected)
        assert any(not torch.equal(one, other) for one, other in zip(masks, found_masks, strict=True))


def test_set_drops_as_the_loop_does_and_grows_anywhere():
    """The same weights go; as many places come, each of those that are free as likely as another."""
    _, updates, run = stepped(Rewire("random", every=6), 6)
    before = lists(updates.stack)
    next(run)
    fraction = references.rigl_fraction(6, 18, 0.3)
    for (weights, masks), (_, found) in zip(before, lists(updates.stack), strict=True):
        kept, _ = references.set_step(weights, masks, fraction, Nobody(), allow_removed=False)
        for mask, left, now in zip(masks, kept, found, strict=True):
            stayed = (left * mask).bool()  # what the loop has not removed
            assert now.bool()[stayed].all()
            assert now.sum() == mask.sum() > stayed.sum()


class Nobody:
    """A generator whose permutations leave everything in order."""

    def permutation(self, n):
        """Return 0 to n - 1."""
        return np.arange(n)


def test_random_growth_is_of_the_member_and_the_step():
    """Each place is as likely as another, over members; another draw of the stream gives other places."""
    made = population(program(Rewire("random", every=1)), range(60))
    for other in (made, replace(made, members=tuple(replace(m, mask_draw=9) for m in made.members))):
        updates = begun(other)
        run = updates.run()
        next(run)
        before = updates.stack.mask_RP.clone()
        next(run)
        grown = ((updates.stack.mask_RP > 0) & (before == 0))[:, NET.tensors()[0].slice]
        share = grown.sum(0).double() / (before == 0)[:, NET.tensors()[0].slice].sum(0)
        assert 0 < float(share.mean()) < 0.2
        assert float((share - share.mean()).abs().max()) < 6 * float((share.mean() / 40).sqrt())
        if other is made:
            first = grown
    assert not torch.equal(first, grown)


@pytest.mark.parametrize("optimiser", [MOMENTUM, Adam(3e-3)])
def test_a_dropped_weight_stays_at_zero(optimiser):
    """What the optimiser had of it is forgotten: no later update moves what is masked."""
    made = population(program(Rewire("gradient", every=5), optimiser=optimiser), range(2))
    updates = begun(made)
    for _ in updates.run():
        assert not updates.stack.learned_RP[updates.stack.mask_RP == 0].any()
    alive = updates.stack.mask_RP.sum(1)
    assert torch.equal(alive, begun(made).stack.mask_RP.sum(1))


def test_the_mask_stays_after_its_time_and_before_the_first_step():
    """It moves at multiples of every=, not at step 0, and no more after the share until= of the steps."""
    learn = Rewire("gradient", every=5, until=HALF)
    moved = [step for step in range(24) if learn.moves(step, program(learn).recipe)]
    assert moved == [5, 10]
    updates = begun(population(program(learn), range(2)))
    masks = [updates.stack.mask_RP.clone(), *(updates.stack.mask_RP.clone() for _ in updates.run())]
    changed = [step for step in range(24) if not torch.equal(masks[step], masks[step + 1])]
    assert changed == moved


def test_gradual_pruning_follows_its_curve():
    """Zhu & Gupta 2018: the cubic curve by hand, exact counts a layer, the largest of what is left, masks nested."""
    learn = Gradual(FIFTH, begin=4, end=16, every=4)
    assert [learn.density(step) for step in (4, 8, 12, 16)] == [
        FIFTH + Fraction(4, 5) * left**3 for left in (Fraction(1), Fraction(2, 3), Fraction(1, 3), Fraction(0))
    ]
    updates = begun(population(program(learn), range(2)))
    before, weights = updates.stack.mask_RP.clone(), updates.stack.learned_RP.clone()
    for step in updates.run():
        now = updates.stack.mask_RP
        assert (now <= before).all()
        for tensor in NET.prunable().values():
            count = (
                references.round_half_up(tensor.size * float(learn.density(step - 1)))
                if step - 1 in (8, 12, 16)
                else None
            )
            for was, value, kept in zip(
                before[:, tensor.slice], weights[:, tensor.slice], now[:, tensor.slice], strict=True
            ):
                if count is not None:
                    largest = torch.argsort(value.abs().masked_fill(was == 0, -1), descending=True)[:count]
                    assert set(largest.tolist()) == set(torch.nonzero(kept)[:, 0].tolist())
        before, weights = now.clone(), updates.stack.learned_RP.clone()
    for tensor in NET.prunable().values():
        assert (before[:, tensor.slice].sum(1) == references.round_half_up(tensor.size / 5)).all()


def test_the_early_stop_is_of_the_density_in_the_end():
    """Before the last pruning a net has more weights than the arm it stands for: its lowest loss does not count."""
    recipe = Recipe(optimiser=SGD(0.5, momentum=0.9), steps=60, batch=30, validate_every=5)
    learn = Gradual(Fraction(1, 50), begin=20, end=50, every=10)
    made = population(Program(NET, DIGITS, recipe, learn=learn), range(3))
    for result in compute(made).members:
        losses = {row.step: row.value for row in result.rows if row.metric == "validation_loss"}
        (stop,) = (row.step for row in result.rows if row.metric == "early_stop_accuracy")
        assert min(losses, key=losses.get) < 50 < stop


@pytest.mark.parametrize("network", [NET, mlp(64, 300, 100, 10), conv_net(2, image=Image(1, 8, 8), width=HALF)])
@pytest.mark.parametrize("share", [Fraction(1, 20), FIFTH, Fraction(4, 5), Fraction(1)])
def test_erk_densities_are_those_of_the_paper_with_exact_counts(network, share):
    """Within a weight of the reference's real numbers, and together exactly as many as asked."""
    keep = dict(erk(network, share))
    assert density(random_mask(network, keep=tuple(keep.items()))) == density(random_mask(network, keep=share)) or (
        sum(keep[name] * tensor.size for name, tensor in network.prunable().items())
        == references.round_half_up(network.weights * float(share))
    )
    if network.label.startswith("mlp"):
        shapes = [tensor.shape for tensor in network.prunable().values()]
        for (name, tensor), expected in zip(
            network.prunable().items(), references.erk_densities(shapes, float(share)), strict=True
        ):
            assert abs(keep[name] * tensor.size - expected * tensor.size) <= 1


def test_what_follows_from_a_moving_mask():
    """Its density is that of the mask it begins with; its end is pruned under what is left, and can be started from."""
    net, recipe = NET, Recipe(optimiser=SGD(0.05), steps=24, batch=30)
    begin = random_mask(net, keep=erk(net, FIFTH))
    moving = train(net, DIGITS, recipe, mask=begin, learn=Rewire("gradient", every=5))
    assert density(moving) == density(begin) == density(moving.learned_mask())
    assert kept_in(moving.learned_mask(), net, frozenset({"fc1"})) == kept_in(begin, net, frozenset({"fc1"}))
    assert moving.at("end").under == moving.learned_mask()
    again = prune(moving, keep=Fraction(1, 20))
    assert density(again) == density(prune(train(net, DIGITS, recipe), keep=Fraction(1, 20)))
    gradual = train(net, DIGITS, recipe, learn=Gradual(FIFTH, begin=5, end=15, every=5))
    assert density(gradual) == density(random_mask(net, keep=FIFTH))
    assert gradual.at(0) == train(net, DIGITS, recipe).at(0)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: Rewire("gradients", every=5), "unknown way to grow 'gradients'; did you mean gradient"),
        (lambda: Rewire("random", every=0), r"expected at least one step, and shares in \(0, 1\]"),
        (lambda: Gradual(FIFTH, begin=5, end=16, every=5), "the last one would be left out"),
        (lambda: Gradual(FIFTH, begin=0, end=10, every=5), "steps in order"),
        (lambda: TargetedDropout(HALF, rate=Fraction(0)), r"expected shares in \(0, 1\]"),
        (lambda: trained(Rewire("random", every=5)), "begins with one that has a known count in each layer"),
        (lambda: trained(Gradual(FIFTH, begin=5, end=30, every=5)), "an end before the last step, and no mask"),
        (
            lambda: trained(Rewire("gradient", every=5), mask=random_mask(NET, keep=HALF), streams={"mask": 1}),
            "never draws",
        ),
    ],
)
def test_what_cannot_move_is_refused(made, why):
    """With what to do."""
    with pytest.raises(DesignError, match=why):
        made()


def trained(learn, **more):
    return train(NET, DIGITS, Recipe(optimiser=SGD(0.05), steps=24, batch=30), learn=learn, **more)


# --- targeted dropout ------------------------------------------------------------------------------------------------


def seen_weights(learn, step=3, members=40):
    """The weights of every member that an update sees, and those that it has; float64, by layer."""
    updates = begun(population(program(learn), range(members)))
    stack, seen = updates.stack, {}

    def note(network, params, inputs, **more):
        seen.update({name: value.detach().double() for name, value in params.items()})
        return torch.zeros(len(inputs), inputs.shape[1], 10)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "forward", note)
        stack.forward(stack.leaves(), torch.zeros(members, 5, 64), None, torch.full((1,), step))
    return seen, {name: leaf.detach().double() for name, leaf in stack.leaves().items()}


class Always:
    """A generator whose numbers are all 0: every candidate is dropped."""

    def random(self, shape):
        """Return zeros."""
        return np.zeros(shape)


@pytest.mark.parametrize("units", [False, True])
def test_only_what_the_loop_targets_is_dropped_and_as_often_as_asked(units):
    """The candidates are the reference's; each is left out with its probability, apart from the others; no scaling."""
    seen, have = seen_weights(TargetedDropout(Fraction(2, 3), rate=Fraction(1, 4), units=units))
    dropped = total = 0
    for name in LAYERS[:2] if units else LAYERS[:3]:
        for now, was in zip(seen[name], have[name], strict=True):
            loop = references.targeted_dropout_units if units else references.targeted_dropout
            targeted = (loop(was, 2 / 3, 0.25, Always()) == 0) & (was != 0)
            gone = now != was
            assert not (gone & ~targeted).any()
            assert (now[gone] == 0).all()
            columns = targeted.any(0) if units else targeted
            dropped += int(gone.any(0).sum() if units else gone.sum())
            total += int(columns.sum())
    assert abs(dropped / total - 0.25) < 4 * (0.25 * 0.75 / total) ** 0.5
    for name in set(have) - set(LAYERS[:2] if units else LAYERS[:3]):
        assert torch.equal(seen[name], have[name])


def test_everything_targeted_is_dropped_at_rate_one():
    """Then it is the reference to the weight."""
    seen, have = seen_weights(TargetedDropout(HALF, rate=Fraction(1)), members=2)
    for name in LAYERS[:3]:
        for now, was in zip(seen[name], have[name], strict=True):
            assert torch.equal(now, references.targeted_dropout(was, 0.5, 1.0, Always()))


def test_the_share_that_is_targeted_may_grow():
    """In even steps from nothing; each step draws anew; evaluation leaves nothing out and no mask is learned."""
    learn = TargetedDropout(HALF, rate=Fraction(1), ramp=10)
    assert [learn.share(step) for step in (0, 5, 10, 20)] == [0, Fraction(1, 4), HALF, HALF]
    for step in (0, 5):
        seen, have = seen_weights(learn, step=step, members=2)
        assert torch.equal(seen["fc1.weight"], have["fc1.weight"]) == (step == 0)
    rare = TargetedDropout(HALF, rate=HALF)
    assert not torch.equal(seen_weights(rare, step=3)[0]["fc1.weight"], seen_weights(rare, step=4)[0]["fc1.weight"])
    made = trained(rare, streams={"dropout": 2})
    assert made.at("end").under is None
    with pytest.raises(DesignError, match="only a training with learn= ends with one"):
        made.learned_mask()
    assert density(made) == 1


@pytest.mark.parametrize("grow", ["gradient", "random"])
def test_members_of_other_densities_keep_their_own_counts(grow):
    """Masks are no part of a program: members with a fifth and with a third of their weights train together."""
    made = population(program(Rewire(grow, every=4)), range(4))
    given = [[int(mask.sum()) for mask in as_lists(m.mask, LAYERS[:3])] for m in made.members]
    learned = [[int(mask.sum()) for mask in as_lists(r.arrays["mask"], LAYERS[:3])] for r in compute(made).members]
    assert learned == given
    assert len({tuple(counts) for counts in given}) == 2


@pytest.mark.parametrize("count", [0, 1, 6, 11, 12])
def test_the_smallest_are_those_of_a_stable_sort(count):
    """On a CPU and on a GPU: in steps of a quarter many tie, and the lower places go first; rows lie as columns."""
    size_RON = (torch.rand(2, 12, 50, generator=torch.Generator().manual_seed(1)) * 4).round().div(4).transpose(1, 2)
    order_RON = torch.argsort(size_RON, dim=2, stable=True)
    expected = torch.zeros(size_RON.shape, dtype=torch.bool).scatter_(2, order_RON[..., :count], True)
    for way in (moving._smallest, moving._smallest_unasked):
        assert torch.equal(way(size_RON, torch.tensor(count)), expected)
