"""Networks as frozen specifications: tensors, exact counts, initial values. Knows numpy, not torch."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError, nearest
from harness.networks._layers import BatchNorm, Conv, Dropout, Image, Layer, Linear, Relu, Residual, Shape, trace
from harness.streams import Replicate, generator

ALIGN = 64  # floats; slices of a member's flat parameters start at multiples of this, see `population`


class Init(StrEnum):
    """Distributions of initial weights; biases start at zero, BatchNorm at scale 1 and shift 0.

    >>> mlp(64, 30, 10, init=Init.KAIMING_NORMAL).init.value
    'kaiming-normal'
    """

    GLOROT_NORMAL = "glorot-normal"  # Glorot & Bengio 2010: N(0, 2 / (fan_in + fan_out)), not truncated
    KAIMING_NORMAL = "kaiming-normal"  # He et al. 2015: N(0, 2 / fan_in)
    SIGNED_KAIMING_CONSTANT = "signed-kaiming-constant"  # Ramanujan et al. 2020, section 4.4: +-sqrt(2 / fan_in)


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
    def fans(self) -> tuple[int, int]:
        """Inputs of one output and outputs of one input (Glorot & Bengio 2010): channels times places of the kernel."""
        if len(self.shape) == 2:
            return self.shape[0], self.shape[1]
        outputs, inputs, *kernel = self.shape
        return inputs * math.prod(kernel), outputs * math.prod(kernel)

    @property
    def slice(self) -> slice:
        """Where the values lie in the flat parameters."""
        return slice(self.offset, self.offset + self.size)


@dataclass(frozen=True)
class Network:
    """A sequence of layers and the distribution its weights start from.

    Args:
        layers: From input to output; names are unique.
        init: The distribution of initial weights.

    Raises:
        DesignError: Where two layers have one name, or a layer does not fit what comes before it.

    >>> Network((Linear("fc1", 64, 30), Relu(), Linear("output", 30, 10))) == mlp(64, 30, 10)
    True
    """

    layers: tuple[Layer, ...]
    init: Init = Init.GLOROT_NORMAL

    def __post_init__(self) -> None:
        names = Counter(layer.name for layer, _ in self.traced() if isinstance(layer, Linear | Conv | BatchNorm))
        if names and (most := names.most_common(1)[0])[1] > 1:
            raise DesignError(f"{most[1]} layers are named {most[0]!r}: names must be unique")

    def traced(self) -> Iterator[tuple[Layer, Shape]]:
        """Yield every layer, those of residual blocks included, with the shape of its output for one example."""
        return trace(self.layers, (self.inputs,))

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the parameter tensors in order.

        Weights are (inputs, outputs) of linear layers, (outputs, inputs, kernel, kernel) of convolutions.
        """
        return self._laid_out

    @cached_property
    def _laid_out(self) -> tuple[Tensor, ...]:
        return tuple(self._tensors())

    def _tensors(self) -> Iterator[Tensor]:
        offset = 0
        for layer, _ in self.traced():
            parts: list[tuple[str, tuple[int, ...], bool]] = []
            if isinstance(layer, Linear):
                parts.append((f"{layer.name}.weight", (layer.inputs, layer.outputs), True))
            elif isinstance(layer, Conv):
                parts.append((f"{layer.name}.weight", (layer.outputs, layer.inputs, layer.kernel, layer.kernel), True))
            elif isinstance(layer, BatchNorm):
                parts.append((f"{layer.name}.scale", (layer.features,), False))
                parts.append((f"{layer.name}.shift", (layer.features,), False))
            if isinstance(layer, Linear | Conv) and layer.bias:
                parts.append((f"{layer.name}.bias", (layer.outputs,), False))
            for name, shape, prunable in parts:
                yield Tensor(name, shape, offset, prunable)
                offset += -(-math.prod(shape) // ALIGN) * ALIGN

    @cached_property
    def flat_size(self) -> int:
        """Floats in one member's flat parameters, padding included."""
        last = self.tensors()[-1]
        return last.offset + -(-last.size // ALIGN) * ALIGN

    def prunable(self) -> dict[str, Tensor]:
        """Return the tensors that pruning may touch, by layer name."""
        return {t.name.rpartition(".")[0]: t for t in self.tensors() if t.prunable}

    def hidden(self) -> dict[str, Tensor]:
        """Return the weights into each hidden layer of a multilayer perceptron, by name; all layers but the last.

        Raises DesignError for a network of images, whose units are maps and not columns of one matrix.
        """
        if any(isinstance(layer, Image | Conv | Residual) for layer in self.layers):
            raise DesignError(
                f"{self.label} is no multilayer perceptron: its units are not one weight matrix's columns"
            )
        return dict(list(self.prunable().items())[:-1])

    @cached_property
    def weights(self) -> int:
        """Number of prunable weights, the paper's count."""
        return sum(t.size for t in self.tensors() if t.prunable)

    @cached_property
    def parameters(self) -> int:
        """Number of learned values: weights, biases, BatchNorm's scales and shifts."""
        return sum(t.size for t in self.tensors())

    @cached_property
    def convolutions(self) -> tuple[str, ...]:
        """Names of the convolutions, those in shortcuts left out."""
        shortcuts = [each.shortcut for each in self.layers if isinstance(each, Residual)]
        apart = {layer.name for shortcut in shortcuts for layer in shortcut if isinstance(layer, Conv)}
        names = (layer.name for layer, _ in self.traced() if isinstance(layer, Conv))
        return tuple(name for name in names if name not in apart)

    @cached_property
    def label(self) -> str:
        """A few words for reports: kind, input, widths, BatchNorm, biases, initialisation, weights."""
        linears = [layer for layer, _ in self.traced() if isinstance(layer, Linear)]
        image = next((layer for layer in self.layers if isinstance(layer, Image)), None)
        if image is None:
            kind, widths = "MLP", [str(width) for width in (linears[0].inputs, *(layer.outputs for layer in linears))]
        else:
            residual = any(isinstance(layer, Residual) for layer in self.layers)
            kind = "residual network" if residual else "convolutional network"
            widths = [f"{image.channels}x{image.height}x{image.width}"]
            shown = (*self.convolutions, *(layer.name for layer in linears))
            layers = [layer for layer, _ in self.traced() if isinstance(layer, Conv | Linear)]
            for (_, width), same in itertools.groupby((type(x), x.outputs) for x in layers if x.name in shown):
                count = len(list(same))
                widths.append(f"{count}*{width}" if count > 1 else str(width))
        norm = ", BatchNorm" if self.batch_norms else ""
        bias = "" if linears[-1].bias else ", no biases"
        if self.dropouts:
            norm += f", dropout {', '.join(f'{rate:.3g}' for rate in dict.fromkeys(self.dropouts))}"
        return f"{kind} {'-'.join(widths)} ({self.init}{norm}{bias}; {self.weights:,} weights)"

    @cached_property
    def dropouts(self) -> tuple[float, ...]:
        """The rates of the dropout layers, input to output."""
        return tuple(layer.rate for layer, _ in self.traced() if isinstance(layer, Dropout))

    def with_dropout(self, *rates: float) -> Network:
        """Return the same network with other rates, one a dropout layer from input to output, or one for all.

        Raises DesignError for another number of rates, and for dropout layers inside residual blocks.
        """
        here = [layer for layer in self.layers if isinstance(layer, Dropout)]
        given = rates * len(here) if len(rates) == 1 else rates
        if len(given) != len(here) or len(here) != len(self.dropouts):
            raise DesignError(f"{len(rates)} dropout rates for {len(self.dropouts)} dropout layers")
        left = iter(given)
        layers = tuple(Dropout(next(left)) if isinstance(layer, Dropout) else layer for layer in self.layers)
        return replace(self, layers=layers)

    @cached_property
    def batch_norms(self) -> int:
        """Number of BatchNorm layers."""
        return sum(isinstance(layer, BatchNorm) for layer, _ in self.traced())

    def multiply_adds(self, keep: Mapping[str, int] | None = None) -> int:
        """Return the multiply-adds of one forward pass of one example, from products with weights alone.

        A weight counts once for every place its output is computed at, padding included. `keep` says how many weights
        a layer keeps; layers it does not name are dense. Raises DesignError for a layer the network does not have.
        """
        kept = {name: tensor.size for name, tensor in self.prunable().items()}
        for name, count in (keep or {}).items():
            if name not in kept:
                raise DesignError(f"no layer {name!r} in the network{nearest(name, kept)}")
            kept[name] = count
        places = {
            layer.name: math.prod(shape[1:]) for layer, shape in self.traced() if isinstance(layer, Linear | Conv)
        }
        return sum(count * places[name] for name, count in kept.items())

    @cached_property
    def activations(self) -> int:
        """Number of values that all layers give for one example."""
        return sum(math.prod(shape) for _, shape in self.traced())

    @cached_property
    def widest(self) -> int:
        """Number of values that the widest layer, or the input, has for one example."""
        return max(self.inputs, *(math.prod(shape) for _, shape in self.traced()))

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return next(layer.outputs for layer in reversed(self.layers) if isinstance(layer, Linear))

    @property
    def inputs(self) -> int:
        """Length of an input vector."""
        for layer in self.layers:
            if isinstance(layer, Image):
                return layer.channels * layer.height * layer.width
            if isinstance(layer, Linear):
                return layer.inputs
        raise DesignError("a network needs an Image or a Linear layer, which says what its input is")


def mlp(
    *widths: int, bias: bool = True, batch_norm: bool = False, dropout: float = 0.0, init: Init = Init.GLOROT_NORMAL
) -> Network:
    """Return a multilayer perceptron with ReLU: ``mlp(784, 300, 100, 10)`` is LeNet-300-100.

    Layers are named ``fc1``, ``fc2``, ... and ``output``. With `batch_norm`, each hidden layer is normalised before
    its ReLU and has no bias of its own; with `dropout`, each is followed by it.

    Args:
        *widths: Units from input to output.
        bias: Whether layers have biases.
        batch_norm: Whether hidden layers are normalised.
        dropout: The share of values dropped after each hidden layer; 0 for no such layers.
        init: The distribution of initial weights.

    Returns:
        The network.

    Raises:
        DesignError: For fewer than two widths, or a dropout rate outside [0, 1).

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
        layers += [Relu(), Dropout(dropout)] if dropout else [Relu()]
    layers.append(Linear("output", widths[-2], widths[-1], bias=bias))
    return Network(tuple(layers), init)


def initial_values(
    network: Network, replicate: Replicate, stream: str, draw: int, first: int = 0
) -> NDArray[np.float32]:
    """Return one member's flat initial parameters, shape (flat_size,), padding zero.

    Each tensor has its own counter in the stream, from `first` on, so a changed layer does not move the draws of the
    others.
    """
    flat = np.zeros(network.flat_size, np.float32)
    for i, tensor in enumerate(network.tensors()):
        rng = generator(replicate, stream, draw, counter=first + i)
        if tensor.prunable:
            flat[tensor.slice] = _weights(rng, tensor, network.init)
        elif tensor.name.endswith(".scale"):
            flat[tensor.slice] = 1.0
    return flat


def _weights(rng: np.random.Generator, tensor: Tensor, init: Init) -> NDArray[np.float32]:
    fan_in, fan_out = tensor.fans
    size = tensor.size
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
            flat[tensor.slice] = ((2 * uniform - 1) / math.sqrt(tensor.fans[0])).astype(np.float32)
    return flat


def kept_counts(network: Network, keep: dict[str, Fraction]) -> dict[str, int]:
    """Return how many weights each layer in `keep` keeps: round-half-up(n * keep) of the layer's original n."""
    layers = {layer: tensor for layer, tensor in network.prunable().items() if layer in keep}
    return {layer: round_half_up(tensor.size * keep[layer]) for layer, tensor in layers.items()}


def unit_counts(network: Network, keep: dict[str, Fraction]) -> dict[str, int]:
    """Return how many units each hidden layer in `keep` keeps: round-half-up(units * keep) of its original units."""
    return {layer: round_half_up(network.hidden()[layer].shape[1] * fraction) for layer, fraction in keep.items()}


def unit_weights(network: Network, units: Mapping[str, int]) -> dict[str, int]:
    """Return how many weights each layer has with so many `units` in the hidden ones: all between those that are left.

    >>> unit_weights(mlp(2, 10, 2), {"fc1": 3})
    {'fc1': 6, 'output': 6}
    """
    counts, inputs = {}, network.inputs
    for layer, tensor in network.prunable().items():
        outputs = units.get(layer, tensor.shape[1])
        counts[layer], inputs = inputs * outputs, outputs
    return counts


def round_half_up(x: Fraction) -> int:
    """Round to the nearest integer, halves upwards.

    >>> round_half_up(Fraction(5, 2))
    3
    """
    return math.floor(x + Fraction(1, 2))
