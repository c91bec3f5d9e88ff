"""Networks as frozen specifications: layers, exact counts, initial values. Knows numpy, not torch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError
from harness.streams import Replicate, generator

ALIGN = 64  # floats; slices of a member's flat parameters start at multiples of this, see `population`


class Init(StrEnum):
    """Distributions of initial weights; biases start at zero, BatchNorm at scale 1 and shift 0."""

    GLOROT_NORMAL = "glorot-normal"  # Glorot & Bengio 2010: N(0, 2 / (fan_in + fan_out)), not truncated
    KAIMING_NORMAL = "kaiming-normal"  # He et al. 2015: N(0, 2 / fan_in)
    SIGNED_KAIMING_CONSTANT = "signed-kaiming-constant"  # Ramanujan et al. 2020, section 4.4: +-sqrt(2 / fan_in)


@dataclass(frozen=True)
class Linear:
    """A fully connected layer, ``inputs`` to ``outputs``; its weights are prunable, its biases never are."""

    name: str
    inputs: int
    outputs: int
    bias: bool = True


@dataclass(frozen=True)
class BatchNorm:
    """Normalisation of `features` over the batch, with a learned scale and shift; never pruned."""

    name: str
    features: int


@dataclass(frozen=True)
class Relu:
    """Rectification."""


Layer = Linear | BatchNorm | Relu


@dataclass(frozen=True)
class Tensor:
    """One parameter tensor of a member: its place in the flat parameters, and whether it may be pruned."""

    name: str
    shape: tuple[int, ...]
    offset: int
    prunable: bool

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def slice(self) -> slice:
        """Where the values lie in the flat parameters."""
        return slice(self.offset, self.offset + self.size)


@dataclass(frozen=True)
class Network:
    """A sequence of layers and the distribution its weights start from."""

    layers: tuple[Layer, ...]
    init: Init = Init.GLOROT_NORMAL

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the parameter tensors in order, weights as (inputs, outputs)."""
        return tuple(self._tensors())

    def _tensors(self) -> Iterator[Tensor]:
        offset = 0
        for layer in self.layers:
            parts: list[tuple[str, tuple[int, ...], bool]] = []
            if isinstance(layer, Linear):
                parts.append((f"{layer.name}.weight", (layer.inputs, layer.outputs), True))
                if layer.bias:
                    parts.append((f"{layer.name}.bias", (layer.outputs,), False))
            elif isinstance(layer, BatchNorm):
                parts.append((f"{layer.name}.scale", (layer.features,), False))
                parts.append((f"{layer.name}.shift", (layer.features,), False))
            for name, shape, prunable in parts:
                yield Tensor(name, shape, offset, prunable)
                offset += -(-math.prod(shape) // ALIGN) * ALIGN

    @property
    def flat_size(self) -> int:
        """Floats in one member's flat parameters, padding included."""
        last = self.tensors()[-1]
        return last.offset + -(-last.size // ALIGN) * ALIGN

    def prunable(self) -> dict[str, Tensor]:
        """Return the tensors that pruning may touch, by layer name."""
        return {t.name.rpartition(".")[0]: t for t in self.tensors() if t.prunable}

    @property
    def weights(self) -> int:
        """Number of prunable weights, the paper's count."""
        return sum(t.size for t in self.tensors() if t.prunable)

    @property
    def label(self) -> str:
        """A few words for reports: widths, BatchNorm, biases, initialisation, weights."""
        linears = [layer for layer in self.layers if isinstance(layer, Linear)]
        widths = "-".join(str(width) for width in (linears[0].inputs, *(layer.outputs for layer in linears)))
        norm = ", BatchNorm" if self.batch_norms else ""
        bias = "" if linears[-1].bias else ", no biases"
        return f"MLP {widths} ({self.init}{norm}{bias}; {self.weights:,} weights)"

    @property
    def batch_norms(self) -> int:
        """Number of BatchNorm layers."""
        return sum(isinstance(layer, BatchNorm) for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one dense forward pass of one input."""
        return self.weights

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return next(layer.outputs for layer in reversed(self.layers) if isinstance(layer, Linear))

    @property
    def inputs(self) -> int:
        """Length of an input vector."""
        return next(layer.inputs for layer in self.layers if isinstance(layer, Linear))


def mlp(*widths: int, bias: bool = True, batch_norm: bool = False, init: Init = Init.GLOROT_NORMAL) -> Network:
    """Return a multilayer perceptron with ReLU: ``mlp(784, 300, 100, 10)`` is LeNet-300-100.

    Layers are named ``fc1``, ``fc2``, ... and ``output``. With `batch_norm`, each hidden layer is normalised before
    its ReLU and has no bias of its own. Raises DesignError for fewer than two widths.

    >>> mlp(784, 300, 100, 10).weights
    266200
    """
    if len(widths) < 2 or min(widths) < 1:
        raise DesignError(f"mlp{widths}: at least an input and an output width are needed, all positive")
    layers: list[Layer] = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(widths[:-1]), start=1):
        layers.append(Linear(f"fc{i}", fan_in, fan_out, bias=bias and not batch_norm))
        if batch_norm:
            layers.append(BatchNorm(f"bn{i}", fan_out))
        layers.append(Relu())
    layers.append(Linear("output", widths[-2], widths[-1], bias=bias))
    return Network(tuple(layers), init)


def initial_values(network: Network, replicate: Replicate, stream: str, draw: int) -> NDArray[np.float32]:
    """Return one member's flat initial parameters, shape (flat_size,), padding zero.

    Each tensor has its own counter in the stream, so a changed layer does not move the draws of the others.
    """
    flat = np.zeros(network.flat_size, np.float32)
    for i, tensor in enumerate(network.tensors()):
        rng = generator(replicate, stream, draw, counter=i)
        if tensor.prunable:
            flat[tensor.slice] = _weights(rng, tensor.shape, network.init)
        elif tensor.name.endswith(".scale"):
            flat[tensor.slice] = 1.0
    return flat


def _weights(rng: np.random.Generator, shape: tuple[int, ...], init: Init) -> NDArray[np.float32]:
    fan_in, fan_out = shape
    size = fan_in * fan_out
    match init:
        case Init.GLOROT_NORMAL:
            values = rng.standard_normal(size) * math.sqrt(2 / (fan_in + fan_out))
        case Init.KAIMING_NORMAL:
            values = rng.standard_normal(size) * math.sqrt(2 / fan_in)
        case Init.SIGNED_KAIMING_CONSTANT:
            signs = 1.0 - 2.0 * (rng.bit_generator.random_raw(size) >> np.uint64(63)).astype(np.float64)
            values = signs * math.sqrt(2 / fan_in)
    return values.astype(np.float32)


def initial_scores(network: Network, replicate: Replicate, stream: str, draw: int) -> NDArray[np.float32]:
    """Return flat edge-popup scores, shape (flat_size,), Kaiming uniform with a = sqrt(5): U(-1, 1) / sqrt(fan_in).

    Source: Ramanujan et al. 2020, reference implementation.
    """
    flat = np.zeros(network.flat_size, np.float32)
    for i, tensor in enumerate(network.tensors()):
        if tensor.prunable:
            raw = generator(replicate, stream, draw, counter=i).bit_generator.random_raw(tensor.size)
            uniform = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
            flat[tensor.slice] = ((2 * uniform - 1) / math.sqrt(tensor.shape[0])).astype(np.float32)
    return flat


def kept_counts(network: Network, keep: dict[str, Fraction]) -> dict[str, int]:
    """Return how many weights each layer keeps: round-half-up(n * keep) of the layer's original n."""
    return {layer: round_half_up(tensor.size * keep[layer]) for layer, tensor in network.prunable().items()}


def round_half_up(x: Fraction) -> int:
    """Round to the nearest integer, halves upwards.

    >>> round_half_up(Fraction(5, 2))
    3
    """
    return math.floor(x + Fraction(1, 2))
