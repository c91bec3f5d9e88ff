"""Masks are integers: exact counts, ties broken by magnitude, then index. Host nodes, one replicate at a time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.expression._criteria import CRITERIA, NOTHING, Criterion, Setting
from harness.expression._densities import Keep, layer_keep, unit_keep
from harness.networks import Network, Tensor, initial_values, kept_counts, round_half_up, unit_counts
from harness.streams import Replicate, generator, integers, permutations

Flat = NDArray[np.float32]
Bits = NDArray[np.bool_]


class Scope(StrEnum):
    """Where scores compete with each other."""

    LAYER = "layer"
    GLOBAL = "global"
    UNIT = "unit"  # whole hidden units of a layer, by the norm of their incoming weights


APART = 2**20  # first counter of a stream's second use: more than there are layers


def ones(network: Network) -> Bits:
    """Return the mask that removes nothing, shape (flat_size,): all parameters True, padding False."""
    mask = np.zeros(network.flat_size, np.bool_)
    for tensor in network.tensors():
        mask[tensor.slice] = True
    return mask


def prunable_bits(network: Network) -> Bits:
    """Return which of the flat parameters are weights that may be pruned, shape (flat_size,)."""
    mask = np.zeros(network.flat_size, np.bool_)
    for tensor in network.prunable().values():
        mask[tensor.slice] = True
    return mask


def largest(magnitudes: NDArray[np.floating[Any]], alive: Bits, count: int) -> Bits:
    """Return the mask of the `count` largest of `magnitudes` among `alive`; ties go to the lower index.

    What is no number is smaller than any. All shapes are (n,). Raises ValueError when fewer than `count` are alive.
    """
    left = int(np.count_nonzero(alive))
    if count > left:
        raise ValueError(f"{count} weights to keep, only {left} are left")
    if count in (0, left):
        return alive.copy() if count else np.zeros_like(alive)
    rivals = magnitudes.compress(alive)  # indexing by bits takes five times as long
    if np.isnan(rivals.max()):
        return largest(np.where(np.isnan(magnitudes), -np.inf, magnitudes), alive, count)
    threshold = np.partition(rivals, left - count)[left - count]
    mask: Bits = magnitudes >= threshold
    mask &= alive
    if surplus := np.count_nonzero(mask) - count:
        mask[np.flatnonzero((magnitudes == threshold) & alive)[-surplus:]] = False
    return mask


def prune_by_magnitude(
    network: Network,
    weights: Flat,
    alive: Bits,
    keep: Keep,
    scope: Scope,
    among: tuple[str, ...] = (),
    rule: str = "quantile",
    also: Mapping[str, Flat | Setting] = NOTHING,
) -> Bits:
    """Return the mask of the weights still `alive` that score highest, by magnitude or `rule`; shapes (flat_size,).

    `also` is what the criterion takes besides, by name: flat parameters of the network, or numbers.

    Biases and BatchNorm are never pruned: their places stay True. Layerwise, each layer keeps round-half-up(n * keep)
    of its original n; globally, all prunable weights compete, ties going to the earlier layer, then the lower index.
    With `among`, only the layers of these names are pruned or compete; the others stay as they are in `alive`. By
    units, `prune_units` says.
    """
    criterion = CRITERIA[rule]
    if scope is Scope.UNIT:
        return prune_units(network, weights, alive, unit_counts(network, unit_keep(network, keep)), criterion, also)
    mask, scores = ones(network), np.zeros(network.flat_size)
    layers = {}
    for name, tensor in network.prunable().items():
        if not among or name in among:
            layers[name] = tensor
            w, left = weights[tensor.slice].reshape(tensor.shape), alive[tensor.slice].reshape(tensor.shape)
            scores[tensor.slice] = criterion.scores(name, w, left, _of_layer(also, tensor)).reshape(-1)
        else:
            mask[tensor.slice] = alive[tensor.slice]
    if scope is Scope.LAYER:
        counts = kept_counts(network, layer_keep(network, keep, among))
        for name, tensor in layers.items():
            mask[tensor.slice] = largest(scores[tensor.slice], alive[tensor.slice], counts[name])
        return mask
    assert isinstance(keep, Fraction)
    places = np.concatenate([np.arange(network.flat_size)[tensor.slice] for tensor in layers.values()])
    count = round_half_up(sum(t.size for t in layers.values()) * keep)
    mask[places] = largest(scores[places], alive[places], count)
    return mask


def _of_layer(also: Mapping[str, Flat | Setting], tensor: Tensor) -> Mapping[str, Any]:
    """Return what flat parameters hold of a layer, in its shape, by name; numbers as they are."""
    flat = {name: value for name, value in also.items() if isinstance(value, np.ndarray)}
    return {**also, **{name: value[tensor.slice].reshape(tensor.shape) for name, value in flat.items()}}


def prune_units(
    network: Network,
    weights: Flat,
    alive: Bits,
    counts: Mapping[str, int],
    criterion: Criterion,
    also: Mapping[str, Flat | Setting] = NOTHING,
) -> Bits:
    """Return `alive` without the weights into and out of all but `counts` units of each hidden layer; (flat_size,).

    Those with the largest Euclidean norm of their incoming weights' scores stay, of those with a weight alive into
    them; ties go to the lower index. All layers are scored before a unit of any is dropped. Biases are never pruned.
    """
    alive_units = {}
    for name, into in network.hidden().items():
        alive_IO = alive[into.slice].reshape(into.shape)
        of_layer = _of_layer(also, into)
        sizes_IO = criterion.sizes(name, weights[into.slice].reshape(into.shape), alive_IO, of_layer)
        norms_O = np.sqrt((np.where(alive_IO, sizes_IO, 0) ** 2).sum(0))
        kept_O = largest(norms_O, np.asarray(alive_IO.any(0)), counts[name])
        alive_units[name] = kept_O
    return alive & of_units(network, alive_units)


def random_bits(network: Network, keep: Keep, replicate: Replicate, draw: int) -> Bits:
    """Return a mask with exact counts a layer at random places, from the ``mask`` stream; shape (flat_size,)."""
    mask = ones(network)
    counts = kept_counts(network, layer_keep(network, keep))
    for i, (name, tensor) in enumerate(network.prunable().items()):
        raw = generator(replicate, "mask", draw, counter=i).bit_generator.random_raw(tensor.size)
        layer = np.zeros(tensor.size, np.bool_)
        layer[np.argsort(raw, kind="stable")[: counts[name]]] = True
        mask[tensor.slice] = layer
    return mask


def shuffled(network: Network, mask: Bits, replicate: Replicate, draw: int) -> Bits:
    """Return `mask` with the places of each layer permuted, from the ``mask`` stream; shapes (flat_size,).

    The permutations of a draw are other ones than those by which `random_bits` of that draw chooses places.
    """
    moved = mask.copy()
    for i, tensor in enumerate(network.prunable().values()):
        order = permutations(replicate, "mask", draw, n=tensor.size, first=APART + i, count=1)[0]
        moved[tensor.slice] = mask[tensor.slice][order]
    return moved


def shuffled_within_units(network: Network, mask: Bits, replicate: Replicate, draw: int) -> Bits:
    """Return `mask` with the places of each output's weights permuted, from the ``mask`` stream; shapes (flat_size,).

    An output is a column of a linear layer or a filter: it keeps as many of its weights as it had.
    """
    moved, first = mask.copy(), 2 * APART
    for tensor in network.prunable().values():
        layer = mask[tensor.slice].reshape(tensor.shape)
        rows_OI = layer.T if layer.ndim == 2 else layer.reshape(len(layer), -1)
        outputs, inputs = rows_OI.shape
        order_OI = permutations(replicate, "mask", draw, n=inputs, first=first, count=outputs)
        first += outputs
        rows_OI = np.take_along_axis(rows_OI, order_OI, axis=1)
        moved[tensor.slice] = (rows_OI.T if layer.ndim == 2 else rows_OI).reshape(-1)
    return moved


def shuffled_across_layers(network: Network, mask: Bits, replicate: Replicate, draw: int) -> Bits:
    """Return `mask` with all prunable places permuted together, from the ``mask`` stream; shapes (flat_size,)."""
    moved, places = mask.copy(), np.flatnonzero(prunable_bits(network))
    order = permutations(replicate, "mask", draw, n=len(places), first=3 * APART, count=1)[0]
    moved[places] = mask[places][order]
    return moved


def resampled(network: Network, values: Flat, mask: Bits, replicate: Replicate, draw: int) -> Flat:
    """Return `values` with each layer's weights drawn with replacement from those that `mask` keeps; (flat_size,).

    From the ``reinit`` stream, apart from what `initial_values` takes of it. Other tensors, and layers of which nothing
    is kept, stay as they are.
    """
    drawn = values.copy()
    for i, tensor in enumerate(network.prunable().values()):
        survivors = values[tensor.slice][mask[tensor.slice]]
        if len(survivors):
            rng = generator(replicate, "reinit", draw, counter=APART + i)
            drawn[tensor.slice] = survivors[integers(rng, len(survivors), tensor.size)]
    return drawn


def of_units(network: Network, alive: Mapping[str, Bits]) -> Bits:
    """Return the mask without the weights into and out of units that are not `alive`, by hidden layer; (flat_size,)."""
    mask, tensors = ones(network), network.prunable()
    for (name, into), (_, out) in itertools.pairwise(tensors.items()):
        mask[into.slice].reshape(into.shape)[:] &= alive[name]
        mask[out.slice].reshape(out.shape)[:] &= alive[name][:, None]
    return mask


def redrawn(network: Network, replicate: Replicate, draw: int, step: int, rate: Fraction) -> tuple[Flat, Bits]:
    """Return weights drawn anew at a step, by the ``mask`` stream, and a mask that has each at `rate`; (flat_size,)."""
    first = (step + 1) * APART  # apart from random masks and other steps
    flat, drawn = initial_values(network, replicate, "mask", draw, first), np.zeros(network.flat_size, np.bool_)
    below = np.uint64(min(int(rate * 2**64), 2**64 - 1))
    for i, tensor in enumerate(network.prunable().values()):
        rng = generator(replicate, "mask", draw, counter=first + APART // 2 + i)
        drawn[tensor.slice] = rng.bit_generator.random_raw(tensor.size) <= below
    return flat, drawn


def learned_bits(
    network: Network, scores: Flat, keep: Keep, alive: Bits | None = None, scope: Scope = Scope.LAYER
) -> Bits:
    """Return edge-popup's mask: the top |score| of each layer or of all, among those `alive`; shapes (flat_size,)."""
    return prune_by_magnitude(network, scores, ones(network) if alive is None else alive, keep, scope)
