"""Ways to learn of a reader's own, written here and in no file of the harness: signs alone, and Top-KAST."""

import doctest
import math
import operator
import re
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.nn import functional

from harness import engine
from harness.data import _drawing as drawing
from harness.data import _splits as splits
from harness.data._tasks import DIGITS
from harness.engine import Stack, _stack, learner, top
from harness.engine._course import compute
from harness.errors import DesignError, RunError
from harness.expression import Learn, density, evaluate, train
from harness.networks._counts import round_half_up
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.population._population import Population, Program
from tests.engine.test_saliency import as_lists
from tests.members import begun, population
from tests.project import ROOT

NET = mlp(64, 9, 5, 10)
LAYERS = [f"{name}.{what}" for what in ("weight", "bias") for name in ("fc1", "fc2", "output")]
RECIPE = Recipe(optimiser=SGD(0.1, momentum=0.9), steps=12, batch=30, validate_every=6)


@dataclass(frozen=True)
class TopKast(Learn):
    """Each layer is seen with its largest weights, and more of them learn (Jayakumar et al. 2020)."""

    words = "weights, the largest of them used"
    moves_weights = True

    keep: Fraction
    more: Fraction

    def counts(self, network, keep):
        """How many weights of each layer these are."""
        return {t.name: round_half_up(t.size * keep) for t in network.prunable().values()}

    def kept_in(self, network, mask, layers):
        """What is used in the end."""
        return sum(count for name, count in self.counts(network, self.keep).items() if name[:-7] in layers)

    def under(self, network, recipe, mask):
        """Itself, without a mask."""
        if mask is not None:
            raise DesignError("Top-KAST begins with all weights. Next: leave out mask=")
        return self


@learner(TopKast)
class TopKastStack(Stack):
    """Weights that are all there; those of the largest magnitude are seen, and somewhat more have gradients."""

    def __init__(self, population, device):
        super().__init__(population, device)
        learn = population.program.learn
        self._used, self._taught = (learn.counts(self.network, keep) for keep in (learn.keep, learn.keep + learn.more))

    def _largest(self, counts):
        leaves = super().leaves()
        return {n: top(leaves[n].detach().abs().flatten(1), k).view_as(leaves[n]).float() for n, k in counts.items()}

    def leaves(self):
        """The weights that are used."""
        leaves = super().leaves()
        for name, used in self._largest(self._used).items():
            leaves[name] = (leaves[name].detach() * used).requires_grad_()
        return leaves

    def put_gradients(self, gradients):
        """Those of the weights that learn."""
        taught = self._largest(self._taught)
        super().put_gradients({n: g * taught[n] if n in taught else g for n, g in gradients.items()})

    def kept(self):
        """The net as it is used."""
        return self.flat(self.leaves())

    def masks(self):
        """What is used."""
        used = {n: v.detach() for n, v in self.leaves().items()} | self._largest(self._used)
        flat = self.flat({n: v if n in self._used else torch.ones_like(v) for n, v in used.items()})
        return [mask.copy() for mask in (flat > 0).numpy()]


LEARN = TopKast(Fraction(1, 5), Fraction(1, 4))


def by_loop(one):
    """A member's training by autograd in float64."""
    flat = [torch.from_numpy(x).requires_grad_() for x in map(np.asarray, as_lists(one.start, LAYERS))]
    optimiser = torch.optim.SGD(flat, lr=0.1, momentum=0.9)
    batches = drawing.batches(DIGITS, one.replicate, one.order_draw, size=30, first=0, last=12)

    def largest(w, keep):
        magnitudes = w.detach().abs().flatten().tolist()
        order = sorted(range(len(magnitudes)), key=lambda i: (-magnitudes[i], i))
        mask = torch.zeros(w.numel(), dtype=w.dtype)
        mask[order[: math.floor(w.numel() * keep + Fraction(1, 2))]] = 1
        return mask.view_as(w)

    for images, answers in zip(batches.images, batches.answers, strict=True):
        h = torch.from_numpy(splits.source()[0][images[:, 0]]).double()
        used = [(w.detach() * largest(w, LEARN.keep)).requires_grad_() for w in flat[:3]]
        for i, (w, b) in enumerate(zip(used, flat[3:], strict=True)):
            h = h @ w + b
            h = h.relu() if i < 2 else h
        optimiser.zero_grad()
        gradients = torch.autograd.grad(functional.cross_entropy(h, torch.from_numpy(answers)), [*used, *flat[3:]])
        for i, (parameter, gradient) in enumerate(zip(flat, gradients, strict=True)):
            parameter.grad = gradient * largest(parameter, LEARN.keep + LEARN.more) if i < 3 else gradient
        optimiser.step()
    return [w.detach() * largest(w, LEARN.keep) for w in flat[:3]]


def test_a_method_from_outside_learns_what_its_paper_says():
    """Each member as the plain loop does, and packed as alone."""
    made = population(Program(NET, DIGITS, RECIPE, learn=LEARN), range(3))
    together = compute(made).members
    for one, result in zip(made.members, together, strict=True):
        for found, looped in zip(as_lists(result.arrays["end"], LAYERS[:3]), by_loop(one), strict=True):
            torch.testing.assert_close(found, looped, rtol=1e-3, atol=1e-5)
        (alone,) = compute(Population(made.program, (one,))).members
        assert alone.rows == result.rows
        np.testing.assert_array_equal(alone.arrays["mask"], result.arrays["mask"])


def test_what_it_learns_is_a_mask_and_a_start_for_others():
    """Of the density that it says, before anything is run."""
    node = train(NET, DIGITS, RECIPE, learn=LEARN)
    assert density(node) == density(node.learned_mask()) == Fraction(round_half_up(576 * Fraction(1, 5)) + 9 + 10, 671)
    assert evaluate(NET, DIGITS, weights=node, mask=node.learned_mask()).key
    with pytest.raises(DesignError, match="leave out mask="):
        train(NET, DIGITS, RECIPE, learn=LEARN, mask=node.learned_mask())


def test_the_example_of_the_docstring_learns_by_signs():
    """It runs as it stands, and what its trainings keep has the accuracy that they note."""
    (example,) = [t for t in doctest.DocTestFinder().find(learner, globs=vars(_stack).copy()) if t.examples]
    example.examples.pop()  # which takes it out again
    runner = doctest.DocTestRunner()
    assert runner.run(example, clear_globs=False).failed == 0
    binary = example.globs["Binary"]
    program = Program(NET, DIGITS, replace(RECIPE, optimiser=Adam(0.01), steps=60), learn=binary())
    made = population(program, range(2))
    first = begun(made)
    next(iter(first.run()))
    assert {round(float(v), 6) for v in first.stack.kept()[0, :576].abs()} == {0.125}  # 64 inputs
    results = compute(made).members
    again = tuple(
        replace(m, start=r.arrays["end"].astype(np.float32), mask=None)
        for m, r in zip(made.members, results, strict=True)
    )
    evaluated = compute(Population(Program(NET, DIGITS), again)).members
    moved = np.sign(results[0].arrays["end"]) != np.sign(first.stack.kept()[0].numpy())
    assert 0.01 < moved[:576].mean() < 0.99
    for one, other in zip(results, evaluated, strict=True):
        noted, found = ([row.value for row in each.rows if row.metric == "test_accuracy"] for each in (one, other))
        assert noted == found
    del _stack.STACKS[binary]


def test_what_nothing_says_how_to_learn_is_refused_with_the_next_step():
    """And two classes that learn one thing are."""

    @dataclass(frozen=True)
    class Odd(TopKast):
        """Without a stack."""

    made = population(Program(NET, DIGITS, RECIPE, learn=Odd(Fraction(1, 5), Fraction(1, 4))), range(1))
    with pytest.raises(RunError, match=r"Next: @learner\(Odd\)"):
        compute(made)
    with pytest.raises(DesignError, match="is learned by two classes"):
        learner(TopKast)(type("Another", (engine.MaskStack,), {}))


PAGE = (ROOT / "docs" / "your-own-paper.md").read_text()
HOOKS = {"leaves", "seen", "forward", "objective", "gradients", "change", "put_gradients", "penalise", "clip"}
HOOKS |= {"after_step", "prepare", "changes"}


def test_what_a_stack_has_is_as_the_page_says():
    """Each attribute of the table is there, in the shape and with the values that it says."""
    table = PAGE[PAGE.index("| attribute of a stack |") :].partition("\n\n")[0]
    named = re.findall(r"^\| `([\w.]+)", table, re.MULTILINE)
    stack = begun(population(Program(NET, DIGITS, RECIPE), range(3))).stack
    for name in named:
        operator.attrgetter(name)(stack)
    public = {name for name in vars(stack) if name[0] != "_"}
    assert public == {name for name in named if "." not in name} - {"views", "flat"}
    members, size = stack.learned_RP.shape
    assert (members, size) == (3, NET.flat_size) == stack.mask_RP.shape == stack.learned_RP.grad.shape
    assert all((view == 1).all() for name, view in stack.views(stack.mask_RP).items() if name.endswith("bias"))
    assert int(stack.mask_RP[0].sum()) == sum(tensor.size for tensor in NET.tensors()) < size
    stack.views(stack.learned_RP)["fc1.bias"][:] = 7
    assert (stack.flat(stack.views(stack.learned_RP)) == stack.learned_RP).all()


@pytest.mark.parametrize("changes", [False, True])
def test_an_update_calls_a_stack_in_the_order_of_the_page(changes):
    """With a clip and penalties, and where something else changes in place of a step."""
    order = PAGE[PAGE.index("One update calls") :].partition("\n\n")[0]
    told = [name for name in re.findall(r"`(\w+)(?:\(step\))?`", order) if name in HOOKS]
    called = []

    class Spied(Stack):
        """Notes what is called."""

    def spied(name):
        def method(self, *given):
            called.append(name)
            found = getattr(Stack, name)(self, *given)
            return changes if name == "changes" else found

        return method

    for name in HOOKS:
        setattr(Spied, name, spied(name))
    made = begun(population(Program(NET, DIGITS, replace(RECIPE, l2=0.1, clip=1.0)), range(1)))
    made.stack.__class__ = Spied
    next(iter(made.run()))
    others = {"put_gradients", "penalise", "clip", "after_step"} if changes else {"prepare", "change"}
    assert called == [name for name in told if name not in others]
