"""The least time of a member-step: its products at exactly these shapes, and its bytes at the rate of a copy.

Left out is everything else: activations' rectifiers, BatchNorm, pools, the loss, gathering a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.timing import best, copy_rate, dtype_of, numerics_of
from harness.data._tasks import CALIBRATION
from harness.engine._plain import plain_module
from harness.networks._network import Network
from harness.networks._recipe import SGD, Recipe
from harness.population._population import Program

ADAM_BYTES = 4 * 7  # a parameter: weight, two moments and gradient read, the first three written
SGD_BYTES = 4 * 3  # weight and gradient read, weight written
MOMENTUM_BYTES = 4 * 2  # read and written
MASK_BYTES = 4 * 3  # a weight: gradient and mask read, gradient written
CHUNK = {"cpu": 100, "cuda": 1000}  # images of one evaluation's convolutions


@dataclass(frozen=True)
class Product:
    """The products of one layer and one example: `side` inputs and (outputs, inputs) or (outputs, inputs, K, K)."""

    inputs: tuple[int, ...]
    weight: tuple[int, ...]
    stride: int = 1
    padding: int = 0
    first: bool = False


def products(network: Network) -> Counter[Product]:
    """Return each layer's products and how many layers have the same: from hooks, on tensors without values."""
    found: list[Product] = []

    def note(layer: nn.Module, given: tuple[Tensor, ...], _out: Tensor) -> None:
        place = (layer.stride[0], layer.padding[0]) if isinstance(layer, nn.Conv2d) else ()
        found.append(Product(tuple(given[0].shape[1:]), tuple(layer.weight.shape), *place, first=not found))

    with torch.device("meta"):
        net = plain_module(network)
        for layer in net.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                layer.register_forward_hook(note)
        net(torch.empty(2, network.inputs))
    return Counter(found)


def floor(program: Program, count: int, device: torch.device) -> dict[str, float]:
    """Return the seconds a member-step must take for its products, its evaluations' products, and its bytes.

    A convolution is done member by member; on a GPU also with channels last, and as one grouped convolution, and the
    fastest counts. On a CPU one member's is measured, and convolutions of 100 images stand for those of an evaluation.
    """
    recipe, task, network = program.recipe, program.task, program.network
    assert recipe is not None
    training = evaluation = 0.0
    with numerics_of(recipe.numerics, device):
        for product, layers in products(network).items():
            measured = _linear if len(product.weight) == 2 else _convolution
            forward, backward = measured(product, count, recipe.batch, device, recipe.numerics, backward=True)
            chunk = 1000 if len(product.weight) == 2 else CHUNK[device.type]
            held_out, _ = measured(product, count, chunk, device, recipe.numerics, backward=False)
            training += layers * (forward + backward)
            evaluation += layers * held_out / chunk
    images = task.validation_images + (CALIBRATION if network.batch_norms else 0)
    moved = (update_bytes(recipe) * network.parameters + MASK_BYTES * network.weights) / copy_rate(
        count * network.weights, device
    )
    return {"products_s": training, "evaluation_s": evaluation * images / recipe.validate_every, "bytes_s": moved}


def update_bytes(recipe: Recipe) -> int:
    """Return the bytes that an update moves for one parameter."""
    given = recipe.optimiser
    if isinstance(given, SGD):
        return SGD_BYTES + (MOMENTUM_BYTES if given.momentum else 0)
    return ADAM_BYTES


def _linear(
    product: Product, count: int, batch: int, device: torch.device, numerics: str, *, backward: bool
) -> tuple[float, float]:
    outputs, inputs = product.weight
    x, w, dy = (
        torch.randn(count, *shape, device=device, dtype=dtype_of(numerics))
        for shape in ((batch, inputs), (inputs, outputs), (batch, outputs))
    )
    forward, back = best(lambda: torch.bmm(x, w), device), 0.0
    if backward:
        back = best(lambda: torch.bmm(x.transpose(1, 2), dy), device)
        back += 0.0 if product.first else best(lambda: torch.bmm(dy, w.transpose(1, 2)), device)
    return forward / count, back / count


def _convolution(
    product: Product, count: int, batch: int, device: torch.device, numerics: str, *, backward: bool
) -> tuple[float, float]:
    count = 1 if device.type == "cpu" else count
    made = [(count, 1, torch.contiguous_format)]  # calls, members a call, layout
    if device.type == "cuda":
        made += [(count, 1, torch.channels_last), (1, count, torch.contiguous_format)]
    times = []
    for calls, groups, layout in made:
        each = [_operands(product, groups, batch, device, numerics, layout) for _ in range(calls)]
        forward, back = _calls(product, groups)
        spent = best(lambda call=forward, each=each: _every(call, each), device)
        spent_back = best(lambda call=back, each=each: _every(call, each), device) if backward else 0.0
        times.append((spent / count, spent_back / count))
    return min(forward for forward, _ in times), min(back for _, back in times)


def _every(call: Callable[[Tensor, Tensor, Tensor], object], each: list[tuple[Tensor, Tensor, Tensor]]) -> None:
    for operands in each:
        call(*operands)


def _operands(
    product: Product, groups: int, batch: int, device: torch.device, numerics: str, layout: torch.memory_format
) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, weights and the gradient of the outputs, of `groups` members side by side."""
    channels, *sides = product.inputs
    outputs, *kernel = product.weight
    after = [(side + 2 * product.padding - kernel[-1]) // product.stride + 1 for side in sides]
    shapes = ((batch, groups * channels, *sides), (groups * outputs, *kernel), (batch, groups * outputs, *after))
    x, w, dy = (
        torch.randn(shape, device=device, dtype=dtype_of(numerics)).contiguous(memory_format=layout) for shape in shapes
    )
    return x, w, dy


def _calls(
    product: Product, groups: int
) -> tuple[Callable[[Tensor, Tensor, Tensor], object], Callable[[Tensor, Tensor, Tensor], object]]:
    """Return the forward and the backward call; there is no gradient of the first layer's inputs."""
    place = [product.stride] * 2, [product.padding] * 2, [1, 1], False, [0, 0], groups

    def forward(x: Tensor, w: Tensor, _dy: Tensor) -> Tensor:
        return torch.ops.aten.convolution(x, w, None, *place)

    def backward(x: Tensor, w: Tensor, dy: Tensor) -> object:
        return torch.ops.aten.convolution_backward(dy, x, w, None, *place, [not product.first, True, False])

    return forward, backward
