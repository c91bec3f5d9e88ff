"""The plain loop that the benchmarks compare with trains the same networks, on the same products."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import engine, plain
from benchmarks.floor import products
from harness.data._tasks import DIGITS
from harness.engine._nn import forward
from harness.engine._plain import plain_module, put
from harness.networks._architectures import conv_net, lenet5, resnet20, vgg19, vision_transformer
from harness.networks._initial import initial_values
from harness.networks._layers import AveragePool, BatchNorm, Conv, Dropout, Image, Linear, Relu, Residual
from harness.networks._network import Network, mlp
from harness.streams import Replicate

NARROW = {
    "lenet-300-100": mlp(784, 30, 10, 10),
    "mlp with BatchNorm": mlp(64, 30, 10, 10, batch_norm=True),
    "lenet-5": lenet5(),
    **{f"conv-{depth}": conv_net(depth, width=Fraction(1, 8)) for depth in (2, 4, 6, 8)},
    "resnet-20": resnet20(width=Fraction(1, 4)),
    "vgg-19": vgg19(width=Fraction(1, 8)),
}
OTHERS = {"vision transformer": vision_transformer(image=Image(1, 8, 8), patch=2, features=12, heads=3, hidden=20)}
FIRST, LAST = Linear("a", 64, 8), Linear("output", 8, 10)
FLAT = Residual((Conv("c", 1, 2), AveragePool()), (Conv("d", 1, 2), AveragePool()))
OTHERS |= {  # where two branches read the same, of which a ReLU writes
    "a block that begins with ReLU": Network((FIRST, Residual((Relu(), Linear("b", 8, 8))), LAST)),
    "ReLU beside nothing": Network((FIRST, Residual((), (Relu(),)), LAST)),
    "ReLU behind dropout": Network((FIRST, Residual((Dropout(0.5), Relu(), Linear("b", 8, 8))), LAST)),
    "a block in a block": Network((FIRST, Residual((Residual((Relu(), Linear("b", 8, 8))), Relu())), LAST)),
    "a block that makes images flat": Network((Image(1, 8, 8), FLAT, BatchNorm("bn", 2), Linear("output", 2, 10))),
}


@pytest.mark.parametrize("name", [*NARROW, *OTHERS])
@torch.no_grad()
def test_plain_module_has_the_harness_networks_logits(name):
    """With the same weights, biases, scales and shifts, and the batch's own moments."""
    network = {**NARROW, **OTHERS}[name]
    flat = initial_values(network, Replicate(7, 0), "init", 0)
    for tensor in network.tensors():
        if not tensor.prunable:
            flat[tensor.slice] += np.random.default_rng(0).normal(0, 0.1, tensor.size)
    x = torch.randn(4, network.inputs, generator=torch.Generator().manual_seed(0))
    net = plain_module(network).train()
    for drop in (each for each in net.modules() if isinstance(each, nn.Dropout)):
        drop.eval()
    put(net, network, flat)
    params = {t.name: torch.from_numpy(flat[t.slice].reshape(1, *t.shape)) for t in network.tensors()}
    torch.testing.assert_close(net(x), forward(network, params, x[None])[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NARROW)
def test_floor_has_every_product_of_the_network(name):
    """Multiply-adds of the products that the floor measures are those counted by structure; one layer is the first."""
    network, total = NARROW[name], 0
    found = products(network)
    for product, layers in found.items():
        outputs, inputs, *kernel = product.weight
        places = 1
        for side in product.inputs[1:]:
            places *= (side + 2 * product.padding - kernel[-1]) // product.stride + 1
        total += layers * outputs * inputs * int(np.prod(kernel)) * places
    assert total == network.multiply_adds()
    assert sum(layers for product, layers in found.items() if product.first) == 1


def test_networks_together_each_take_their_steps(monkeypatch):
    """As many steps of each, from weights and under a mask of its own, and the time is that of a step of one."""
    program, made = engine.Case("", "lenet", 3, "cpu", "float32", 0.0, False).program, []
    program = replace(program, task=DIGITS, network=mlp(64, 5, 10))
    real = plain._learner

    def noted(*given, **more):
        net, step = real(*given, **more)
        made.append([net, 0, [p.detach().clone() for p in net.parameters()]])
        of = made[-1]

        def counted(x, y):
            of[1] += 1
            step(x, y)

        return net, counted

    monkeypatch.setattr(plain, "_learner", noted)
    took_s = plain.together(program, engine.members(program, 3), torch.device("cpu"), 0.1)
    steps = {count for _, count, _ in made}
    assert len(made) == 3
    assert len(steps) == 1
    assert 0 < took_s < 0.2 / (steps.pop() - plain.WARM)
    for net, _, before in made:
        weights = zip(net.parameters(), before, strict=True)
        assert all(
            not torch.equal(now, was) and ((now == 0) >= (was == 0)).all() for now, was in weights if was.dim() > 1
        )
