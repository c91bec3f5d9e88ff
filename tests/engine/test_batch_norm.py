"""BatchNorm with the addition and the ReLU behind it is what autograd makes of the formula, fused or not.

python -m tests.engine.test_batch_norm    # writes residual_launches.csv
"""

import csv
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import _disable_current_modes

from harness.data._tasks import DIGITS
from harness.engine import _batch_norm as batch_norm
from harness.engine import _nn as nn
from harness.engine._course import compute
from harness.engine._plain import plain_module, put
from harness.kernels import _twins
from harness.networks._architectures import resnet20
from harness.networks._layers import AveragePool, BatchNorm, Conv, Image, Linear, Relu, Residual
from harness.networks._network import Network
from harness.population._population import Program
from tests.engine.test_by_hand import Launches
from tests.engine.test_capture import Watched
from tests.members import CONVOLUTIONS, MOMENTUM, begun, population

TABLE = Path(__file__).with_name("residual_launches.csv")
SHAPES = {"vectors": (3, 7, 5), "images": (3, 7, 5, 3, 5), "one member, one place": (1, 7, 5, 1, 1)}
FOLLOWED = {
    "alone": {"added": False, "rectified": False},
    "ReLU": {"added": False, "rectified": True},
    "addition and ReLU": {"added": True, "rectified": True},
}
RESIDUAL = Program(resnet20(image=Image(1, 8, 8), width=Fraction(1, 8)), DIGITS, MOMENTUM)


@pytest.fixture
def fused(monkeypatch):
    """Let BatchNorm be fused on a CPU too, by the kernels' twins, of which no operator counts; say what was called."""
    return fuse(monkeypatch)


def fuse(monkeypatch):
    called = Counter()

    def noted(name, real):
        def kernel(*given, **more):
            called[name] += 1
            with _disable_current_modes():
                real(*given, **more)

        return kernel

    for name in ("normalise", "normalise_back"):
        monkeypatch.setattr(_twins, name, noted(name, getattr(_twins, name)))
    monkeypatch.setattr(batch_norm, "compiles", lambda device: True)
    return called


def drawn(shape, dtype=torch.float64, *, layout="members first"):
    """Return activations, scale and shift of each member and feature, and what is added, all with gradients."""
    generator = torch.Generator().manual_seed(3)

    def numbers(*size):
        values = torch.randn(size, generator=generator, dtype=torch.float64)
        if len(size) > 2 and layout == "as a grouped convolution":
            values = values.transpose(0, 1).contiguous().transpose(0, 1)
        elif len(size) == 5 and layout == "channels last":
            values = values.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
        elif len(size) > 2 and layout == "with gaps":
            values = torch.stack((values, values), -1)[..., 0]
        return values.to(dtype).requires_grad_()

    return numbers(*shape), numbers(shape[0], shape[2]), numbers(shape[0], shape[2]), numbers(*shape)


def formula(x, scale_RF, shift_RF, added, *, rectified):
    """Return BatchNorm, addition and ReLU as they are written."""
    over = (1, 3, 4)[: x.dim() - 2]
    scale, shift = (batch_norm.wide(each_RF, x) for each_RF in (scale_RF, shift_RF))
    variance = x.var(over, keepdim=True, unbiased=False)
    y = (x - x.mean(over, keepdim=True)) / torch.sqrt(variance + 1e-5) * scale + shift
    y = y if added is None else y + added
    return torch.relu(y) if rectified else y


LAYOUTS = ["members first", "as a grouped convolution", "channels last", "with gaps"]


@pytest.mark.parametrize("followed", FOLLOWED)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_what_autograd_makes_of_the_formula(shape, layout, followed):
    """In float64 to ten digits: the output, the gradients of activations, scale, shift, and of what is added."""
    given = drawn(SHAPES[shape], layout=layout)
    added, rectified = given[3] if FOLLOWED[followed]["added"] else None, FOLLOWED[followed]["rectified"]
    flat = [None if x is None else batch_norm._flat(x, given[0]) for x in (given[0], added)]
    found = batch_norm._as_before(batch_norm.Fused.apply(flat[0], *given[1:3], flat[1], rectified)[0], given[0])
    assert found.shape == SHAPES[shape]
    expected = formula(*given[:3], added, rectified=rectified)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    learned = given[: 4 if FOLLOWED[followed]["added"] else 3]
    weights = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    gradients = [torch.autograd.grad((each * weights).sum(), learned) for each in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("followed", FOLLOWED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fused_it_gives_the_bits_that_it_gives_in_torch_s_operations(dtype, followed, fused, monkeypatch):
    """Output, moments and gradients by the twins; bfloat16 activations give bfloat16, rounded once, where fused."""
    results = []
    for compiles in (True, False):
        given = drawn(SHAPES["images"], dtype)
        scale_RF, shift_RF = (each.detach().float().requires_grad_() for each in given[1:3])
        added, rectified = given[3] if FOLLOWED[followed]["added"] else None, FOLLOWED[followed]["rectified"]
        monkeypatch.setattr(batch_norm, "compiles", lambda device, compiles=compiles: compiles)
        y, moments = batch_norm.normalised(given[0], scale_RF, shift_RF, added=added, rectified=rectified)
        assert y.dtype == (dtype if compiles else torch.float32)
        y = y.to(dtype)
        y.square().sum().backward()
        learned = [given[0], scale_RF, shift_RF, *([] if added is None else [added])]
        results.append([y, *moments, *(each.grad for each in learned)])
    assert fused == {"normalise": 1, "normalise_back": 1}
    assert [each.dtype for each in results[0]] == [each.dtype for each in results[1]]
    assert [each.shape for each in results[0]] == [each.shape for each in results[1]]
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("layout", ["as a grouped convolution", "channels last"])
def test_it_reads_and_writes_as_a_convolution_lays_images(layout, fused):
    """No activations are copied, in either direction: nothing but the kernels is launched."""
    x, scale_RF, shift_RF, added = drawn(SHAPES["images"], torch.float32, layout=layout)
    with Launches() as launches:
        y, _ = batch_norm.normalised(x, scale_RF, shift_RF, added=added, rectified=True)
        gradients = torch.autograd.grad(y, (x, added), y.detach())
    assert y.stride() == x.stride()
    assert [each.stride() for each in gradients] == [x.stride(), x.stride()]
    assert set(launches.counts) == {"empty", "empty_like"}
    assert fused == {"normalise": 1, "normalise_back": 1}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", ["vectors", "images"])
def test_all_activations_of_a_kernel_have_the_same_strides(shape, layout, fused, monkeypatch):
    """Those of its input, whatever is added and whatever gradient comes, here one for all; no two share a place."""
    strides = []

    def noted(real):
        def kernel(*given, **more):
            seen = [each for each in given if torch.is_tensor(each) and each.shape == given[0].shape]
            strides.append({each.stride() for each in seen})
            assert all(len(set(_places(each))) == each.numel() for each in seen)
            real(*given, **more)

        return kernel

    for name in ("normalise", "normalise_back"):
        monkeypatch.setattr(_twins, name, noted(getattr(_twins, name)))
    x, scale_RF, shift_RF, _ = drawn(SHAPES[shape], torch.float32, layout=layout)
    added = drawn(SHAPES[shape], torch.float32)[3].transpose(0, 1).contiguous().transpose(0, 1)
    y, _ = batch_norm.normalised(x, scale_RF, shift_RF, added=added, rectified=True)
    y.sum().backward()
    assert [len(each) for each in strides] == [1, 1]
    if layout != "with gaps":
        assert y.stride() == x.stride()


def _places(x):
    return torch.as_strided(torch.arange(10**4), x.shape, x.stride()).flatten().tolist()


def test_an_update_with_it_never_waits(fused):
    """Nothing in it asks for a number, draws or copies from the host, so that a CUDA graph can capture it."""
    ready = begun(population(CONVOLUTIONS["residual batch-norm, sgd"], range(3)))
    next(ready.run())
    with Watched() as watched:
        ready._update(change=False)
    assert watched.found == []
    assert fused["normalise_back"] == 2 * 4


def test_it_is_fused_on_a_gpu_and_not_in_float64(monkeypatch):
    """Nor on a CPU, whose bits stay."""
    assert not batch_norm.fuses(torch.zeros(1))
    monkeypatch.setattr(batch_norm, "compiles", lambda device: True)
    assert batch_norm.fuses(torch.zeros(1))
    assert batch_norm.fuses(torch.zeros(1, dtype=torch.bfloat16))
    assert not batch_norm.fuses(torch.zeros(1, dtype=torch.float64))


def block(name, inputs, outputs, shortcut=()):
    body = (Conv(name, inputs, outputs, bias=False), BatchNorm(f"{name}_bn", outputs))
    return Residual((*body, Relu(), Conv(f"{name}b", outputs, outputs), BatchNorm(f"{name}b_bn", outputs)), shortcut)


ENDS = (AveragePool(), Linear("output", 5, 10))
SHORTCUT = (Conv("shortcut", 1, 5, kernel=1, padding=0), BatchNorm("shortcut_bn", 5))
NETWORKS = {  # with how many kernels it takes forward
    "resnet20": (RESIDUAL.network, 21),
    "of the other tests": (CONVOLUTIONS["residual batch-norm, sgd"].network, 4),
    "vectors": (
        Network((Linear("a", 64, 20), BatchNorm("bn", 20), Relu(), Linear("b", 20, 10), BatchNorm("bn2", 10))),
        2,
    ),
    "both branches": (Network((Image(1, 8, 8), block("a", 1, 5, SHORTCUT), Relu(), *ENDS)), 3),
    "no ReLU behind the block": (Network((Image(1, 8, 8), block("a", 1, 5, SHORTCUT), *ENDS)), 3),
    "a block in a block": (
        Network(
            (Image(1, 8, 8), Conv("a", 1, 5), Residual((block("b", 5, 5), Relu(), BatchNorm("c", 5))), Relu(), *ENDS)
        ),
        3,
    ),
    "the shortcut alone": (
        Network((Image(1, 8, 8), Residual((Conv("a", 1, 5), Relu(), Conv("b", 5, 5)), SHORTCUT), Relu(), *ENDS)),
        1,
    ),
    "ReLU twice": (Network((Linear("a", 64, 10), BatchNorm("bn", 10), Relu(), Relu())), 1),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_the_same_whether_its_layers_are_fused(name, fused, monkeypatch):
    """Logits, gradients, moments in the order of the layers, and logits by moments that are given."""
    gives_the_same(name, fused, monkeypatch)


@pytest.mark.parametrize("name", ["resnet20", "both branches"])
def test_it_does_so_with_channels_last(name, fused, monkeypatch):
    """To rounding: sums over examples and places are added up in another order."""
    monkeypatch.setitem(nn.CONVOLUTION, "cpu", "channels last")
    gives_the_same(name, fused, monkeypatch, rtol=1e-4, atol=1e-5)


def gives_the_same(name, fused, monkeypatch, **within):
    network, kernels = NETWORKS[name]
    stack = begun(population(Program(network, DIGITS, MOMENTUM), range(3))).stack
    x_RBI = torch.randn(3, 7, network.inputs, generator=torch.Generator().manual_seed(2))
    results = []
    for compiles in (True, False):
        monkeypatch.setattr(batch_norm, "compiles", lambda device, compiles=compiles: compiles)
        params = {key: value.detach().clone().requires_grad_() for key, value in stack.views(stack.learned_RP).items()}
        moments = []
        logits_RBO = nn.forward(network, params, x_RBI, collect=moments)
        logits_RBO.square().sum().backward()
        given_RBO = nn.forward(network, params, x_RBI[:, ::2], moments=moments)
        assert given_RBO.requires_grad
        with torch.no_grad():
            assert torch.equal(nn.forward(network, params, x_RBI[:, ::2], moments=moments), given_RBO)
        together = [each for pair in moments for each in pair]
        results.append([logits_RBO, given_RBO, *together, *(each.grad for each in params.values())])
    assert fused == {"normalise": 2 * kernels, "normalise_back": kernels}
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, **(within or {"rtol": 0, "atol": 0}))


def test_in_bfloat16_it_is_as_near_to_float64_as_torch_s_modules(fused):
    """Its logits and the gradients of most layers: activations in bfloat16 lose no more here than under autocast."""
    network = resnet20(image=Image(1, 8, 8), width=Fraction(1, 2))
    stack = begun(population(replace(RESIDUAL, network=network), range(1))).stack
    flat_P = stack.learned_RP[0].numpy()
    x_RBI = torch.randn(1, 32, network.inputs, generator=torch.Generator().manual_seed(2))

    def errors(logits, gradients):
        pairs = [(logits, exact[0]), *((gradients[name], exact[1][name]) for name in gradients)]
        return sorted(float((one.double() - other).norm() / other.norm()) for one, other in pairs)

    def ours(dtype):
        params = {key: x.detach().to(dtype).requires_grad_() for key, x in stack.views(stack.learned_RP).items()}
        logits = nn.forward(network, params, x_RBI.to(dtype))[0]
        logits.square().sum().backward()
        return logits.detach(), {key: x.grad[0] for key, x in params.items() if key.endswith(".weight")}

    exact = ours(torch.float64)
    module = plain_module(network).train()
    put(module, network, flat_P)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ours(torch.float32)
        logits = module(x_RBI[0])
    logits.float().square().sum().backward()
    each = zip(network.tensors(), module.parameters(), strict=True)
    theirs = {t.name: x.grad.T if t.turned else x.grad for t, x in each if t.name.endswith(".weight")}
    one, other = errors(*found), errors(logits.detach().float(), theirs)
    assert fused["normalise_back"] == 21
    assert np.mean(one) < 1.3 * np.mean(other)


def test_a_training_fused_is_one_that_is_not(fused, monkeypatch):
    """Its last weights, of masked members too, to the bit by the twins."""
    made = population(CONVOLUTIONS["residual batch-norm, sgd"], range(3), until=5)
    ends = [member.arrays["end"] for member in compute(made).members]
    assert fused["normalise_back"] == 5 * 4
    monkeypatch.setattr(batch_norm, "compiles", lambda device: False)
    for one, member in zip(ends, compute(made).members, strict=True):
        assert (one == member.arrays["end"]).all()


def launches(monkeypatch):
    """Return what an update of a small ResNet-20 launches, a row an operator or kernel, convolved as on a GPU."""
    rows = []
    for way in ("separate", "fused", "fused, channels last"):
        monkeypatch.setitem(nn.CONVOLUTION, "cpu", "channels last" if way.endswith("last") else "grouped")
        monkeypatch.setattr(batch_norm, "compiles", lambda device: False)
        ready = begun(population(RESIDUAL, range(3)))
        next(ready.run())  # makes the optimiser's state
        triton = fuse(monkeypatch) if way.startswith("fused") else Counter()
        with Launches() as seen:
            ready._update(change=False)
        found = {f"torch {name}": count for name, count in seen.counts.items() if not name.startswith("empty")}
        found |= {f"triton {name}": count for name, count in triton.items()}
        rows.append([way, "all", str(sum(found.values()))])
        rows += [[way, name, str(count)] for name, count in sorted(found.items())]
    return rows


def test_launches_are_those_of_the_table(monkeypatch):
    """ResNet-20 of three members: every operator that computes, and the kernels, before and after."""
    with TABLE.open(newline="") as file:
        assert launches(monkeypatch) == list(csv.reader(file))[1:]


if __name__ == "__main__":  # writes the table
    with pytest.MonkeyPatch.context() as patch, TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["way", "what", "launches"])
        writer.writerows(launches(patch))
