"""An update by hand is autograd's update: the same numbers, masks and checkpoints, in fewer launches."""

import csv
import gc
import os
import subprocess
import sys
import weakref
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from harness.data._task_variants import noisy, permuted
from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS, Augment
from harness.engine import _by_hand as by_hand
from harness.engine import _course as engine
from harness.engine import _updates as updates
from harness.engine._feed import Feed
from harness.engine._pixels import scaled, scales
from harness.engine._stack import stacked
from harness.engine._updates import Updates
from harness.errors import StoppedError
from harness.networks._layers import Linear, Relu
from harness.networks._network import Init, Network, mlp
from harness.networks._recipe import SGD, Adam, AdamW, Drops
from harness.population._population import Population, Program
from harness.store import _checkpoints as checkpoint
from harness.store._checkpoints import CheckpointSaver
from tests.engine.test_capture import Watched
from tests.members import ADAM, CONVOLUTIONS, MOMENTUM, ODD, OWN, PROGRAMS, begun, member, population
from tests.project import ROOT
from tests.store.test_checkpoints import after

LENET = mlp(64, 300, 100, 10)  # of digits: how many inputs there are launches nothing
TABLE = Path(__file__).parent / "launches.csv"
BIASED = replace(ODD, init=Init.TORCH_DEFAULT)  # whose biases start elsewhere than at zero


def with_optimiser(optimiser, **more):
    return Program(BIASED, DIGITS, replace(ADAM, optimiser=optimiser), **more)


SIMPLE = {
    "adam": with_optimiser(Adam(1.2e-3)),
    "adam, from a later step": with_optimiser(Adam(1.2e-3), first_step=11),
    "adamw": with_optimiser(AdamW(1.2e-3, weight_decay=0.1)),
    "sgd": with_optimiser(SGD(0.1)),
    "momentum and decay": with_optimiser(SGD(0.1, momentum=0.9, weight_decay=1e-3)),
    "nesterov": with_optimiser(SGD(0.1, momentum=0.9, weight_decay=1e-3, nesterov=True), first_step=7),
    "one layer": Program(mlp(64, 10), DIGITS, ADAM),
    "four layers without biases": Program(mlp(64, 40, 32, 7, 10, bias=False), DIGITS, ADAM),
    "images of length one": Program(BIASED, replace(DIGITS, scaling="l2"), MOMENTUM),
    "standardised images": Program(BIASED, replace(DIGITS, scaling="standardised"), MOMENTUM),
    "other labels": Program(BIASED, noisy(DIGITS, Fraction(1, 5)), MOMENTUM),
}
INTERPRETED = (
    "adam, from a later step",
    "nesterov",
    "four layers without biases",
    "images of length one",
    "standardised images",
)
PERCEPTRON = SIMPLE["adam"]
OTHERS = {
    **{name: program for name, program in {**PROGRAMS, **CONVOLUTIONS, **OWN}.items() if not name.startswith("digits")},
    "squared": replace(PERCEPTRON, recipe=replace(ADAM, loss="squared")),
    "smoothed": replace(PERCEPTRON, recipe=replace(ADAM, smoothing=0.1)),
    "clipped": replace(PERCEPTRON, recipe=replace(ADAM, clip=1.0)),
    "l1": replace(PERCEPTRON, recipe=replace(ADAM, l1=1e-4)),
    "l2": replace(PERCEPTRON, recipe=replace(ADAM, l2=1e-4)),
    "bfloat16": replace(PERCEPTRON, recipe=replace(ADAM, numerics="bfloat16")),
    "rmsprop": replace(PERCEPTRON, recipe=PROGRAMS["digits mlp, odd widths, rmsprop, clipped, squared"].recipe),
    "two images": Program(mlp(128, 33, 10), DIGIT_DIFFERENCE, ADAM),
    "cropped": replace(PERCEPTRON, task=replace(DIGITS, augment=Augment.CROP_FLIP)),
    "columns": replace(PERCEPTRON, task=replace(DIGITS, scaling="columns")),
    "permuted": replace(PERCEPTRON, task=permuted(DIGITS)),
    "layers without ReLU": replace(PERCEPTRON, network=Network((Linear("a", 64, 20), Linear("output", 20, 10)))),
    "ReLU at the end": replace(PERCEPTRON, network=Network((Linear("a", 64, 10), Relu()))),
}


@pytest.fixture
def on_a_cpu(monkeypatch):
    """Let updates be made by hand on a CPU too, by the kernels' twins; say how many were."""
    made = []
    real = by_hand.ByHand.__call__
    monkeypatch.setattr(by_hand.ByHand, "__call__", lambda self: (made.append(None), real(self))[1])
    monkeypatch.setattr(updates, "stands_in", by_hand.simple)
    return made


def in_float64(made):
    """Return updates of a population all of whose numbers are float64."""
    stack = stacked(made, torch.device("cpu"))
    stack._learn_these(stack.learned_RP.double(), stack.mask_RP.double())
    stack.seen = lambda inputs_RBI: inputs_RBI.double()
    ready = Updates(made, stack, Feed(made, stack.device))
    ready.loss_R = ready.loss_R.double()
    return ready


def trained(ready):
    """Make all updates; return losses of every step, parameters, and what the optimiser has of each group."""
    losses = [ready.loss_R.clone() for _ in ready.run()]
    states = [ready.optimiser.state[group["params"][0]] for group in ready.optimiser.param_groups]
    return torch.stack(losses), ready.stack.learned_RP, states


def of_several_rates(program, *factors):
    """Return a population of five members, masked and not, with as many learning rates and schedules as factors."""
    optimiser = program.recipe.optimiser
    recipes = [
        replace(
            program.recipe, optimiser=replace(optimiser, lr=optimiser.lr * factor), schedule=Drops((Fraction(1, 4),))
        )
        for factor in factors
    ]
    shared = replace(program, recipe=program.recipe.without_rates())
    members = (replace(member(program, i), recipe=recipes[i * len(recipes) // 5]) for i in range(5))
    return Population(shared, tuple(members), until=program.first_step + 20)


@pytest.mark.parametrize("factors", [(1.0,), (1.0, 0.5, 3.0)], ids=["one rate", "three rates"])
@pytest.mark.parametrize("name", SIMPLE)
def test_twenty_updates_by_hand_are_autograd_s(name, factors, on_a_cpu, monkeypatch):
    """In float64, to twelve digits: losses, parameters, the optimiser's state under its names, of every member."""
    made = of_several_rates(SIMPLE[name], *factors)
    losses, learned_RP, states = trained(in_float64(made))
    assert len(on_a_cpu) == 20
    monkeypatch.setattr(updates, "stands_in", lambda *given: False)
    expected_losses, expected_RP, expected_states = trained(in_float64(made))
    assert len(on_a_cpu) == 20
    torch.testing.assert_close(losses, expected_losses, rtol=1e-12, atol=0)
    torch.testing.assert_close(learned_RP, expected_RP, rtol=0, atol=1e-12)
    assert [set(state) for state in states] == [set(state) for state in expected_states]
    for state, expected in zip(states, expected_states, strict=True):
        torch.testing.assert_close(dict(state), dict(expected), rtol=0, atol=1e-12)


def one_step(name):
    """Return updates of small batches, one of them, at two rates, which are float32 as on a GPU."""
    program = SIMPLE[name]
    made = of_several_rates(replace(program, recipe=replace(program.recipe, batch=3)), 1.0, 0.5)
    ready = begun(replace(made, until=program.first_step + 1))
    ready._rate_type = torch.float32
    return ready


@pytest.fixture(scope="module")
def by_triton(tmp_path_factory):
    """Losses and parameters after a step, by Triton's interpreter in a process of its own."""
    pytest.importorskip("triton", reason="torch for CPUs alone comes without Triton")
    file = tmp_path_factory.mktemp("interpreted") / "steps.pt"
    command = [sys.executable, "-m", "tests.engine.by_triton", file]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "TRITON_INTERPRET": "1"}, timeout=120)
    return torch.load(file)


@pytest.mark.parametrize("name", INTERPRETED)
def test_a_step_by_triton_is_that_by_torch(name, by_triton, on_a_cpu):
    """Each kernel is given what it expects: a step agrees to rounding, with removed weights at zero."""
    ready = one_step(name)
    losses, learned_RP, _ = trained(ready)
    assert len(on_a_cpu) == 1
    found_losses, found_RP = by_triton[name]
    torch.testing.assert_close(found_losses, losses, rtol=1e-6, atol=0)
    torch.testing.assert_close(found_RP, learned_RP, rtol=0, atol=1e-6)
    assert not found_RP[ready.stack.mask_RP == 0].any()


@pytest.mark.parametrize("name", SIMPLE)
def test_gradients_by_hand_are_autograd_s_in_float32(name, on_a_cpu, monkeypatch):
    """As the engine computes they differ by rounding: what an optimiser makes of them is tested by itself."""
    made = replace(of_several_rates(SIMPLE[name], 1.0), until=SIMPLE[name].first_step + 1)
    one, other = begun(made), begun(made)
    losses, _, _ = trained(one)
    monkeypatch.setattr(updates, "stands_in", lambda *given: False)
    expected_losses, _, _ = trained(other)
    assert len(on_a_cpu) == 1
    torch.testing.assert_close(losses, expected_losses, rtol=3e-7, atol=0)
    gradient_RP, expected_RP = one.stack.learned_RP.grad * one.stack.mask_RP, other.stack.learned_RP.grad
    torch.testing.assert_close(gradient_RP, expected_RP, rtol=0, atol=1e-6 * float(expected_RP.abs().max()))


@pytest.mark.parametrize("name", SIMPLE)
def test_a_removed_weight_is_exactly_zero(name, on_a_cpu):
    """At every step, with the optimiser's state of it, and no other prunable weight is."""
    ready = begun(replace(of_several_rates(SIMPLE[name], 1.0), until=SIMPLE[name].first_step + 3))
    stack = ready.stack
    removed_RP = stack.mask_RP == 0
    assert removed_RP.any()
    for _ in ready.run():
        assert (stack.learned_RP[removed_RP] == 0).all()
        (state,) = (ready.optimiser.state[group["params"][0]] for group in ready.optimiser.param_groups)
        assert all((value[removed_RP] == 0).all() for value in state.values() if value.shape == removed_RP.shape)
    assert (stack.learned_RP != 0)[(stack._prunable_1P * stack.mask_RP) > 0].all()
    assert on_a_cpu


@pytest.mark.parametrize("first", ["by hand", "autograd"])
@pytest.mark.parametrize("name", ["adam, from a later step", "momentum and decay", "sgd"])
def test_a_checkpoint_of_one_way_is_gone_on_with_by_the_other(name, first, tmp_path, monkeypatch):
    """A training that changed its way half-way ends where both others end, to the rounding of some forty steps."""
    monkeypatch.setattr(checkpoint, "LOOK_S", 0.0)
    made = replace(of_several_rates(SIMPLE[name], 1.0, 0.5), until=None, trace_every=1)
    ways = {"by hand": by_hand.simple, "autograd": lambda *given: False}
    second = next(way for way in ways if way != first)
    monkeypatch.setattr(updates, "stands_in", ways[first])
    with pytest.raises(StoppedError):
        engine.compute(made, saver=CheckpointSaver(tmp_path, after(9)))
    monkeypatch.setattr(updates, "stands_in", ways[second])
    mixed = engine.compute(made, saver=CheckpointSaver(tmp_path))
    whole = engine.compute(made)
    for member_, expected in zip(mixed.members, whole.members, strict=True):
        assert [row.step for row in member_.rows] == [row.step for row in expected.rows]
        np.testing.assert_allclose(member_.arrays["end"], expected.arrays["end"], atol=1e-5)


@pytest.mark.parametrize("name", [*SIMPLE, *OTHERS])
def test_it_stands_in_for_what_it_writes_out_and_nothing_else(name, monkeypatch):
    """Plain perceptrons and recipes are made by hand where Triton compiles, and never on a CPU."""
    made = population((SIMPLE | OTHERS)[name], range(3))
    ready = begun(made)
    given = made, ready.stack, ready.feed
    assert by_hand.simple(*given) == (name in SIMPLE)
    assert not by_hand.stands_in(*given)
    monkeypatch.setattr(by_hand, "compiles", lambda device: True)
    assert by_hand.stands_in(*given) == (name in SIMPLE)


def test_a_student_of_a_teacher_is_left_to_autograd():
    """Distillation asks for more than the cross-entropy, whatever its share."""
    made = population(PERCEPTRON, range(2))
    ready = begun(made)
    distilled = replace(made, program=replace(made.program, teacher=made.program.network))
    assert not by_hand.simple(distilled, ready.stack, ready.feed)


@pytest.mark.parametrize("scaling", ["unit", "l2", "standardised"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_pixels_are_scaled_as_ever(scaling, dtype):
    """What is written as one formula of each image and channel gives the same bits."""
    task = replace(DIGITS, scaling=scaling)
    pixels_NI = (torch.rand(3000, 64, generator=torch.Generator().manual_seed(1)) * 255).to(dtype)
    by_N, off_I, over_I = scales(pixels_NI, task)
    assert torch.equal((pixels_NI.float() / by_N[:, None] - off_I) / over_I, scaled(pixels_NI, task))


@pytest.mark.parametrize("name", SIMPLE)
def test_an_update_by_hand_never_waits(name, on_a_cpu):
    """Nothing in it asks for a number, draws or copies from the host, so that a CUDA graph can capture it."""
    ready = begun(population(SIMPLE[name], range(3)))
    steps = ready.run()
    next(steps)
    with Watched() as watched:
        ready._update(change=False)
    assert watched.found == []
    assert len(on_a_cpu) == 2


def test_no_population_outlives_its_result_by_hand(on_a_cpu, monkeypatch):
    """Nothing in an update by hand leads back to it: without a collection of cycles all is gone with the result."""
    alive = []

    def noted(*given):
        alive.append(weakref.ref(built := stacked(*given)))
        return built

    monkeypatch.setattr(engine, "stacked", noted)
    gc.collect()
    gc.disable()
    try:
        engine.compute(population(PERCEPTRON, range(3), until=4))
        assert [each() for each in alive] == [None]
    finally:
        gc.enable()
    assert len(on_a_cpu) == 4


def test_rows_of_buffers_start_at_multiples_of_128_bytes(on_a_cpu):
    """So do a member's first row and its weights, gradients and biases."""
    ready = begun(population(SIMPLE["adam"], range(3)))
    next(ready.run())
    made = ready._by_hand
    for buffer in made._x_RBI + made._dx_RBI:
        assert all(buffer.stride(axis) * 4 % 128 == 0 for axis in (0, 1))
        assert buffer.stride(2) == 1
    for view in made._w_RIO + made._dw_RIO + made._bias_RO + made._dbias_RO:
        assert (view.data_ptr() - ready.stack.learned_RP.data_ptr()) % 4 == 0
        assert view.stride(0) * 4 % 128 == 0
        assert view.storage_offset() * 4 % 128 == 0


class Launches(TorchDispatchMode):
    """Counts operators that compute: all but views of what is there."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == "aten" and not function.is_view:
            self.counts[function.overloadpacket.__name__] += 1
        return function(*args, **(kwargs or {}))


def launches_of_autograd(program):
    """Return what autograd's update launches: counted on a CPU, as torch's has no backward pass without a device."""
    ready = begun(population(program, range(3)))
    next(ready.run())  # makes the optimiser's state
    with Launches() as launches:
        ready._update(change=False)
    return {f"torch {name}": count for name, count in launches.counts.items()}


def launches_by_hand(program, monkeypatch):
    """Return what an update by hand launches on a GPU that is not there, by torch's tensors without numbers.

    An operator whose arguments lie on different devices raises. Of Triton only the launches are counted.
    """
    from harness.kernels import _launching

    triton = Counter()
    monkeypatch.setattr(_launching, "_begin", lambda program, *given, **constants: triton.update([program.fn.__name__]))
    for module in ("engine._by_hand", "kernels._choice"):
        monkeypatch.setattr(f"harness.{module}.compiles", lambda device: device.type == "cuda")
    made = population(program, range(3))
    with FakeTensorMode(allow_non_fake_inputs=True):
        with monkeypatch.context() as patch:
            patch.setattr(FakeTensor, "__ge__", lambda self, least: True)  # torch's optimisers look whether
            patch.setattr(FakeTensor, "__lt__", lambda self, least: False)  # a rate is one
            ready = begun(made, "cuda")
        ready._batches = ready.feed.room(5, ready.stack.device)
        ready._table = torch.zeros(5, 1, device=ready.stack.device)
        assert updates.stands_in(made, ready.stack, ready.feed)
        ready._by_hand = ready._written_out()
        with Launches() as launches:
            ready._update(change=False)
        assert ready.loss_R.device.type == "cuda"
    return {f"torch {name}": count for name, count in launches.counts.items()} | {
        f"triton {name.strip('_')}": count for name, count in triton.items()
    }


def counted(monkeypatch):
    """Return the table of what an update launches, a row an operator."""
    rows = []
    for optimiser, settings in {"adam": Adam(1e-3), "sgd": SGD(0.1, momentum=0.9)}.items():
        program = Program(LENET, DIGITS, replace(ADAM, optimiser=settings))
        ways = {"autograd": launches_of_autograd(program), "by hand": launches_by_hand(program, monkeypatch)}
        for way, found in ways.items():
            rows.append([optimiser, way, "all", str(sum(found.values()))])
            rows += [[optimiser, way, name, str(count)] for name, count in sorted(found.items())]
    return rows


def test_launches_are_those_of_the_table(monkeypatch):
    """LeNet-300-100 of three members, no device mixed with another: every operator, and Triton's launches."""
    pytest.importorskip("triton", reason="torch for CPUs alone comes without Triton")
    with TABLE.open(newline="") as file:
        assert counted(monkeypatch) == list(csv.reader(file))[1:]


if __name__ == "__main__":  # writes the table
    with pytest.MonkeyPatch.context() as patch, TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["optimiser", "way", "what", "launches"])
        writer.writerows(counted(patch))
