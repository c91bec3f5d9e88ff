"""The layers that networks are made of, as frozen specifications, and the shapes they give. Knows no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.errors import DesignError

Shape = tuple[int, ...]  # of one example: (features,), or (channels, height, width) of an image


@dataclass(frozen=True)
class Image:
    """The flat input seen as an image, channel by channel and row by row.

    >>> from harness import conv_net
    >>> conv_net(2, image=Image(1, 28, 28)).inputs
    784
    """

    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Linear:
    """A fully connected layer, ``inputs`` to ``outputs``; its weights are prunable, its biases never are."""

    name: str
    inputs: int
    outputs: int
    bias: bool = True


@dataclass(frozen=True)
class Conv:
    """A convolution of images, ``inputs`` to ``outputs`` channels, zeros around; its weights are prunable."""

    name: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    bias: bool = True


@dataclass(frozen=True)
class BatchNorm:
    """Normalisation of `features` over the batch, of an image's channels over the batch and all places.

    It has a learned scale and shift, which are never pruned.
    """

    name: str
    features: int


@dataclass(frozen=True)
class Relu:
    """Rectification."""


@dataclass(frozen=True)
class Dropout:
    """In training each value is zero with probability `rate`, the others are divided by 1 - rate (Srivastava 2014).

    The probability is rounded to a 65,536th. Raises DesignError for a rate outside [0, 1).
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise DesignError(
                f"dropout of {self.rate}: it is the share dropped, in [0, 1). Next: correct it in study.py"
            )


@dataclass(frozen=True)
class MaxPool:
    """The largest of each `size` x `size` block of a channel; a rest at the edge is dropped."""

    size: int = 2


@dataclass(frozen=True)
class AveragePool:
    """The mean of each channel over all places: an image becomes a vector of its channels."""


@dataclass(frozen=True)
class Flatten:
    """An image as a vector, channel by channel and row by row."""


@dataclass(frozen=True)
class Residual:
    """The sum of two branches from one input (He et al. 2016): `body`, and `shortcut`, without layers the identity."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()


Layer = Image | Linear | Conv | BatchNorm | Relu | Dropout | MaxPool | AveragePool | Flatten | Residual


def trace(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape]]:
    """Yield every layer with the shape it gives from an input of `shape`: branches, body first, before their sum.

    Raises DesignError where a layer does not fit what comes before it.
    """
    for layer in layers:
        if isinstance(layer, Residual):
            ends = []
            for branch in (layer.body, layer.shortcut):
                end = shape
                for inner, end in trace(branch, shape):
                    yield inner, end
                ends.append(end)
            if ends[0] != ends[1]:
                raise DesignError(f"a residual block adds shapes {ends[0]} and {ends[1]}: its branches must agree")
            shape = ends[0]
        else:
            shape = _after(layer, shape)
        yield layer, shape


def _after(layer: Layer, shape: Shape) -> Shape:
    match layer:
        case Image(channels, height, width) if shape == (channels * height * width,):
            return (channels, height, width)
        case Linear(inputs=inputs, outputs=outputs) if shape == (inputs,):
            return (outputs,)
        case Conv(inputs=inputs, outputs=outputs) if len(shape) == 3 and shape[0] == inputs:
            height, width = ((side + 2 * layer.padding - layer.kernel) // layer.stride + 1 for side in shape[1:])
            if min(height, width) > 0:
                return (outputs, height, width)
        case BatchNorm(features=features) if shape[0] == features:
            return shape
        case Relu() | Dropout():
            return shape
        case MaxPool(size) if len(shape) == 3 and min(shape[1:]) >= size:
            return (shape[0], shape[1] // size, shape[2] // size)
        case AveragePool() if len(shape) == 3:
            return shape[:1]
        case Flatten() if len(shape) == 3:
            return (math.prod(shape),)
    raise DesignError(f"{layer} cannot follow what gives shape {shape}. Next: correct the widths in study.py.")
