"""How many weights and units of a network a fraction keeps, exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from harness.networks._network import Network


def kept_counts(network: Network, keep: dict[str, Fraction]) -> dict[str, int]:
    """Return how many weights each layer in `keep` keeps: round-half-up(n * keep) of the layer's original n."""
    layers = {layer: tensor for layer, tensor in network.prunable().items() if layer in keep}
    return {layer: round_half_up(tensor.size * keep[layer]) for layer, tensor in layers.items()}


def unit_counts(network: Network, keep: dict[str, Fraction]) -> dict[str, int]:
    """Return how many units each hidden layer in `keep` keeps: round-half-up(units * keep) of its original units."""
    return {layer: round_half_up(network.hidden()[layer].shape[1] * fraction) for layer, fraction in keep.items()}


def unit_weights(network: Network, units: Mapping[str, int]) -> dict[str, int]:
    """Return how many weights each layer has with so many `units` in the hidden ones: all between those that are left.

    >>> from harness.networks import mlp
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
