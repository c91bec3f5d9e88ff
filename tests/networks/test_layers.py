"""The papers' networks: their counts, what refuses to fit, and that each computes what torch's own layers compute.

Also tests `networks._architectures`, `networks._network`, `networks._initial` and `networks._counts`.
"""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from harness import streams
from harness.engine import _nn as population_nn
from harness.engine._machine import precision
from harness.engine._nn import convolve, forward
from harness.errors import DesignError
from harness.networks import _initial as initial
from harness.networks._architectures import conv_net, lenet5, lstm_net, resnet20, vgg19, vision_transformer
from harness.networks._initial import initial_scores, initial_values
from harness.networks._layers import (
    Attention,
    AveragePool,
    BatchNorm,
    Conv,
    Flatten,
    Gelu,
    Image,
    LayerNorm,
    Linear,
    MaxPool,
    Relu,
    Residual,
    Tokens,
)
from harness.networks._network import Init, Network, mlp
from harness.streams import Replicate

REPLICATE = Replicate(7, 0)


# --- counts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "weights"),
    [
        (mlp(784, 300, 100, 10), 266_200),
        (conv_net(2), 4_300_992),
        (conv_net(4), 2_425_024),
        (conv_net(6), 2_261_184),  # Frankle & Carbin 2019 print 1.7M
        (lenet5(), 430_500),
        (resnet20(), 270_896),
        (vgg19(), 20_024_000),
    ],
)
def test_weights_are_the_papers(network, weights):
    """Prunable weights, which leave out biases and BatchNorm, are those of the layers in the papers."""
    assert network.weights == weights
    assert sum(tensor.size for tensor in network.prunable().values()) == weights


def convolutional(network):
    return sum(t.size for t in network.tensors() if len(t.shape) == 4)


def test_resnet_counts_are_the_papers():
    """270K in convolutions and 274K in all, BatchNorm's running moments included: the shortcuts are convolutions."""
    network = resnet20()
    moments = 2 * sum(layer.features for layer, _ in network.traced() if isinstance(layer, BatchNorm))
    assert convolutional(network) == 270_256
    assert (network.parameters, network.parameters + moments) == (272_474, 274_042)
    shortcuts = [t.size for name, t in network.prunable().items() if name.endswith("shortcut")]
    assert shortcuts == [16 * 32, 32 * 64]
    assert len(network.convolutions) == 19
    assert sum(network.prunable()[name].size for name in network.convolutions) == 270_256 - 2_560


def test_vgg_and_lenet_counts_are_the_papers():
    """20.0M are VGG-19's convolutions, with or without what is not in them; 431K is LeNet-5 with its biases."""
    assert convolutional(vgg19()) == 20_018_880
    assert f"{vgg19().parameters / 1e6:.1f}M" == "20.0M"
    assert len(vgg19().convolutions) == 16
    assert lenet5().parameters == 431_080


def test_multiply_adds_count_each_weight_at_each_place():
    """Dense and pruned, a weight of a convolution counts at every place of its output, a linear one once."""
    assert mlp(784, 300, 100, 10).multiply_adds() == 266_200
    assert lenet5().multiply_adds() == 500 * 24 * 24 + 25_000 * 8 * 8 + 400_000 + 5_000
    places = {"stage1": 32 * 32, "stage2": 16 * 16, "stage3": 8 * 8, "conv1": 32 * 32, "output": 1}
    sizes = {name: t.size for name, t in resnet20().prunable().items()}
    assert resnet20().multiply_adds() == sum(size * places[name.split(".")[0]] for name, size in sizes.items())
    assert resnet20().multiply_adds(dict.fromkeys(sizes, 1)) == sum(places[n.split(".")[0]] for n in sizes)
    assert lenet5().multiply_adds({"conv2": 100}) == lenet5().multiply_adds() - (25_000 - 100) * 64
    with pytest.raises(DesignError, match=r"no layer 'conv3'.*did you mean"):
        lenet5().multiply_adds({"conv3": 100})


@pytest.mark.parametrize("make", [lenet5, lambda: conv_net(8), resnet20, vgg19])
def test_specifications_draw_nothing(make, monkeypatch):
    """Building, counting and describing a network draws no numbers."""
    monkeypatch.setattr(streams, "generator", None)
    monkeypatch.setattr(initial, "generator", None)
    network = make()
    assert f"{network.weights:,} weights" in network.label
    assert network.inputs in (784, 3072)
    assert network.outputs == 10
    assert network.flat_size >= network.parameters


def test_slices_are_aligned_and_apart():
    """Every tensor starts at a multiple of 64 floats, after the one before it, and no two have one name."""
    tensors = resnet20(width=Fraction(3, 16)).tensors()
    assert all(t.offset % 64 == 0 for t in tensors)
    assert all(a.slice.stop <= b.slice.start < a.slice.stop + 64 for a, b in itertools.pairwise(tensors))
    assert len({t.name for t in tensors}) == len(tensors)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((Image(3, 8, 8), Conv("a", 1, 4)), r"cannot follow what gives shape \(3, 8, 8\)"),
        ((Image(1, 8, 8), Linear("a", 64, 4)), r"cannot follow what gives shape \(1, 8, 8\)"),
        ((Image(1, 4, 4), Conv("a", 1, 4, kernel=5, padding=0)), r"cannot follow what gives shape \(1, 4, 4\)"),
        ((Image(1, 8, 8), Conv("a", 1, 4), BatchNorm("b", 8)), r"cannot follow what gives shape \(4, 8, 8\)"),
        ((Linear("a", 8, 4), Flatten()), r"cannot follow what gives shape \(4,\)"),
        ((Linear("a", 8, 8), Linear("a", 8, 4)), "2 layers are named 'a'"),
        ((Image(1, 8, 8), Residual((Conv("a", 1, 4),))), r"adds shapes \(4, 8, 8\) and \(1, 8, 8\)"),
        ((Image(1, 8, 8), Residual((Conv("a", 1, 1),), (Conv("a", 1, 1),))), "2 layers are named 'a'"),
        ((Relu(),), "needs an Image or a Linear layer"),
        ((Image(8, 4, 2), Tokens("a", 8, 4)), r"cannot follow what gives shape \(8, 4, 2\)"),
        ((Image(8, 4, 2), Tokens("a", 8, 8), BatchNorm("b", 8)), r"cannot follow what gives shape \(8, 8\)"),
        ((Image(8, 4, 2), Tokens("a", 8, 8), Attention("b", 4, 2)), r"cannot follow what gives shape \(8, 8\)"),
        ((Image(8, 4, 2), Tokens("a", 8, 8), LayerNorm("b", 4)), r"cannot follow what gives shape \(8, 8\)"),
        ((Image(8, 4, 2), LayerNorm("b", 8)), r"cannot follow what gives shape \(8, 4, 2\)"),
        (
            (Linear("a.query", 8, 8), Residual((Linear("a", 8, 8), Linear("a.query", 8, 8)))),
            "2 layers are named 'a.query'",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, message):
    """Widths that disagree, names used twice and branches of different shapes are found when a network is written."""
    with pytest.raises(DesignError, match=message):
        Network(layers)


def test_unknown_depth_is_refused():
    """Conv-3 is no network of the papers."""
    with pytest.raises(DesignError, match=r"conv_net\(3\): depths are 2, 4, 6, 8"):
        conv_net(3)


# --- initial values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        (Init.GLOROT_NORMAL, 2 / (9 * 64 + 9 * 128)),
        (Init.KAIMING_NORMAL, 2 / (9 * 64)),
        (Init.KAIMING_UNIFORM, 2 / (9 * 64)),
        (Init.TORCH_DEFAULT, 1 / (3 * 9 * 64)),
    ],
)
def test_initial_convolutions_have_the_variance_of_their_fans(init, variance):
    """Fans of a convolution are channels times places of its kernel, of inputs and outputs alike."""
    network = conv_net(4, init=init)
    third = next(t for t in network.tensors() if t.name == "conv3.weight")
    assert third.shape == (128, 64, 3, 3)
    weights = initial_values(network, REPLICATE, "init", 0)[third.slice].astype(float)
    assert weights.var() == pytest.approx(variance, rel=0.03)


def test_signed_constants_and_scores_of_convolutions():
    """Edge-popup's weights are +-sqrt(2 / fan_in), its scores within 1 / sqrt(fan_in)."""
    network = conv_net(2, bias=False, init=Init.SIGNED_KAIMING_CONSTANT)
    second = next(t for t in network.tensors() if t.name == "conv2.weight")
    weights = initial_values(network, REPLICATE, "init", 0)[second.slice]
    assert set(np.unique(weights)) == {np.float32(math.sqrt(2 / 576)), -np.float32(math.sqrt(2 / 576))}
    scores = initial_scores(network, REPLICATE, "scores", 0)[second.slice]
    assert 0.99 / 24 < np.abs(scores).max() <= 1 / 24
    assert all(".weight" in t.name for t in network.tensors())


@pytest.mark.parametrize("init", [Init.TORCH_DEFAULT, Init.KAIMING_UNIFORM])
def test_uniform_values_have_the_bounds_of_torch_s_own(init):
    """Largest weights and biases are those of torch's layers as they are made, or of its kaiming_uniform_."""
    network = conv_net(2, image=Image(1, 8, 8), init=init)
    flat = initial_values(network, REPLICATE, "init", 0)
    torch.manual_seed(0)
    made = {"conv2": nn.Conv2d(64, 64, 3), "fc1": nn.Linear(1024, 256)}
    for t in network.tensors():
        name, _, part = t.name.rpartition(".")
        if name in made:
            expected = getattr(made[name], part).detach()
            if init is Init.KAIMING_UNIFORM:
                expected = nn.init.kaiming_uniform_(expected, nonlinearity="relu") if part == "weight" else 0 * expected
            assert np.abs(flat[t.slice]).max() == pytest.approx(expected.abs().max().item(), rel=0.05)
            assert flat[t.slice].std() == pytest.approx(expected.std().item(), rel=0.15)


def test_a_layer_may_have_a_distribution_of_its_own():
    """Its values are those that it has where all layers have that one, biases too; the others stay."""
    usual, other = mlp(64, 30, 20, 10), mlp(64, 30, 20, 10, init=Init.TORCH_DEFAULT)
    mixed = replace(usual, inits=(("fc2", Init.TORCH_DEFAULT),))
    flats = [initial_values(net, REPLICATE, "init", 0) for net in (usual, other, mixed)]
    for t in usual.tensors():
        expected = flats[1 if t.layer == "fc2" else 0]
        np.testing.assert_array_equal(flats[2][t.slice], expected[t.slice])
    assert mixed.label == "MLP 64-30-20-10 (glorot-normal, fc2 torch-default; 2,720 weights)"
    with pytest.raises(DesignError, match=r"inits= names 'fc4', no layer with parameters.*did you mean fc"):
        replace(usual, inits=(("fc4", Init.TORCH_DEFAULT),))


def test_layers_with_a_distribution_of_their_own_take_the_one_they_are_named_with():
    """An LSTM's and an embedding's weights; their biases and all else stay, whatever the network's is."""
    usual = lstm_net(62, places=32, features=5, hidden=7)
    named = replace(usual, inits=(("lstm1.hidden", Init.SIGNED_KAIMING_CONSTANT), ("embedding", Init.KAIMING_NORMAL)))
    other = replace(usual, init=Init.KAIMING_NORMAL)
    flats = [initial_values(net, REPLICATE, "init", 0) for net in (usual, named, other)]
    for t in usual.tensors():
        was, now, by_all = (flat[t.slice] for flat in flats)
        assert (was == now).all() == (t.layer not in dict(named.inits) or not t.prunable), t.name
        assert (was == by_all).all() == (t.layer != "output"), t.name
        if t.name == "lstm1.hidden.weight":
            np.testing.assert_allclose(np.abs(now), math.sqrt(2 / 7), rtol=1e-6)


def test_a_layer_without_weights_takes_no_other_distribution():
    """It would be in the key and change nothing."""
    net = mlp(64, 30, 10, batch_norm=True)
    (name,) = {t.layer for t in net.tensors() if t.name.endswith(".scale")}
    with pytest.raises(DesignError, match=f"inits= names '{name}', which has no weights.*Next: name a layer"):
        replace(net, inits=((name, Init.KAIMING_NORMAL),))


def test_a_language_model_has_an_lstm():
    """None would be told as widths that do not fit."""
    with pytest.raises(DesignError, match=r"lstm_net\(\) of 0 LSTMs. Next: layers=1"):
        lstm_net(62, places=32, layers=0)


def test_normalisation_starts_at_one_and_zero():
    """Whatever the distribution of weights; positions are small."""
    network = vision_transformer(image=Image(1, 8, 8), patch=2, init=Init.TORCH_DEFAULT)
    flat = initial_values(network, REPLICATE, "init", 0)
    by_name = {t.name: flat[t.slice] for t in network.tensors()}
    assert set(by_name["block2.norm1.scale"]) == set(by_name["norm.scale"]) == {1.0}
    assert set(by_name["block2.norm1.shift"]) == set(by_name["norm.shift"]) == {0.0}
    assert by_name["tokens.positions"].std() == pytest.approx(0.02, rel=0.1)
    assert by_name["block1.attention.value.bias"].any()


# --- the same as torch's own layers ------------------------------------------------------------------------------


class Block(nn.Module):
    """A basic block of He et al. 2016, with a projection where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        """Return the rectified sum of both branches."""
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def torch_resnet20(channels, widths):
    """Three stages of three blocks."""
    layers = [nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()]
    inputs = widths[0]
    for stage, outputs in enumerate(widths):
        layers += [Block(inputs if not i else outputs, outputs, 2 if stage and not i else 1) for i in range(3)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


def torch_vgg19():
    """The usual plan of widths, "M" a pool."""
    layers, inputs = [], 3
    for width in [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4]:
        if width == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
    return nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(512, 10))


def torch_conv4():
    """Conv-4 of Frankle & Carbin."""

    def pair(inputs, outputs):
        first, second = nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)
        return [first, nn.ReLU(), second, nn.ReLU(), nn.MaxPool2d(2)]

    hidden = [nn.Flatten(), nn.Linear(8192, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)]
    return nn.Sequential(*pair(3, 64), *pair(64, 128), *hidden)


def torch_lenet5():
    """Caffe's LeNet."""
    first, second = nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5)
    hidden = [nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)]
    return nn.Sequential(first, nn.MaxPool2d(2), second, nn.MaxPool2d(2), *hidden)


def values(network, members):
    """Flat parameters of that many members, every bias, scale and shift away from its initial value."""
    flat = np.stack([initial_values(network, Replicate(7, i), "init", 0) for i in range(members)])
    rng = np.random.default_rng(0)
    for t in network.tensors():
        if not t.prunable:
            flat[:, t.slice] += rng.normal(0, 0.1, (members, t.size))
    return flat


def stacks(network, flat):
    """Each tensor's stack, as leaves that take gradients."""
    made = {t.name: torch.from_numpy(flat[:, t.slice].reshape(-1, *t.shape).copy()) for t in network.tensors()}
    return {name: leaf.requires_grad_() for name, leaf in made.items()}


def as_torch(tensor, values):
    """A tensor of ours as torch keeps it: linear weights are (outputs, inputs) there."""
    return values.T if tensor.name.endswith(".weight") and len(tensor.shape) == 2 else values


def load(module, network, flat):
    """Give `module`, whose parameters come in the network's order, one member's values."""
    with torch.no_grad():
        for t, parameter in zip(network.tensors(), module.parameters(), strict=True):
            parameter.copy_(as_torch(t, torch.from_numpy(flat[t.slice].reshape(t.shape))))
    return module


@pytest.mark.parametrize(
    ("network", "make"),
    [
        (resnet20(), lambda: torch_resnet20(3, (16, 32, 64))),
        (vgg19(), torch_vgg19),
        (conv_net(4), torch_conv4),
        (lenet5(), torch_lenet5),
    ],
    ids=["resnet20", "vgg19", "conv4", "lenet5"],
)
@torch.no_grad()
def test_forward_is_that_of_torch_modules(network, make):
    """One member's logits equal those of the same network written with torch.nn, BatchNorm by the batch's moments."""
    flat = values(network, 1)
    module = load(make(), network, flat[0]).train()
    image = network.layers[0]
    x = torch.randn(4, image.channels, image.height, image.width, generator=torch.Generator().manual_seed(0))
    logits = forward(network, stacks(network, flat), x.flatten(1)[None])
    assert logits.shape == (1, 4, 10)
    torch.testing.assert_close(logits[0], module(x), rtol=1e-3, atol=1e-4)


SMALL = resnet20(image=Image(2, 9, 8), width=Fraction(1, 4))  # 4, 8 and 16 channels; odd heights


CONV2, SMALL_CONV, VGG = (60, 64, 32), (128, 16, 32), (64, 512, 4)  # examples, channels, side


@pytest.mark.parametrize(
    ("shape", "numerics", "way"),
    [
        (CONV2, "float32", "streams"),
        (CONV2, "tf32", "channels last"),
        (CONV2, "bfloat16", "channels last"),
        ((128, 64, 8), "float32", "grouped"),
        (SMALL_CONV, "float32", "grouped"),
        (SMALL_CONV, "tf32", "grouped"),
        (SMALL_CONV, "bfloat16", "channels last"),
        (VGG, "float32", "streams"),
    ],
)
def test_a_gpu_convolves_by_size_and_numerics(shape, numerics, way, monkeypatch):
    """Large layers member by member on streams, small ones as one grouped convolution, as was measured."""
    asked = []
    monkeypatch.setattr(population_nn, "_on_streams", lambda calls, device: [call() for call in calls])
    monkeypatch.setattr(functional, "conv2d", lambda x, *given, **more: asked.append(x) or x)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda device: numerics == "bfloat16")
    monkeypatch.setattr(torch, "get_autocast_dtype", lambda device: torch.bfloat16)
    batch, channels, side = shape
    x, w = torch.empty(2, batch, channels, side, side, device="meta"), torch.empty(2, channels, channels, 3, 3)
    with precision(numerics):
        population_nn.convolve(x, w, "by size", padding=1)
    assert len(asked) == (1 if way == "grouped" else 2)
    assert [len(each) for each in asked] == [batch] * len(asked)
    assert all(each.is_contiguous(memory_format=torch.channels_last) == (way == "channels last") for each in asked)


@pytest.mark.parametrize("how", ["loop", "grouped", "unfold", "channels last"])
def test_gradients_are_those_of_torch_modules(how, monkeypatch):
    """Each of three members has the loss and the gradients that torch.autograd gives it alone, however convolved."""
    monkeypatch.setitem(population_nn.CONVOLUTION, "cpu", how)
    flat = values(SMALL, 3)
    leaves = stacks(SMALL, flat)
    x = torch.randn(3, 6, 2, 9, 8, generator=torch.Generator().manual_seed(0))
    answers = torch.arange(6)
    logits = forward(SMALL, leaves, x.flatten(2))
    loss = functional.cross_entropy(logits.flatten(0, 1), answers.repeat(3), reduction="none").view(3, 6).mean(1)
    loss.sum().backward()
    for i in range(3):
        module = load(torch_resnet20(2, (4, 8, 16)), SMALL, flat[i])
        alone = functional.cross_entropy(module(x[i]), answers)
        alone.backward()
        torch.testing.assert_close(loss[i], alone)
        for t, parameter in zip(SMALL.tensors(), module.parameters(), strict=True):
            torch.testing.assert_close(
                as_torch(t, leaves[t.name].grad[i]), parameter.grad, rtol=2e-3, atol=2e-5, msg=lambda m, t=t: t.name + m
            )


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (5, 1, 0), (1, 2, 0), (3, 2, 1)])
def test_every_way_to_convolve_is_the_same(kernel, stride, padding):
    """All agree in shape, values and bias, whatever the stride and padding."""
    drawn = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 2, 9, 7, generator=drawn)
    w = torch.randn(3, 5, 2, kernel, kernel, generator=drawn)
    bias = torch.randn(3, 5, generator=drawn)
    for b in (None, bias):
        one, *others = (
            convolve(x, w, how, bias_RO=b, stride=stride, padding=padding)
            for how in ("loop", "grouped", "unfold", "channels last")
        )
        for other in others:
            torch.testing.assert_close(one, other)


def test_channels_stay_last_from_layer_to_layer(monkeypatch):
    """Forward and backward, through ReLU, pooling and a sum: only the first convolution lays images otherwise."""
    monkeypatch.setitem(population_nn.CONVOLUTION, "cpu", "channels last")
    seen, each = [], population_nn._each

    def noted(stack, *, last):
        if stack.shape[1] == 6:  # examples
            seen.append(stack.permute(0, 1, 3, 4, 2).is_contiguous())
            stack.register_hook(lambda gradient: seen.append(gradient.permute(0, 1, 3, 4, 2).is_contiguous()))
        return each(stack, last=last)

    monkeypatch.setattr(population_nn, "_each", noted)
    body = (Conv("b", 5, 5), Relu(), Conv("c", 5, 5))
    layers = (Image(2, 8, 8), Conv("a", 2, 5), Relu(), MaxPool(2), Residual(body), Relu(), Conv("d", 5, 4), Flatten())
    net = Network((*layers, Linear("output", 64, 10)))
    leaves = stacks(net, values(net, 3))
    forward(net, leaves, torch.randn(3, 6, 128).requires_grad_()).square().sum().backward()
    assert seen == [False, True, True, True, True, True, True, True]


def test_evaluation_uses_the_moments_that_were_collected():
    """With moments of a calibration batch, an image's logits do not depend on what is evaluated beside it."""
    leaves = stacks(SMALL, values(SMALL, 2))
    x = torch.randn(2, 8, 144, generator=torch.Generator().manual_seed(0))
    moments = []
    calibrated = forward(SMALL, leaves, x, collect=moments)
    assert len(moments) == SMALL.batch_norms == 21
    assert moments[0][0].shape == (2, 1, 4, 1, 1)
    torch.testing.assert_close(forward(SMALL, leaves, x, moments=moments), calibrated)
    half = forward(SMALL, leaves, x[:, :4], moments=moments)
    torch.testing.assert_close(half, calibrated[:, :4])


def test_bfloat16_keeps_logits_and_moments_in_float32():
    """Under autocast products are in bfloat16; logits, moments and gradients come back in float32."""
    leaves = stacks(SMALL, values(SMALL, 2))
    x = torch.randn(2, 8, 144, generator=torch.Generator().manual_seed(0))
    moments = []
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = forward(SMALL, leaves, x, collect=moments)
    exact = forward(SMALL, leaves, x)
    assert {logits.dtype, *(m.dtype for pair in moments for m in pair)} == {torch.float32}
    assert 0 < (logits - exact).abs().max() < 0.2 * exact.abs().max()
    logits.sum().backward()
    assert {leaf.grad.dtype for leaf in leaves.values()} == {torch.float32}


def test_pools_and_flattening():
    """A rest at the edge is dropped by the maximum; the mean and the vector go channel by channel."""
    x = torch.arange(2 * 2 * 3 * 4, dtype=torch.float32).view(1, 2, 12 * 1 * 2)
    image = Image(2, 3, 4)
    head = Linear("a", 4, 4, bias=False)
    eye = {"a.weight": torch.eye(4)[None], "b.weight": torch.eye(2)[None]}
    pooled = forward(Network((image, MaxPool(), Flatten(), head)), eye, x)
    assert pooled[0, 0].tolist() == [5, 7, 17, 19]
    averaged = forward(Network((image, AveragePool(), Linear("b", 2, 2, bias=False))), eye, x)
    assert averaged[0, 0].tolist() == [5.5, 17.5]


# --- attention ---------------------------------------------------------------------------------------------------


FEATURES, HEADS, HIDDEN, PLACES = 12, 3, 7, 6
BLOCK = Network(
    (
        Image(FEATURES, 3, 2),
        Tokens("tokens", PLACES, FEATURES),
        Residual((LayerNorm("norm1", FEATURES), Attention("attention", FEATURES, HEADS))),
        Residual(
            (LayerNorm("norm2", FEATURES), Linear("fc1", FEATURES, HIDDEN), Gelu(), Linear("fc2", HIDDEN, FEATURES))
        ),
        AveragePool(),
        Linear("output", FEATURES, 10),
    )
)


class TorchBlock(nn.Module):
    """The same by torch's own encoder layer, its parameters in this file's names."""

    def __init__(self, parameters):
        super().__init__()
        self.positions = nn.Parameter(parameters["tokens.positions"])
        self.block = nn.TransformerEncoderLayer(
            FEATURES, HEADS, HIDDEN, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.output = nn.Linear(FEATURES, 10)
        with torch.no_grad():
            for part, (tensor, rows) in self.parts().items():
                given = parameters[part]
                (tensor if rows is None else tensor[rows]).copy_(given.T if given.dim() == 2 else given)

    def parts(self):
        """Where torch keeps each of our parameters, and in which rows."""
        block = self.block
        named = {
            "norm1": block.norm1, "norm2": block.norm2, "fc1": block.linear1, "fc2": block.linear2,
            "attention.output": block.self_attn.out_proj, "output": self.output,
        }  # fmt: skip
        parts = {}
        for name, module in named.items():
            ours = ("scale", "shift") if name.startswith("norm") else ("weight", "bias")
            parts |= {f"{name}.{ours[0]}": (module.weight, None), f"{name}.{ours[1]}": (module.bias, None)}
        for i, part in enumerate(("query", "key", "value")):
            rows = slice(i * FEATURES, (i + 1) * FEATURES)
            parts[f"attention.{part}.weight"] = (block.self_attn.in_proj_weight, rows)
            parts[f"attention.{part}.bias"] = (block.self_attn.in_proj_bias, rows)
        return parts

    def forward(self, x_BFHW):
        return self.output(self.block(x_BFHW.flatten(2).transpose(1, 2) + self.positions).mean(1))


@pytest.mark.parametrize("masked", [False, True])
def test_a_block_is_that_of_torch_s_encoder_layer(masked):
    """Each of three members has the logits and gradients of nn.TransformerEncoderLayer, pre-norm, masks included."""
    flat = values(BLOCK, 3)
    if masked:
        flat[:, ::3] = 0
    leaves = stacks(BLOCK, flat)
    x = torch.randn(3, 5, FEATURES * PLACES, generator=torch.Generator().manual_seed(0))
    answers = torch.arange(5)
    logits = forward(BLOCK, leaves, x)
    functional.cross_entropy(logits.flatten(0, 1), answers.repeat(3), reduction="sum").backward()
    for i in range(3):
        module = TorchBlock({t.name: torch.from_numpy(flat[i, t.slice].reshape(t.shape)) for t in BLOCK.tensors()})
        alone = module(x[i].view(5, FEATURES, 3, 2))
        torch.testing.assert_close(logits[i], alone)
        functional.cross_entropy(alone, answers, reduction="sum").backward()
        torch.testing.assert_close(leaves["tokens.positions"].grad[i], module.positions.grad, rtol=1e-4, atol=1e-5)
        for name, (tensor, rows) in module.parts().items():
            theirs = tensor.grad if rows is None else tensor.grad[rows]
            ours = leaves[name].grad[i]
            torch.testing.assert_close(ours.T if ours.dim() == 2 else ours, theirs, rtol=1e-4, atol=1e-5)


def test_attention_is_torch_s_multihead_attention():
    """Alone, without biases and norms around it, on tokens of another number than features."""
    network = Network((Image(8, 1, 5), Tokens("tokens", 5, 8), Attention("a", 8, 2), AveragePool()))
    flat = values(network, 2)
    leaves = stacks(network, flat)
    x = torch.randn(2, 4, 40, generator=torch.Generator().manual_seed(0))
    given = forward(network, leaves, x)
    for i in range(2):
        own = {name: leaf[i].detach() for name, leaf in leaves.items()}
        module = nn.MultiheadAttention(8, 2, batch_first=True)
        parts = ("query", "key", "value")
        with torch.no_grad():
            module.in_proj_weight.copy_(torch.cat([own[f"a.{part}.weight"].T for part in parts]))
            module.in_proj_bias.copy_(torch.cat([own[f"a.{part}.bias"] for part in parts]))
            module.out_proj.weight.copy_(own["a.output.weight"].T)
            module.out_proj.bias.copy_(own["a.output.bias"])
        tokens = x[i].view(4, 8, 5).transpose(1, 2) + own["tokens.positions"]
        torch.testing.assert_close(given[i], module(tokens, tokens, tokens)[0].mean(1))


def test_a_transformer_s_counts():
    """Weights and multiply-adds by hand: projections and perceptrons once a token, patches once a place."""
    network = vision_transformer(image=Image(1, 8, 8), patch=2, features=20, heads=4, hidden=33, blocks=2)
    block = 4 * 20 * 20 + 2 * 20 * 33
    assert network.weights == 4 * 20 + 2 * block + 200
    assert network.multiply_adds() == 16 * (4 * 20 + 2 * block) + 200
    assert network.multiply_adds({"block1.attention.key": 7}) == network.multiply_adds() - 16 * (400 - 7)
    assert list(network.prunable())[:3] == ["patches", "block1.attention.query", "block1.attention.key"]
    assert network.label.startswith("transformer 1x8x8-20-33-20-33-20-10 (glorot-normal, LayerNorm; ")
    assert network.widest == 4 * 16 * 16


def test_units_of_a_transformer_are_refused():
    """Its units are no columns that stand for themselves."""
    with pytest.raises(DesignError, match="is no multilayer perceptron"):
        vision_transformer(image=Image(1, 8, 8), patch=2).hidden()


def test_a_residual_perceptron_is_sayable():
    """h1 = relu(W1 x), h2 = h1 + relu(W2 h1), W3 h2: the network that comes with MNIST-1D."""
    block = Residual((Linear("fc2", 16, 16), Relu()))
    network = Network((Linear("fc1", 40, 16), Relu(), block, Linear("output", 16, 10)))
    leaves = stacks(network, values(network, 1))
    x = torch.randn(1, 5, 40, generator=torch.Generator().manual_seed(0))
    w = {name: leaf[0].detach() for name, leaf in leaves.items()}
    h1 = torch.relu(x[0] @ w["fc1.weight"] + w["fc1.bias"])
    h2 = h1 + torch.relu(h1 @ w["fc2.weight"] + w["fc2.bias"])
    torch.testing.assert_close(forward(network, leaves, x)[0], h2 @ w["output.weight"] + w["output.bias"])
