"""Edge-popup is the real one: its gradient, its sign term, its untouched weights, exactly k of them in use.

And where unused weights are drawn anew. Tests `engine._scores`.
"""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.nn import functional

from harness.data import _drawing as drawing
from harness.data import _splits as splits
from harness.data._tasks import DIGITS
from harness.engine import _course as engine
from harness.engine._measuring import EarlyStop, Evaluator
from harness.engine._nn import forward
from harness.engine._scores import ScoreStack
from harness.engine._stack import stacked
from harness.errors import DesignError
from harness.expression import RedrawnScores, Scope, Scores, ScoresUnderMask
from harness.expression._masks import prunable_bits, random_bits, redrawn
from harness.networks._architectures import conv_net
from harness.networks._initial import initial_scores, initial_values
from harness.networks._layers import Image
from harness.networks._network import Init, mlp
from harness.networks._recipe import SGD, Recipe
from harness.population._population import Member, Population, Program
from harness.streams import Replicate
from tests import references
from tests.members import begun

NET = mlp(64, 60, 40, 10, bias=False, init=Init.SIGNED_KAIMING_CONSTANT)
RECIPE = Recipe(optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-3), steps=40, batch=60)
PROGRAM = Program(NET, DIGITS, RECIPE, learn=Scores(Fraction(3, 10)))
TOGETHER = replace(PROGRAM, learn=Scores(Fraction(3, 10), Scope.GLOBAL))
USED = {"fc1": 1152, "fc2": 720, "output": 120}  # three tenths of 3840, 2400 and 400


def members(program, count):
    replicates = [Replicate(7, i) for i in range(count)]
    starts = [initial_values(program.network, r, "init", 0) for r in replicates]
    scores = [initial_scores(program.network, r, "scores", 0) for r in replicates]
    each = zip(replicates, starts, scores, strict=True)
    return tuple(Member(str(i), r, 0, start, scores=s) for i, (r, start, s) in enumerate(each))


def training(program, count=2):
    """The stack of a population and the steps of its training, as `engine.compute` runs them."""
    made = Population(program, members(program, count))
    updates = begun(made)
    return updates.stack, updates.run()


class GetSubnet(torch.autograd.Function):
    """The choice of the top k scores as Ramanujan et al. released it: forward the mask, backward the identity."""

    @staticmethod
    def forward(ctx, scores, k):
        """Return 1 for the k largest scores and 0 for the others."""
        mask = torch.zeros_like(scores)
        mask.flatten()[scores.flatten().argsort(descending=True)[:k]] = 1
        return mask

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradient as it came: straight through."""
        return gradient, None


def by_autograd(m, steps, *, together=False):
    """Train the scores of one member by torch.autograd and torch.optim alone; returns scores and last gradients."""
    weights = {t.name: torch.from_numpy(m.start[t.slice].reshape(t.shape)) for t in NET.tensors()}
    scores = {
        t.name: torch.from_numpy(m.scores[t.slice].reshape(t.shape).copy()).requires_grad_() for t in NET.tensors()
    }
    optimiser = torch.optim.SGD(scores.values(), lr=0.1, momentum=0.9, weight_decay=1e-3, foreach=False)
    batches = drawing.batches(DIGITS, m.replicate, m.order_draw, size=60, first=0, last=steps)
    for images, answers in zip(batches.images, batches.answers, strict=True):
        x = torch.from_numpy(splits.source()[0][images[:, 0]])
        every = GetSubnet.apply(torch.cat([s.flatten() for s in scores.values()]).abs(), sum(USED.values()))
        of_all = dict(zip(scores, every.split([s.numel() for s in scores.values()]), strict=True))
        for layer, k in USED.items():
            name = f"{layer}.weight"
            subnet = GetSubnet.apply(scores[name].abs(), k)
            if together:
                subnet = of_all[name].view_as(subnet)
            x = x @ (weights[name] * subnet * math.sqrt(10 / 3))
            x = x if layer == "output" else x.relu()
        optimiser.zero_grad()
        functional.cross_entropy(x, torch.from_numpy(answers)).backward()
        optimiser.step()
    return scores


@pytest.mark.parametrize("program", [PROGRAM, TOGETHER], ids=["each layer", "global"])
@pytest.mark.parametrize("steps", [1, 5])
def test_score_gradient_is_that_of_autograd(steps, program):
    """Scores and their gradients after 1 and 5 steps equal an implementation by torch.autograd alone."""
    stack, train = training(program)
    while next(train) < steps:
        pass
    for i, m in enumerate(members(PROGRAM, 2)):
        expected = by_autograd(m, steps, together=program is TOGETHER)
        for t in NET.tensors():
            gradient = stack.learned_RP.grad[i, t.slice].view(t.shape)
            assert (gradient < 0).any()
            assert (gradient > 0).any()
            torch.testing.assert_close(gradient, expected[t.name].grad, rtol=1e-3, atol=1e-7)
            torch.testing.assert_close(stack.learned_RP[i, t.slice].view(t.shape), expected[t.name].detach())


@pytest.mark.parametrize("masked", [False, True])
def test_scores_of_all_layers_compete(masked):
    """With scope global the exact count of all weights is used, in other shares than each layer's, of living ones."""
    learn = ScoresUnderMask(Fraction(3, 10), Scope.GLOBAL) if masked else TOGETHER.learn
    program = replace(TOGETHER, learn=learn)
    mask = random_bits(NET, Fraction(1, 2), Replicate(7, 0), 0) if masked else None
    (m,) = (replace(m, mask=mask) for m in members(program, 1))
    learned = engine.compute(Population(program, (m,))).members[0].arrays["mask"]
    counts = {t.name: int(learned[t.slice].sum()) for t in NET.tensors()}
    assert sum(counts.values()) == sum(USED.values())
    assert list(counts.values()) != list(USED.values())
    assert mask is None or not (learned & ~mask).any()


def test_scores_of_unused_weights_are_trained_too():
    """The gradient goes straight through the choice: scores outside the top k move, and some of them enter it."""
    stack, train = training(replace(PROGRAM, recipe=replace(RECIPE, optimiser=SGD(0.1))))
    before = {name: leaf.detach() != 0 for name, leaf in stack.leaves().items()}
    start = {name: scores.clone() for name, scores in stack.views(stack.learned_RP).items()}
    for _ in train:
        pass
    after = {name: leaf.detach() != 0 for name, leaf in stack.leaves().items()}
    for name, scores in stack.views(stack.learned_RP).items():
        unused = ~before[name]
        assert (scores != start[name])[unused].float().mean() > 0.5
        assert (after[name] & unused).any()


def test_without_the_sign_term_it_learns_nothing(monkeypatch):
    """Dropping the derivative of |score|, the classic bug, leaves every net near chance where the real one learns."""
    net = mlp(64, 300, 100, 10, bias=False, init=Init.SIGNED_KAIMING_CONSTANT)
    program = Program(net, DIGITS, replace(RECIPE, steps=120), learn=Scores(Fraction(1, 2)))
    population = Population(program, members(program, 3))

    def accuracies():
        results = engine.compute(population).members
        return np.array([row.value for r in results for row in r.rows if row.metric == "test_accuracy"])

    with_sign = accuracies()

    def without_sign(self, gradients):
        for name in self._count:
            torch.mul(gradients[name] * self._weights[name], self._scale, out=self._grad[name])

    monkeypatch.setattr(ScoreStack, "put_gradients", without_sign)
    without = accuracies()
    assert (with_sign > 0.9).all(), with_sign
    assert (without < 0.3).all(), f"with the sign term {with_sign}, without {without}"


def test_weights_are_bit_identical_before_and_after():
    """Training touches scores only: the weights, and the member's arrays, have the same bytes afterwards."""
    made = members(PROGRAM, 2)
    given = [(m.start.tobytes(), m.scores.tobytes()) for m in made]
    population = Population(PROGRAM, made)
    updates = begun(population)
    stack = updates.stack
    before = {name: weights.numpy().tobytes() for name, weights in stack._weights.items()}
    for _ in updates.run():
        pass
    assert {name: weights.numpy().tobytes() for name, weights in stack._weights.items()} == before
    assert [(m.start.tobytes(), m.scores.tobytes()) for m in made] == given
    for i, m in enumerate(made):
        for t in NET.tensors():
            assert stack._weights[t.name][i].numpy().tobytes() == m.start[t.slice].tobytes()


def test_exactly_k_weights_a_layer_are_used_at_every_step():
    """Each forward pass uses exactly the layer's count, of the weights as drawn, scaled by sqrt(1/k)."""
    stack, train = training(PROGRAM)
    for _ in train:
        for name, leaf in stack.leaves().items():
            used = leaf.detach() != 0
            assert used.flatten(1).sum(1).tolist() == [USED[name.removesuffix(".weight")]] * 2
            fan_in = leaf.shape[1]
            expected = stack._weights[name].sign() * math.sqrt(2 / fan_in) * math.sqrt(10 / 3)
            torch.testing.assert_close(leaf.detach()[used], expected[used])


def test_learned_mask_is_what_the_last_forward_used():
    """The mask that is stored is the top k of the scores that are stored, and those differ from where they started."""
    made = Population(PROGRAM, members(PROGRAM, 2))
    for m, result in zip(made.members, engine.compute(made).members, strict=True):
        scores, mask = result.arrays["end"], result.arrays["mask"]
        assert (scores != m.scores).any()
        finished = replace(m, scores=scores)
        stack = stacked(Population(PROGRAM, (finished,)), torch.device("cpu"))
        for name, leaf in stack.leaves().items():
            (t,) = (t for t in NET.tensors() if t.name == name)
            np.testing.assert_array_equal(mask[t.slice].reshape(t.shape), leaf[0].detach().numpy() != 0)


def test_under_a_mask_scores_are_ranked_among_the_living():
    """Each step uses k of all weights, none of them removed, at the scale of k, and that is the mask that is stored."""
    alive = [random_bits(NET, Fraction(1, 2), member.replicate, 0) for member in members(PROGRAM, 2)]
    masked = tuple(replace(m, mask=bits) for m, bits in zip(members(PROGRAM, 2), alive, strict=True))
    made = Population(PROGRAM, masked)
    updates = begun(made)
    for _ in updates.run():
        for t in NET.tensors():
            used = updates.stack.leaves()[t.name].detach().numpy()
            assert (used != 0).reshape(2, -1).sum(1).tolist() == [USED[t.name.removesuffix(".weight")]] * 2
            assert not used.reshape(2, -1)[~np.stack([bits[t.slice] for bits in alive])].any()
            np.testing.assert_allclose(np.abs(used[used != 0]), math.sqrt(2 / t.shape[0] * 10 / 3), rtol=1e-5)
    for bits, result in zip(alive, engine.compute(made).members, strict=True):
        assert {layer: result.arrays["mask"][t.slice].sum() for layer, t in NET.prunable().items()} == USED
        assert not (result.arrays["mask"] & ~bits).any()


def test_scores_that_are_no_numbers_are_an_outcome():
    """Scores that diverge give the task's chance accuracy and the flag; the mask still has its counts."""
    program = replace(PROGRAM, recipe=replace(RECIPE, optimiser=SGD(1e38, momentum=0.9), steps=10))
    result = engine.compute(Population(program, members(program, 1))).members[0]
    assert result.diverged
    assert {row.value for row in result.rows if row.metric.endswith("accuracy")} == {DIGITS.chance}
    assert {layer: result.arrays["mask"][t.slice].sum() for layer, t in NET.prunable().items()} == USED


def test_convolutions_are_scored_and_masked_like_other_layers():
    """On a convolutional net the scores' gradients are autograd's, each layer uses its k, and that is the mask."""
    net = conv_net(
        2, image=Image(1, 8, 8), width=Fraction(1, 13), bias=False, init=Init.SIGNED_KAIMING_CONSTANT
    )  # 45, 225, 1600, 400 and 200 weights
    program = replace(PROGRAM, network=net, recipe=replace(RECIPE, steps=1, optimiser=SGD(0.1)))
    used = {"conv1": 14, "conv2": 68, "fc1": 480, "fc2": 120, "output": 60}  # 13.5 and 67.5, halves up
    stack, train = training(program)
    for name, leaf in stack.leaves().items():
        assert (leaf != 0).flatten(1).sum(1).tolist() == [used[name.removesuffix(".weight")]] * 2
    next(train)
    result = engine.compute(Population(program, members(program, 2))).members
    for i, m in enumerate(members(program, 2)):
        scores = {t.name: torch.from_numpy(m.scores[t.slice].copy()).requires_grad_() for t in net.tensors()}
        effective = {
            t.name: torch.from_numpy(m.start[t.slice])
            .mul(GetSubnet.apply(scores[t.name].abs(), used[t.name.removesuffix(".weight")]) * math.sqrt(10 / 3))
            .view(1, *t.shape)
            for t in net.tensors()
        }
        batch = drawing.batches(DIGITS, m.replicate, m.order_draw, size=60, first=0, last=1)
        x = torch.from_numpy(splits.source()[0][batch.images[0, :, 0]])[None]
        functional.cross_entropy(forward(net, effective, x)[0], torch.from_numpy(batch.answers[0])).backward()
        for t in net.tensors():
            torch.testing.assert_close(stack.learned_RP.grad[i, t.slice], scores[t.name].grad, rtol=1e-3, atol=1e-7)
        mask = result[i].arrays["mask"]
        assert {layer: mask[t.slice].sum() for layer, t in net.prunable().items()} == used


REDRAWN = RedrawnScores(Fraction(3, 10), every=8, rate=Fraction(1, 3))


def test_unused_weights_are_drawn_anew_as_in_the_loop():
    """IteRand's step, layers of other sizes, a mask in place: scores stay, what is used stays, some others go."""
    mask = random_bits(NET, Fraction(1, 2), Replicate(7, 3), 0)
    program = replace(PROGRAM, learn=REDRAWN)
    made = Population(program, tuple(replace(m, mask=mask) for m in members(program, 2)))
    updates = begun(made)
    run = updates.run()
    for _ in range(8):
        next(run)
    stack, names = updates.stack, [f"{layer}.weight" for layer in USED]
    weights, scores = ({n: v.clone() for n, v in d.items()} for d in (stack._weights, stack._scores))
    next(run)
    for place, member in enumerate(made.members):
        anew, drawn = redrawn(NET, member.replicate, member.mask_draw, 8, REDRAWN.rate)
        tensors = [t for t in NET.tensors() if t.prunable]

        def draw(layer, shape, tensors=tensors, anew=anew, drawn=drawn):
            where = tensors[layer].slice
            uniform = np.where(drawn[where], 0.0, 0.9)
            return torch.from_numpy(uniform).view(shape), torch.from_numpy(anew[where]).view(shape)

        there = {t.name: torch.from_numpy(mask[t.slice].reshape(t.shape)) for t in tensors}
        ranked = [scores[n][place].masked_fill(~there[n], 0) for n in names]
        _, found = references.iterand_step([weights[n][place] for n in names], ranked, 0.3, 1 / 3, draw)
        for name, value in zip(names, found, strict=True):
            assert torch.equal(stack._weights[name][place].double(), value * there[name])
            assert torch.equal(stack._scores[name][place], scores[name][place])
            changed = (stack._weights[name][place] != weights[name][place]).float().mean()
            assert 0.02 < changed < 0.13  # a third of the fifth that is there and not used


def test_weights_drawn_anew_are_of_the_first_distribution_at_the_rate():
    """Other ones at each step and for each draw, of the same spread; every weight may be drawn."""
    rate, replicate = Fraction(1, 4), Replicate(7, 0)
    net = mlp(64, 300, 100, 10)
    first = initial_values(net, replicate, "init", 0)
    seen = []
    for draw, step in ((0, 10), (0, 20), (1, 10)):
        anew, drawn = redrawn(net, replicate, draw, step, rate)
        assert not drawn[~prunable_bits(net)].any()
        for tensor in net.prunable().values():
            assert anew[tensor.slice].std() == pytest.approx(first[tensor.slice].std(), rel=0.1)
            assert abs(drawn[tensor.slice].mean() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / tensor.size)
        seen.append((anew, drawn))
    for one, other in itertools.combinations(seen, 2):
        assert not np.isclose(one[0], other[0])[prunable_bits(net)].any()
        assert (one[1] == other[1])[prunable_bits(net)].mean() == pytest.approx(0.625, abs=0.02)


def test_the_stored_weights_are_those_that_were_used_in_the_end():
    """Under the learned mask, scaled, they have the accuracy that the training notes; the start has another."""
    program = replace(PROGRAM, learn=REDRAWN)
    made = Population(program, members(program, 3))
    for start, same in (("end", True), ("start", False)):
        results = engine.compute(made).members
        scaled = tuple(
            replace(
                m,
                start=(r.arrays["end"] if start == "end" else m.start).astype(np.float32),
                mask=r.arrays["mask"],
                scores=None,
                unit=f"{start} {m.unit}",
            )
            for m, r in zip(made.members, results, strict=True)
        )
        again = engine.compute(Population(Program(NET, DIGITS), scaled)).members
        noted, found = (
            [next(row.value for row in each.rows if row.metric == "test_accuracy") for each in those]
            for those in (results, again)
        )
        assert (noted == found) is same


def test_the_early_stop_has_the_weights_of_its_step():
    """Where loss was lowest before weights were drawn anew, its accuracy is what was noted there."""
    program = replace(
        PROGRAM, recipe=replace(RECIPE, validate_every=1), learn=replace(REDRAWN, every=39, rate=Fraction(1))
    )
    made = Population(program, members(program, 2))
    updates = begun(made)
    early = EarlyStop(updates.stack)
    for step in updates.run():
        if step == 20:
            early.see(torch.zeros(2), step)
            noted = Evaluator(made, updates.stack, updates.feed, "test").outcome()[1].clone()
    test = Evaluator(made, updates.stack, updates.feed, "test")
    assert not torch.equal(test.outcome()[1], noted)
    early.restore()
    assert torch.equal(test.outcome()[1], noted)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"rate": Fraction(0)}, {"rate": Fraction(3, 2)}])
def test_what_drawing_anew_cannot_be(wrong):
    """Refused where it is written."""
    with pytest.raises(DesignError, match="Next: correct RedrawnScores"):
        RedrawnScores(Fraction(1, 2), **wrong)
