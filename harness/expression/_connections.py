"""What a mask leaves of a network as a graph: units on a path from input to output, neighbouring inputs of a unit.

A unit is an output of a linear layer or a channel of a convolution; where in an image a channel is connected is left
out. Biases make no path: through them a unit answers, but not to its inputs. Arrays are named by shape: I inputs, O
outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.networks import (
    AveragePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Gelu,
    Image,
    Layer,
    Linear,
    MaxPool,
    Network,
    Relu,
    Residual,
    Shape,
    trace,
)

Flags = NDArray[np.bool_]
FOLLOWED = (Image, Linear, Conv, BatchNorm, Relu, Gelu, Dropout, MaxPool, AveragePool, Flatten)


def is_followed(network: Network) -> bool:
    """Whether the network is made of layers of which it is known what they connect."""
    return _are_followed(getattr(network, "layers", (None,)))


def _are_followed(layers: Sequence[Any]) -> bool:
    return all(
        _are_followed((*each.body, *each.shortcut)) if isinstance(each, Residual) else isinstance(each, FOLLOWED)
        for each in layers
    )


@dataclass
class Paths:
    """Which units a mask connects: `from_input` and `to_output` by layer, one flag an output; `inputs` lead on.

    Of the layers `last` the network's outputs come.
    """

    layers: Mapping[str, Flags]
    last: frozenset[str] = frozenset()
    from_input: dict[str, Flags] = field(default_factory=dict)
    to_output: dict[str, Flags] = field(default_factory=dict)
    inputs: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    outputs: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))

    @classmethod
    def of(cls, network: Network, layers: Mapping[str, Flags]) -> Paths:
        """Return the paths of a network of which `layers` keep weights, each in the shape of its tensor."""
        made = cls(layers, _last(network.layers))
        shape: Shape = (network.inputs,)
        *_, (_, last) = network.traced()
        made.outputs = made._forth(network.layers, shape, np.ones(network.inputs, np.bool_))
        made.inputs = made._back(network.layers, shape, np.ones(last[0], np.bool_))
        return made

    @property
    def exists(self) -> bool:
        """Whether there is a path from any input to any output."""
        return bool(self.outputs.any())

    def connected(self) -> Flags:
        """Return which hidden units lie on a path from an input to an output, of all layers one after the other."""
        hidden = [name for name in self.from_input if name not in self.last]
        flags = [self.from_input[name] & self.to_output[name] for name in hidden]
        return np.concatenate(flags) if flags else np.zeros(0, np.bool_)

    def _forth(self, layers: Sequence[Layer], shape: Shape, x: Flags) -> Flags:
        """Return which of what the last layer gives is reached, where of the first one's inputs `x` are."""
        for layer in layers:
            if isinstance(layer, Residual):
                x = self._forth(layer.body, shape, x) | self._forth(layer.shortcut, shape, x)
            elif isinstance(layer, Linear | Conv):
                self.from_input[layer.name] = x = np.asarray(self._weights(layer)[x].any(0))
            else:
                x = _unweighted(layer, shape, x)
            shape = _after(layer, shape)
        return x

    def _back(self, layers: Sequence[Layer], shape: Shape, y: Flags) -> Flags:
        """Return which inputs of the first layer lead to those that `y` has of what the last one gives."""
        shapes = [shape]
        for layer in layers:
            shapes.append(_after(layer, shapes[-1]))
        for layer, before in zip(reversed(layers), reversed(shapes[:-1]), strict=True):
            if isinstance(layer, Residual):
                y = self._back(layer.body, before, y) | self._back(layer.shortcut, before, y)
            elif isinstance(layer, Linear | Conv):
                self.to_output[layer.name] = y
                y = np.asarray(self._weights(layer)[:, y].any(1))
            else:
                y = _unweighted_back(layer, before, y)
        return y

    def _weights(self, layer: Linear | Conv) -> Flags:
        """Return which inputs of a layer each of its outputs has, shape (I, O)."""
        kept = self.layers[layer.name]
        return kept if kept.ndim == 2 else np.asarray(kept.any((2, 3))).T


def _last(layers: Sequence[Layer]) -> frozenset[str]:
    """Return the layers with weights that no other follows; of a block at the end those of both branches."""
    for layer in reversed(layers):
        if isinstance(layer, Residual) and (found := _last(layer.body) | _last(layer.shortcut)):
            return found
        if isinstance(layer, Linear | Conv):
            return frozenset({layer.name})
    return frozenset()


def _after(layer: Layer, shape: Shape) -> Shape:
    *_, (_, after) = trace((layer,), shape)
    return after


def _unweighted(layer: Layer, shape: Shape, x: Flags) -> Flags:
    """Return the channels that an image has, or the values that its channels become; else as they are."""
    if isinstance(layer, Image):
        return np.asarray(x.reshape(layer.channels, -1).any(1))
    return np.repeat(x, shape[1] * shape[2]) if isinstance(layer, Flatten) else x


def _unweighted_back(layer: Layer, shape: Shape, y: Flags) -> Flags:
    if isinstance(layer, Image):
        return np.repeat(y, layer.height * layer.width)
    return np.asarray(y.reshape(shape[0], -1).any(1)) if isinstance(layer, Flatten) else y


def neighbours(kept_IO: Flags, image: tuple[int, int, int], count: int) -> int:
    """Return how many runs of `count` neighbouring inputs units keep, in a row or a column of one channel of an image.

    `image` has channels, height and width; the inputs may be several such images. A signal has the height 1.
    """
    channels_CHWO = kept_IO.reshape(-1, *image[1:], kept_IO.shape[1])
    return sum(_runs(channels_CHWO, axis, count) for axis in (1, 2))


def _runs(kept_CHWO: Flags, axis: int, count: int) -> int:
    length = kept_CHWO.shape[axis] - count + 1
    if length < 1:
        return 0
    moved = np.moveaxis(kept_CHWO, axis, 0)
    return int(np.logical_and.reduce([moved[i : i + length] for i in range(count)]).sum())
