"""What a captured step may do, checked without a GPU; and learning rates of members of one population."""

import gc
import weakref
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from harness.data._task_variants import noisy, permuted
from harness.data._tasks import DIGITS, Augment
from harness.engine import _course as engine
from harness.engine import _moving as moving
from harness.engine import _stack as stack
from harness.engine._course import compute, most_members
from harness.engine._measuring import EarlyStop, Evaluator
from harness.engine._saliency import SaliencyStack
from harness.engine._stack import Stack, stacked
from harness.expression import Scores
from harness.networks._architectures import conv_net, resnet20, vgg19
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Drops, Recipe
from harness.population._memory import examples_a_pass
from harness.population._population import Population, Program
from tests.engine.test_control import PLAYED
from tests.members import CONVOLUTIONS, MOMENTUM, OWN, PROGRAMS, begun, member, population

FROM_THE_HOST = {"lift_fresh"}  # of a number that Python has
WAITS = {"_local_scalar_dense", "item", "nonzero", "masked_select", "is_nonzero", "equal", "unique", "bincount"}
DRAWS = {"rand", "randn", "randint", "randperm", "bernoulli", "normal_", "uniform_", "dropout", "multinomial"}


class Watched(TorchDispatchMode):
    """Notes every operation that would wait for a GPU, or draw random numbers, or copy from the host."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        by_bits = name in ("index", "index_put_") and any(
            torch.is_tensor(x) and x.dtype == torch.bool for x in args[1] if x is not None
        )
        if name in WAITS | DRAWS | FROM_THE_HOST or by_bits:
            self.found.append(name)
        return function(*args, **(kwargs or {}))


CROPPED = replace(DIGITS, augment=Augment.CROP_FLIP, name="digits, cropped")
MOVED = noisy(permuted(replace(DIGITS, scaling="columns")), Fraction(1, 5))
STEPS = {
    **PROGRAMS,
    **CONVOLUTIONS,
    **OWN,
    **PLAYED,
    "cropped": Program(mlp(64, 20, 10), CROPPED, MOMENTUM),
    "scaled by columns and permuted": Program(mlp(64, 20, 10), MOVED, MOMENTUM),
}


@pytest.mark.parametrize("name", STEPS)
def test_neither_an_update_nor_an_evaluation_waits_for_the_device(name, monkeypatch):
    """No number is asked for, nothing chosen by bits, nothing drawn: what a CUDA graph can capture.

    On a CPU `top` asks whether there are ties, saliency how many stay, and targeted dropout how many are targeted; what
    they do on a GPU is put in its place.
    """
    monkeypatch.setattr(moving, "_smallest_by_partition", moving._smallest_unasked)
    monkeypatch.setattr(stack, "_top_by_rows", stack._top_unasked)
    monkeypatch.setattr(SaliencyStack, "_keep_by_rows", SaliencyStack._keep_unasked)
    made = population(STEPS[name], range(3), until=8)
    updates = begun(made)
    evaluate = Evaluator(made, updates.stack, updates.feed, "validation")
    early = EarlyStop(updates.stack)
    steps = updates.run()
    next(steps)
    early.see(evaluate()[0], 1)
    with Watched() as watched:
        for step, change in ((2, False), (3, type(updates.stack).changes is not Stack.changes)):
            updates._update(change=change)
            evaluate._evaluate()
            early.see(evaluate.loss_RN.double().mean(1), step)
            updates.stack.finite()
    assert watched.found == []
    with Watched() as watched:  # the watch itself notices
        float(updates.loss_R[0])
        updates.loss_R[updates.loss_R > 0]
    assert watched.found == ["_local_scalar_dense", "index"]


@pytest.mark.parametrize("scores", ["all differ", "ties", "no numbers"])
@pytest.mark.parametrize("on_device", [False, True], ids=["known count", "count on the device"])
@pytest.mark.parametrize("share", [None, 0.6])
def test_the_choice_that_never_waits_is_the_same(scores, on_device, share):
    """What is chosen on a GPU is what is chosen on a CPU: exact counts, ties to the lower index, among some alone."""
    generator = torch.Generator().manual_seed(3)
    magnitude = torch.rand(4, 1001, generator=generator)
    if scores != "all differ":
        magnitude = (magnitude * 20).floor()
    if scores == "no numbers":
        magnitude[1:, ::3] = torch.nan
    among = None if share is None else torch.rand(4, 1001, generator=generator) < share
    most = 1001 if among is None else int(among.sum(1).min())
    for count in (0, 1, 333, most - 1, most)[not on_device :]:
        count = torch.tensor([count]) if on_device else count
        chosen = stack._top_unasked(magnitude, count, among)
        assert chosen.sum(1).tolist() == [int(count)] * 4
        assert torch.equal(chosen, stack._top_by_rows(magnitude, count, among))
        for row, (values, mask) in enumerate(zip(magnitude, chosen, strict=True)):
            there = range(1001) if among is None else among[row].nonzero().flatten().tolist()
            known = values.nan_to_num(nan=-1.0).tolist()
            order = sorted(there, key=lambda i, known=known: (-known[i], i))
            assert mask.nonzero().flatten().tolist() == sorted(order[: int(count)])


RATES = {
    "adam": [
        Recipe(optimiser=Adam(1e-3), steps=30, batch=60),
        Recipe(optimiser=Adam(5e-3), steps=30, batch=60),
        Recipe(optimiser=Adam(5e-3), steps=30, batch=60, schedule=Drops((Fraction(1, 2),))),
    ],
    "momentum": [
        Recipe(
            optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-3), steps=30, batch=60, schedule=Drops((Fraction(1, 3),))
        ),
        Recipe(optimiser=SGD(0.01, momentum=0.9, weight_decay=1e-3), steps=30, batch=60),
    ],
}


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("order", [(0, 0, 1, 1, 2), (0, 1, 0, 2, 1)], ids=["together", "mixed"])
def test_members_of_other_learning_rates_equal_those_alone(name, order):
    """A population whose members have their own rates and schedules: each ends as in a population of its own."""
    recipes = RATES[name]
    chosen = [recipes[min(i, len(recipes) - 1)] for i in order]
    program = Program(mlp(64, 33, 10), DIGITS, recipes[0].without_rates())
    made = tuple(replace(member(program, i), recipe=recipe) for i, recipe in enumerate(chosen))
    together = compute(Population(program, made)).members
    ends = []
    for i, (recipe, result) in enumerate(zip(chosen, together, strict=True)):
        own = Program(program.network, DIGITS, recipe)
        alone = compute(Population(own, (member(own, i),))).members[0]
        np.testing.assert_array_equal(result.arrays["end"], alone.arrays["end"])
        assert result.rows == alone.rows
        ends.append(result.arrays["end"].tobytes())
    assert len(set(ends)) == len(ends)


def test_programs_of_other_rates_pack_and_others_do_not():
    """Learning rate and schedule are not what members must have in common; everything else is."""
    base = Program(mlp(64, 33, 10), DIGITS, RATES["adam"][0])
    assert all(replace(base, recipe=recipe).packs == base.packs for recipe in RATES["adam"])
    others = [
        replace(base, recipe=replace(base.recipe, **{what: value}))
        for what, value in {"steps": 31, "batch": 61, "validate_every": 7, "numerics": "tf32"}.items()
    ]
    others += [replace(base, recipe=RATES["momentum"][0]), replace(base, first_step=1), replace(base, task=CROPPED)]
    others += [replace(base, learn=Scores(Fraction(1, 2)))]
    assert base.packs not in [other.packs for other in others]


def test_an_evaluation_pass_fits_the_network():
    """A thousand examples of what is narrow, fewer of what is wide: one member's activations stay below 128 MiB."""
    narrow = [mlp(784, 300, 100, 10), resnet20(), conv_net(2, width=Fraction(1, 8))]
    wide = [conv_net(2), conv_net(8), vgg19()]
    assert [examples_a_pass(network) for network in narrow] == [1000] * 3
    assert [examples_a_pass(network) for network in wide] == [250] * 3
    assert all(8 * 250 * network.widest <= 2**27 for network in wide)
    assert conv_net(2).widest == 64 * 32 * 32


def test_a_cpu_holds_any_population():
    """Only a GPU's memory is asked how many members it holds."""
    assert most_members(population(PROGRAMS["edge-popup"], range(2)), torch.device("cpu")) == float("inf")


def test_early_stop_takes_the_lowest_loss_a_member_and_never_nan():
    """Each member keeps the parameters of its own lowest loss; one that never had a number keeps its last."""
    updates = begun(population(PROGRAMS["digits mlp, odd widths, adam"], range(3)))
    early, learned = EarlyStop(updates.stack), updates.stack.learned_RP
    for step, losses in ((10, [3.0, 1.0, np.nan]), (20, [2.0, np.nan, np.inf]), (30, [2.5, 0.5, np.nan])):
        learned.fill_(step)
        early.see(torch.tensor(losses, dtype=torch.float64), step)
    assert early.step_R.tolist() == [20, 30, 30]
    early.restore()
    assert learned[:, 0].tolist() == [20, 30, 30]


@pytest.mark.parametrize("name", STEPS)
def test_no_population_outlives_its_result(name, monkeypatch):
    """Without a collection of cycles nothing of a population is left once it has a result, or has failed."""
    made, alive = population(STEPS[name], range(3), until=4), []

    def noted(*given):
        alive.append(weakref.ref(built := stacked(*given)))
        alive.append(weakref.ref(built.learned_RP))
        return built

    monkeypatch.setattr(engine, "stacked", noted)
    gc.collect()
    gc.disable()
    try:
        compute(made)
        assert [each() for each in alive] == [None, None]
        monkeypatch.setattr(engine._Course, "_measure", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            compute(made)
        assert [each() for each in alive] == [None] * 4
    finally:
        gc.enable()
