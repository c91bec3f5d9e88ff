"""What a member's parameters and scores start from: drawn from a replicate's streams, tensor by tensor."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from harness.networks._modules import Module
from harness.networks._network import Init, Network, Tensor
from harness.streams import Replicate, generator


def initial_values(
    network: Network, replicate: Replicate, stream: str, draw: int, first: int = 0
) -> NDArray[np.float32]:
    """Return one member's flat initial parameters, shape (flat_size,), padding zero.

    Each tensor has its own counter in the stream, from `first` on, so a changed layer does not move the draws of the
    others.
    """
    flat = np.zeros(network.flat_size, np.float32)
    layers = {each.name: layer for layer, _ in network.traced() for each in layer.parameters()}
    fans = {tensor.layer: tensor.fans[0] for tensor in network.prunable().values()}
    inits = dict(network.inits)
    for i, tensor in enumerate(network.tensors()):
        rng = generator(replicate, stream, draw, counter=first + i)
        layer, init = layers[tensor.name], inits.get(tensor.layer, network.init)
        if tensor.layer in inits and tensor.prunable and not isinstance(layer, Module):
            flat[tensor.slice] = _weights(rng, tensor, init)
        elif (own := layer.initial(tensor.name, tensor.shape, rng)) is not None:
            flat[tensor.slice] = np.ravel(own)
        elif len(tensor.shape) > 1:
            flat[tensor.slice] = _weights(rng, tensor, init)
        elif init is Init.TORCH_DEFAULT and tensor.layer in fans:
            flat[tensor.slice] = _uniform(rng, tensor.size) / math.sqrt(fans[tensor.layer])
    return flat


def _weights(rng: np.random.Generator, tensor: Tensor, init: Init) -> NDArray[np.float32]:
    fan_in, fan_out = tensor.fans
    size = tensor.size
    match init:
        case Init.GLOROT_NORMAL:
            values = rng.standard_normal(size) * math.sqrt(2 / (fan_in + fan_out))
        case Init.KAIMING_NORMAL:
            values = rng.standard_normal(size) * math.sqrt(2 / fan_in)
        case Init.KAIMING_UNIFORM:
            values = _uniform(rng, size) * math.sqrt(6 / fan_in)
        case Init.TORCH_DEFAULT:
            values = _uniform(rng, size) / math.sqrt(fan_in)
        case Init.SIGNED_KAIMING_CONSTANT:
            signs = 1.0 - 2.0 * (rng.bit_generator.random_raw(size) >> np.uint64(63)).astype(np.float64)
            values = signs * math.sqrt(2 / fan_in)
    return values.astype(np.float32)


def _uniform(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Return numbers uniform on [-1, 1), of 53 bits of the raw words."""
    return 2 * ((rng.bit_generator.random_raw(size) >> np.uint64(11)).astype(np.float64) * 2.0**-53) - 1


def initial_scores(network: Network, replicate: Replicate, stream: str, draw: int) -> NDArray[np.float32]:
    """Return flat edge-popup scores, shape (flat_size,), Kaiming uniform with a = sqrt(5): U(-1, 1) / sqrt(fan_in).

    Source: Ramanujan et al. 2020, reference implementation.
    """
    flat = np.zeros(network.flat_size, np.float32)
    for i, tensor in enumerate(network.tensors()):
        if tensor.prunable:
            uniform = _uniform(generator(replicate, stream, draw, counter=i), tensor.size)
            flat[tensor.slice] = (uniform / math.sqrt(tensor.fans[0])).astype(np.float32)
    return flat
