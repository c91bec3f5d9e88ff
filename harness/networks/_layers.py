"""The layers that networks are made of, as frozen specifications, and the shapes they give. Knows no torch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError

# Of one example: (features,), (channels, height, width) of an image, or (tokens, features)
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Parameter:
    """A parameter tensor of a layer: its name in the network, and whether it may be pruned.

    One that is `turned` has inputs before outputs here, and outputs before inputs in the torch module that it is of.
    One that is `transposed` has a kernel, and inputs before outputs, where other weights with one have outputs first.
    """

    name: str
    shape: Shape
    prunable: bool = False
    turned: bool = False
    transposed: bool = False


class Layer(ABC):
    """What a network asks of a layer, whose description is all that it knows; the engine knows how it is computed."""

    flows: ClassVar[bool] = True  # whether through positive weights a larger positive input gives a larger output
    twice: ClassVar[bool] = True  # whether the engine has its second derivative

    @property
    def takes(self) -> int | None:
        """The length of the input vector, of a layer that says so."""
        return None

    @abstractmethod
    def after(self, shape: Shape) -> Shape | None:
        """Return the shape it gives from an input of `shape`; None where it does not fit."""

    def parameters(self) -> tuple[Parameter, ...]:
        """Return its parameters, in the order in which they lie."""
        return ()

    def products(self, shape: Shape) -> dict[str, int]:
        """Return the multiply-adds of each of its dense weights for one example, by name; it gives `shape`."""
        return {}

    def sizes(self, shape: Shape) -> tuple[int, ...]:
        """Return how many values it computes for one example, step by step, where it gives `shape`."""
        return (math.prod(shape),)

    def initial(self, parameter: str, shape: Shape, random: np.random.Generator) -> NDArray[np.float32] | float | None:
        """Return what a parameter of it starts from; None where the network's distribution says it."""
        return None

    @property
    def dropouts(self) -> tuple[float, ...]:
        """The rates of what it drops."""
        return ()


@dataclass(frozen=True)
class Image(Layer):
    """The flat input seen as an image, channel by channel and row by row.

    >>> from harness import conv_net
    >>> conv_net(2, image=Image(1, 28, 28)).inputs
    784
    """

    channels: int
    height: int
    width: int

    @property
    def takes(self) -> int:
        """The number of pixels."""
        return self.channels * self.height * self.width

    def after(self, shape: Shape) -> Shape | None:
        """Return channels, height and width."""
        return (self.channels, self.height, self.width) if shape == (self.takes,) else None


@dataclass(frozen=True)
class Linear(Layer):
    """A fully connected layer, ``inputs`` to ``outputs``; its weights are prunable, its biases never are.

    Tokens go through it one by one, all by the same weights.

    >>> from harness import Network
    >>> Network((Linear("output", 64, 10),)).weights
    640
    """

    name: str
    inputs: int
    outputs: int
    bias: bool = True

    @property
    def takes(self) -> int:
        """Its inputs."""
        return self.inputs

    def after(self, shape: Shape) -> Shape | None:
        """Return its outputs, of each token."""
        return (*shape[:-1], self.outputs) if len(shape) < 3 and shape[-1] == self.inputs else None

    def parameters(self) -> tuple[Parameter, ...]:
        """Return weights (inputs, outputs) and biases."""
        return _weighted(self.name, (self.inputs, self.outputs), self.outputs if self.bias else 0)

    def products(self, shape: Shape) -> dict[str, int]:
        """Return one product a weight and token."""
        return {f"{self.name}.weight": self.inputs * math.prod(shape)}


@dataclass(frozen=True)
class Conv(Layer):
    """A convolution of images, ``inputs`` to ``outputs`` channels, zeros around; its weights are prunable.

    >>> from harness import AveragePool, Network
    >>> Network((Image(1, 8, 8), Conv("conv1", 1, 10), AveragePool())).multiply_adds()
    5760
    """

    name: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    bias: bool = True

    def after(self, shape: Shape) -> Shape | None:
        """Return its channels at the places that it is computed at."""
        if len(shape) != 3 or shape[0] != self.inputs:
            return None
        height, width = ((side + 2 * self.padding - self.kernel) // self.stride + 1 for side in shape[1:])
        return (self.outputs, height, width) if min(height, width) > 0 else None

    def parameters(self) -> tuple[Parameter, ...]:
        """Return weights (outputs, inputs, kernel, kernel) and biases."""
        shape = (self.outputs, self.inputs, self.kernel, self.kernel)
        return _weighted(self.name, shape, self.outputs if self.bias else 0)

    def products(self, shape: Shape) -> dict[str, int]:
        """Return one product a weight and place."""
        return {f"{self.name}.weight": self.inputs * self.kernel**2 * math.prod(shape)}


def _weighted(name: str, shape: Shape, biases: int) -> tuple[Parameter, ...]:
    """Return the weights of a layer, and its biases where it has some."""
    weights = Parameter(f"{name}.weight", shape, prunable=True, turned=len(shape) == 2)
    return (weights, Parameter(f"{name}.bias", (biases,))) if biases else (weights,)


@dataclass(frozen=True)
class _Scaled(Layer):
    """What has a learned scale, 1 at first, and shift, 0 at first, which are never pruned."""

    name: str
    features: int

    def parameters(self) -> tuple[Parameter, ...]:
        """Return scale and shift."""
        return tuple(Parameter(f"{self.name}.{part}", (self.features,)) for part in ("scale", "shift"))

    def initial(self, parameter: str, shape: Shape, random: np.random.Generator) -> float:
        """Return the scale 1 and the shift 0."""
        return 1.0 if parameter.endswith(".scale") else 0.0


@dataclass(frozen=True)
class BatchNorm(_Scaled):
    """Normalisation of `features` over the batch, of an image's channels over the batch and all places.

    It has a learned scale and shift, which are never pruned.

    >>> from harness import Network
    >>> Network((Linear("fc1", 64, 10, bias=False), BatchNorm("bn1", 10))).parameters
    660
    """

    twice: ClassVar[bool] = False

    def after(self, shape: Shape) -> Shape | None:
        """Return the shape as it is."""
        return shape if len(shape) != 2 and shape[0] == self.features else None


@dataclass(frozen=True)
class LayerNorm(_Scaled):
    """Normalisation of an example's `features`, of each token by itself (Ba et al. 2016).

    It has a learned scale and shift, which are never pruned.

    >>> from harness import Network
    >>> Network((Linear("fc1", 64, 10), LayerNorm("norm1", 10))).parameters
    670
    """

    flows: ClassVar[bool] = False

    def after(self, shape: Shape) -> Shape | None:
        """Return the shape as it is."""
        return shape if len(shape) < 3 and shape[-1] == self.features else None


@dataclass(frozen=True)
class Relu(Layer):
    """Rectification.

    >>> from harness import Network, mlp
    >>> Network((Linear("fc1", 64, 30), Relu(), Linear("output", 30, 10))) == mlp(64, 30, 10)
    True
    """

    def after(self, shape: Shape) -> Shape:
        """Return the shape as it is."""
        return shape


@dataclass(frozen=True)
class Gelu(Layer):
    """Each value times the normal distribution's probability of a lower one (Hendrycks & Gimpel 2016), exactly so.

    >>> from harness import Network
    >>> Network((Linear("fc1", 64, 30), Gelu(), Linear("output", 30, 10))).weights
    2220
    """

    def after(self, shape: Shape) -> Shape:
        """Return the shape as it is."""
        return shape


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each value is zero with probability `rate`, the others are divided by 1 - rate (Srivastava 2014).

    The probability is rounded to a 65,536th. Raises DesignError for a rate outside [0, 1).

    >>> from harness import Network
    >>> Network((Linear("fc1", 64, 30), Dropout(0.5), Linear("output", 30, 10))).dropouts
    (0.5,)
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise DesignError(
                f"dropout of {self.rate}: it is the share dropped, in [0, 1). Next: correct it in study.py"
            )

    def after(self, shape: Shape) -> Shape:
        """Return the shape as it is."""
        return shape

    @property
    def dropouts(self) -> tuple[float, ...]:
        """Its rate."""
        return (self.rate,)


@dataclass(frozen=True)
class MaxPool(Layer):
    """The largest of each `size` x `size` block of a channel; a rest at the edge is dropped.

    >>> from harness import Flatten, Network
    >>> Network((Image(1, 8, 8), MaxPool(), Flatten(), Linear("output", 16, 10))).inputs
    64
    """

    size: int = 2

    def after(self, shape: Shape) -> Shape | None:
        """Return the channels with sides that many times shorter."""
        if len(shape) != 3 or min(shape[1:]) < self.size:
            return None
        return (shape[0], shape[1] // self.size, shape[2] // self.size)


@dataclass(frozen=True)
class AveragePool(Layer):
    """The mean of each channel over all places, or of each feature over all tokens: a vector comes of it.

    >>> from harness import Network
    >>> Network((Image(3, 8, 8), AveragePool(), Linear("output", 3, 10))).weights
    30
    """

    def after(self, shape: Shape) -> Shape | None:
        """Return the channels or features."""
        return {2: shape[1:], 3: shape[:1]}.get(len(shape))


@dataclass(frozen=True)
class Flatten(Layer):
    """An image as a vector, channel by channel and row by row.

    >>> from harness import Network
    >>> Network((Image(3, 8, 8), Flatten(), Linear("output", 192, 10))).weights
    1920
    """

    def after(self, shape: Shape) -> Shape | None:
        """Return the number of all values."""
        return (math.prod(shape),) if len(shape) == 3 else None


@dataclass(frozen=True)
class Tokens(Layer):
    """An image as tokens, one a place, row by row, each with a learned vector for its place added.

    These positions are never pruned, and start from N(0, 0.02^2) as in Dosovitskiy et al. 2021. Patches of an image
    are tokens behind a convolution whose stride is its kernel.

    >>> from harness import Network
    >>> patches = Conv("patches", 1, 32, kernel=2, stride=2, padding=0)
    >>> net = Network((Image(1, 8, 8), patches, Tokens("tokens", 16, 32), AveragePool(), Linear("output", 32, 10)))
    >>> net.parameters - net.weights  # positions and biases
    554
    """

    name: str
    places: int
    features: int

    def after(self, shape: Shape) -> Shape | None:
        """Return tokens and features."""
        fits = len(shape) == 3 and (shape[1] * shape[2], shape[0]) == (self.places, self.features)
        return (self.places, self.features) if fits else None

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the positions."""
        return (Parameter(f"{self.name}.positions", (self.places, self.features)),)

    def initial(self, parameter: str, shape: Shape, random: np.random.Generator) -> NDArray[np.float32]:
        """Return positions as they are drawn."""
        return (0.02 * random.standard_normal(shape)).astype(np.float32)


PROJECTIONS = ("query", "key", "value", "output")


@dataclass(frozen=True)
class Attention(Layer):
    """Self-attention of tokens with several `heads` (Vaswani et al. 2017), as torch's nn.MultiheadAttention has it.

    Four projections of `features` to as many, with biases, are layers of their own to pruning: ``name.query``,
    ``name.key``, ``name.value`` and ``name.output``. With `causal` no token sees those after it. Raises DesignError
    where heads cannot share the features evenly.

    >>> Attention("attention", 32, 3)
    Traceback (most recent call last):
    ...
    harness.errors.DesignError: 3 heads cannot share 32 features evenly. Next: correct heads= in study.py
    """

    flows: ClassVar[bool] = False

    name: str
    features: int
    heads: int
    causal: bool = False

    def __post_init__(self) -> None:
        if self.heads < 1 or self.features % self.heads:
            raise DesignError(
                f"{self.heads} heads cannot share {self.features} features evenly. Next: correct heads= in study.py"
            )

    def after(self, shape: Shape) -> Shape | None:
        """Return the shape as it is."""
        return shape if len(shape) == 2 and shape[1] == self.features else None

    def parameters(self) -> tuple[Parameter, ...]:
        """Return weights (inputs, outputs) and biases of each projection."""
        shape = (self.features, self.features)
        return tuple(p for part in PROJECTIONS for p in _weighted(f"{self.name}.{part}", shape, self.features))

    def products(self, shape: Shape) -> dict[str, int]:
        """Return one product a weight and token; those of tokens with each other have no weights."""
        return {f"{self.name}.{part}.weight": self.features * math.prod(shape) for part in PROJECTIONS}

    def sizes(self, shape: Shape) -> tuple[int, ...]:
        """Return those of the projections, the mixture of values, and every token's weights of every other."""
        return (math.prod(shape),) * 5 + (self.heads * shape[0] ** 2,) * 2


@dataclass(frozen=True)
class Residual(Layer):
    """The sum of two branches from one input (He et al. 2016): `body`, and `shortcut`, without layers the identity.

    >>> from harness import Network
    >>> block = Residual((Linear("fc2", 30, 30), Relu()))  # h + relu(W h)
    >>> Network((Linear("fc1", 64, 30), Relu(), block, Linear("output", 30, 10))).weights
    3120
    """

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def after(self, shape: Shape) -> Shape:
        """Return what both branches give. Raises DesignError where they disagree."""
        ends = [shape, shape]
        for i, branch in enumerate((self.body, self.shortcut)):
            for _, ends[i] in trace(branch, shape):
                pass
        if ends[0] != ends[1]:
            raise DesignError(f"a residual block adds shapes {ends[0]} and {ends[1]}: its branches must agree")
        return ends[0]


def trace(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape]]:
    """Yield every layer with the shape it gives from an input of `shape`: branches, body first, before their sum.

    Raises DesignError where a layer does not fit what comes before it.
    """
    for layer in layers:
        if isinstance(layer, Residual):
            for branch in (layer.body, layer.shortcut):
                yield from trace(branch, shape)
        given = layer.after(shape)
        if given is None:
            raise DesignError(f"{layer} cannot follow what gives shape {shape}. Next: correct the widths in study.py.")
        shape = given
        yield layer, shape
