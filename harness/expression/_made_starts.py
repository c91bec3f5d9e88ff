"""Starts made of others: layers of a donor, signs of one and magnitudes of another."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError, nearest
from harness.expression._masks import Flat
from harness.expression._nodes import Start, Stored
from harness.expression._trainings import Training, check_origins, end_of
from harness.extensions import NAMES, Extensions, called
from harness.networks import Network, Tensor

Layer = NDArray[np.float32]  # a layer's weights in the shape of its tensor
Combine = Callable[..., NDArray[Any]]


@dataclass(frozen=True, eq=False, repr=False)
class Graft(Start):
    """The parameters of `onto`, but in these `layers` those of `donor`, which may be of another network."""

    onto: Start
    donor: Start
    layers: tuple[str, ...]

    @property
    def origin(self) -> Network | None:
        """The network of what is grafted onto."""
        return self.onto.origin

    def values(self, stored: Stored, network: Network) -> Flat:
        """Return the parameters for `network`, shape (flat_size,)."""
        values, donated = self.onto.values(stored, network).copy(), self.donor.origin or network
        there, given = _tensors(donated), self.donor.values(stored, donated)
        for tensor in _of_layers(network, self.layers):
            values[tensor.slice] = given[there[tensor.name].slice]
        return values

    def unfit(self, network: Network) -> str:
        """Say which layer the donor has otherwise."""
        donor, names = self.donor.origin or network, {tensor.layer for tensor in network.tensors()}
        if unknown := [name for name in self.layers if name not in names]:
            return f"of which layer {unknown[0]!r} is grafted, which the network it is given to does not have"
        there = _tensors(donor)
        for tensor in _of_layers(network, self.layers):
            if tensor.name not in there or there[tensor.name].shape != tensor.shape:
                has = str(there[tensor.name].shape) if tensor.name in there else "no such parameters"
                return f"grafted in {tensor.name}, of shape {tensor.shape}, of which the donor has {has}"
        return self.onto.unfit(network) or ("" if self.donor.origin is not None else self.donor.unfit(network))


def _tensors(network: Network) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in network.tensors()}


def _of_layers(network: Network, layers: Collection[str]) -> list[Tensor]:
    return [tensor for tensor in network.tensors() if tensor.layer in layers]


def graft(onto: Training | Start, donor: Training | Start, *, layers: Iterable[str]) -> Graft:
    """Start from `onto`, but in some layers, biases and BatchNorm included, from `donor` (a training means its end).

    The donor may be of another network that has these layers in the same shape: a net for another task, with an output
    layer of its own. Or of the same one, reset layer by layer.

    Args:
        onto: The weights of the other layers.
        donor: The weights of these layers.
        layers: Their names, in any order.

    Returns:
        Weights to start from.

    Raises:
        DesignError: For no layers, an unknown one, or one that the two have in different shapes; what is known of that
            only where it is used is said there.

    >>> from harness import fresh, mlp, train, DIGITS, SGD, Recipe
    >>> dense = train(mlp(64, 30, 10), DIGITS, Recipe(optimiser=SGD(0.1), steps=200, batch=60))
    >>> graft(fresh("reinit"), dense, layers=("fc1",)).layers
    ('fc1',)
    """
    onto, donor = end_of(onto), end_of(donor)
    network = onto.origin or donor.origin
    chosen = frozenset(layers)
    if not chosen:
        raise DesignError("graft() of no layers is what it is grafted onto. Next: layers=, by name")
    order = tuple(dict.fromkeys(tensor.layer for tensor in network.tensors())) if network is not None else ()
    if network is not None and (unknown := sorted(chosen - set(order))):
        raise DesignError(f"graft() names {unknown[0]!r}, no layer with parameters{nearest(unknown[0], order)}")
    made = Graft(onto, donor, tuple(name for name in order if name in chosen) or tuple(sorted(chosen)))
    if onto.origin is not None and (why := made.unfit(onto.origin)):
        raise DesignError(f"a start {why}. Next: correct layers=, or the donor")
    return made


@dataclass(frozen=True)
class Combination:
    """A function of several layers' weights that gives those of one."""

    name: str
    combine: Combine
    version: int = 1

    @property
    def rule(self) -> str:
        """What a start's key hashes: the name, and the version where it is not the first."""
        return self.name if self.version == 1 else f"{self.name}@{self.version}"

    @property
    def origin(self) -> str:
        """Where the function is defined."""
        return f"{self.combine.__module__}.{self.combine.__qualname__}"

    def of_layer(self, name: str, layers: list[Layer]) -> Layer:
        """Return the weights of a layer. Raises DesignError for another shape, and for nan that the layers have not."""
        what, next = f"combination {self.name!r}, of layer {name}", f"@combination({self.name!r}) decorates"
        with called(what, self.combine, next=f"correct the function that {next}", error=DesignError):
            made = np.asarray(self.combine(*(layer.copy() for layer in layers)), np.float32)
        if made.shape != layers[0].shape:
            raise DesignError(
                f"combination {self.name!r} gave weights of shape {made.shape} for layer {name}, expected "
                f"{layers[0].shape}. Next: correct the function that @combination({self.name!r}) decorates"
            )
        if not np.isfinite(made).all() and all(np.isfinite(layer).all() for layer in layers):
            raise DesignError(
                f"combination {self.name!r} gave weights that are no numbers for layer {name}. "
                f"Next: correct the function that @combination({self.name!r}) decorates"
            )
        return made


COMBINATIONS = Extensions[Combination]("combination")


@dataclass(frozen=True, eq=False, repr=False)
class Combined(Start):
    """Weights made of those of several starts, layer by layer, by the function that `rule` names.

    Biases and BatchNorm are those of the first.
    """

    rule: str = field(metadata={NAMES: COMBINATIONS})
    starts: tuple[Start, ...]

    @property
    def origin(self) -> Network | None:
        """The network that one of them is of, if any is."""
        return next((start.origin for start in self.starts if start.origin is not None), None)

    def values(self, stored: Stored, network: Network) -> Flat:
        """Return the parameters for `network`, shape (flat_size,)."""
        every = [start.values(stored, network) for start in self.starts]
        made, combine = every[0].copy(), COMBINATIONS[self.rule]
        for name, tensor in network.prunable().items():
            layers = [flat[tensor.slice].reshape(tensor.shape) for flat in every]
            made[tensor.slice] = combine.of_layer(name, layers).reshape(-1)
        return made

    def unfit(self, network: Network) -> str:
        """Say which of them is of another network."""
        return next((why for start in self.starts if (why := start.unfit(network))), "")


def combination(name: str, *, version: int = 1) -> Callable[[Combine], Combine]:
    """Register the decorated function as a way to make weights of others, for ``combine(name, ...)``.

    Args:
        name: What claims call it.
        version: Raise it when the function gives other weights: it is part of a start's key, the code is not.

    Returns:
        A decorator. The function is given a layer's weights of each start, float32 in the shape of its tensor, and
        returns those of one, of the same shape. It must be a function of these numbers alone.

    Raises:
        DesignError: Where another function is registered by this name and version.

    Example:
        >>> @combination("mean")
        ... def mean(one, other):
        ...     return (one + other) / 2
        >>> COMBINATIONS.remove("mean")
    """
    COMBINATIONS.check_name(name, version)

    def register(combine: Combine) -> Combine:
        COMBINATIONS.add(name, Combination(name, combine, version), version=version)
        return combine

    return register


@combination("signs of the first")
def signs_of_the_first(signs: Layer, magnitudes: Layer) -> NDArray[Any]:
    """Return the second's magnitudes with the signs of the first (Zhou et al. 2019, section 4.1)."""
    return np.copysign(np.abs(magnitudes), signs)


@combination("signs and one magnitude")
def signs_and_one_magnitude(signs: Layer, spread: Layer) -> NDArray[Any]:
    """Return the standard deviation of the second's weights with the signs of the first (Zhou et al. 2019, 4.1)."""
    return np.copysign(np.full_like(spread, np.std(spread, dtype=np.float64)), signs)


def combine(by: str, *starts: Training | Start) -> Combined:
    """Make weights of those of several starts, by a named function of each layer (a training means its end).

    Shipped: ``"signs of the first"``, with the magnitudes of the second, and ``"signs and one magnitude"``, with the
    standard deviation of the second's layer. Biases and BatchNorm are those of the first start.

    Args:
        by: The name that `combination` has given the function.
        starts: The weights, in the order of the function's parameters.

    Returns:
        Weights to start from.

    Raises:
        DesignError: For an unknown name, another number of starts than the function takes, or starts of networks with
            other tensors.

    >>> from harness import fresh
    >>> combine("signs of the first", fresh(), fresh("reinit")).rule
    'signs of the first'
    """
    rule = COMBINATIONS[COMBINATIONS.latest(by)].rule
    if not starts:
        raise DesignError(f"combine({by!r}) of no weights. Next: name the starts")
    try:
        inspect.signature(COMBINATIONS[rule].combine).bind(*starts)
    except TypeError:
        wanted = ", ".join(inspect.signature(COMBINATIONS[rule].combine).parameters)
        raise DesignError(
            f"combine({by!r}) of {len(starts)} weights: its function takes {wanted}. Next: name a start for each"
        ) from None
    made = Combined(rule, tuple(end_of(start) for start in starts))
    if made.origin is not None:
        check_origins(made.origin, None, made)
    return made
