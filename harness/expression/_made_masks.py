"""Masks made of others: on another network, what two share, what one has and another has not."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import DesignError
from harness.expression._chosen import Prune
from harness.expression._masks import Bits, ones
from harness.expression._nodes import Mask, Stored
from harness.expression._trainings import INITIAL, check_origins
from harness.networks import Network


@dataclass(frozen=True, eq=False, repr=False)
class Carried(Mask):
    """A mask on another network: its bits in layers of the same name and shape, all weights in the others."""

    mask: Mask
    network: Network

    @property
    def layers(self) -> frozenset[str]:
        """The layers that both networks have."""
        there = self.mask.network.prunable()
        same = self.network.prunable().items()
        return frozenset(name for name, tensor in same if name in there and there[name].shape == tensor.shape)

    def bits(self, stored: Stored) -> Bits:
        """Return the bits for the other network, shape (flat_size,)."""
        made, there, given = ones(self.network), self.mask.network.prunable(), stored.bits(self.mask)
        for name in self.layers:
            made[self.network.prunable()[name].slice] = given[there[name].slice]
        return made

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return what the mask keeps in the layers that both have, and all weights of the others."""
        carried = layers & self.layers
        kept = self.mask.kept_in(carried) if carried else 0
        sizes = {name: tensor.size for name, tensor in self.network.prunable().items()}
        return None if kept is None else kept + sum(sizes[name] for name in layers - carried)


@dataclass(frozen=True, eq=False, repr=False)
class Shared(Mask):
    """The weights that two masks keep; biases and BatchNorm stay."""

    a: Mask
    b: Mask

    @property
    def network(self) -> Network:
        """The network of both."""
        return self.a.network

    def bits(self, stored: Stored) -> Bits:
        """Return where both keep a weight, shape (flat_size,)."""
        return stored.bits(self.a) & stored.bits(self.b)

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return what the smaller one keeps, where it was pruned from the larger; else only training tells."""
        smaller = self.b if is_within(self.b, self.a) else self.a if is_within(self.a, self.b) else None
        return None if smaller is None else smaller.kept_in(layers)


@dataclass(frozen=True, eq=False, repr=False)
class Without(Mask):
    """The weights that a mask keeps and another does not; biases and BatchNorm stay."""

    mask: Mask
    other: Mask

    @property
    def network(self) -> Network:
        """The network of both."""
        return self.mask.network

    def bits(self, stored: Stored) -> Bits:
        """Return where the one keeps a weight and the other does not, shape (flat_size,)."""
        kept = stored.bits(self.mask).copy()
        for tensor in self.network.prunable().values():
            kept[tensor.slice] &= ~stored.bits(self.other)[tensor.slice]
        return kept

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return the difference of counts, where the other was pruned from the one; else only training tells."""
        if not is_within(self.other, self.mask):
            return None
        one, other = self.mask.kept_in(layers), self.other.kept_in(layers)
        return None if one is None or other is None else one - other


def is_within(smaller: Mask, larger: Mask) -> bool:
    """Whether a mask was pruned from weights that another mask had left, in one round or several."""
    at: Mask | None = smaller
    while at is not None and at != larger:
        at = at.source.under if isinstance(at, Prune) else None
    return at is not None


def carry(mask: Mask, network: Network) -> Carried:
    """Take a mask over to another network: layers of the same name and shape have its bits, others keep all weights.

    Args:
        mask: A mask of one network.
        network: Another one, as for another task: with an output layer of its own.

    Returns:
        A mask of that network, of a known density where the mask's is.

    Raises:
        DesignError: Where the two have no layer in common.

    >>> from fractions import Fraction
    >>> from harness import density, mlp, random_mask
    >>> mask = random_mask(mlp(64, 30, 10), keep=Fraction(1, 5))
    >>> density(carry(mask, mlp(64, 30, 2)))
    Fraction(37, 165)
    """
    made = Carried(mask, network)
    if not made.layers:
        raise DesignError(
            f"carry() to a network that has no layer of {', '.join(mask.network.prunable())} in the same shape. "
            "Next: a network with some of them"
        )
    return made


def shared(a: Mask, b: Mask) -> Shared:
    """Keep the weights that two masks keep.

    Args:
        a: One mask.
        b: Another one of the same network.

    Returns:
        A mask. Its density is known before anything is run where one was pruned from the other.

    Raises:
        DesignError: For masks of networks with other tensors.

    >>> from fractions import Fraction
    >>> from harness import mlp, random_mask
    >>> mask = random_mask(mlp(64, 30, 10), keep=Fraction(1, 5))
    >>> shared(mask, mask).network == mask.network
    True
    """
    check_origins(a.network, b, INITIAL)
    return Shared(a, b)


def without(mask: Mask, other: Mask) -> Without:
    """Keep the weights that one mask keeps and another does not.

    Args:
        mask: What is kept of.
        other: What is removed.

    Returns:
        A mask. Its density is known before anything is run where the other was pruned from the one.

    Raises:
        DesignError: For masks of networks with other tensors.

    >>> from fractions import Fraction
    >>> from harness import mlp, random_mask
    >>> half, fifth = (random_mask(mlp(64, 30, 10), keep=Fraction(1, n)) for n in (2, 5))
    >>> without(half, fifth).network == half.network
    True
    """
    check_origins(mask.network, other, INITIAL)
    return Without(mask, other)
