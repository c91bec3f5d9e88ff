"""Masks of chosen weights: the largest of a training, weights at random, and places permuted."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from harness.expression._criteria import CRITERIA, Setting
from harness.expression._densities import Keep, layer_keep, unit_keep
from harness.expression._masks import (
    Bits,
    Scope,
    ones,
    prune_by_magnitude,
    random_bits,
    shuffled,
    shuffled_across_layers,
    shuffled_within_units,
)
from harness.expression._nodes import DRAW, Mask, Start, Stored, kept_in
from harness.extensions import NAMES
from harness.networks import Network, kept_counts, round_half_up, unit_counts, unit_weights


@dataclass(frozen=True, eq=False, repr=False)
class Prune(Mask):
    """The mask of the largest magnitudes of `source` among the weights, or units, that its mask has left.

    Or of the largest scores, by the criterion that `rule` names, which is given what `also` names besides. `onto` is
    the network where the source is of none.

    Layers that `among` does not name keep what they had; without names, all layers are pruned.
    """

    source: Start
    keep: Keep
    scope: Scope = Scope.LAYER
    among: tuple[str, ...] = ()
    rule: str = field(default="quantile", metadata={NAMES: CRITERIA})  # of a criterion, see `Criterion.rule`
    also: tuple[tuple[str, Start | Setting], ...] = ()
    onto: Network | None = None

    @property
    def network(self) -> Network:
        """The network whose weights are pruned."""
        network = self.source.origin or self.onto
        assert network is not None
        return network

    def bits(self, stored: Stored) -> Bits:
        """Return what stays of what the source's mask had left."""
        before, weights = self.source.under, self.source.values(stored, self.network)
        alive = ones(self.network) if before is None else stored.bits(before)
        also = {
            name: each.values(stored, self.network) if isinstance(each, Start) else each for name, each in self.also
        }
        return prune_by_magnitude(self.network, weights, alive, self.keep, self.scope, self.among, self.rule, also)

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return how many weights it keeps in `layers` together, or None where some of them competed with others."""
        network, sizes = self.network, {name: tensor.size for name, tensor in self.network.prunable().items()}
        if self.scope is Scope.UNIT:
            counts = unit_weights(network, unit_counts(network, unit_keep(network, self.keep)))
            return sum(counts[name] for name in layers)
        among = frozenset(self.among or sizes)
        rest = kept_in(self.source.under, network, layers - among)
        if self.scope is Scope.LAYER:
            counts = kept_counts(network, layer_keep(network, self.keep, self.among))
            here: int | None = sum(counts[name] for name in layers & among)
        elif among <= layers:
            assert isinstance(self.keep, Fraction)
            here = round_half_up(sum(sizes[name] for name in among) * self.keep)
        else:
            here = None if layers & among else 0
        return None if here is None or rest is None else here + rest


@dataclass(frozen=True, eq=False, repr=False)
class RandomMask(Mask):
    """A mask with exact counts a layer, its places drawn from the ``mask`` stream."""

    network: Network
    keep: Keep
    draw: int = field(default=0, metadata=DRAW)

    def bits(self, stored: Stored) -> Bits:
        """Return places drawn for the replicate."""
        return random_bits(self.network, self.keep, stored.replicate, self.draw)

    def kept_in(self, layers: frozenset[str]) -> int:
        """Return how many weights it keeps in `layers` together."""
        counts = kept_counts(self.network, layer_keep(self.network, self.keep))
        return sum(counts[name] for name in layers)


@dataclass(frozen=True, eq=False, repr=False)
class ShuffledMask(Mask):
    """A mask whose bits have changed places within each layer, by the ``mask`` stream: counts a layer stay.

    Or within each unit of it, and then the counts of units stay too; or over all layers, and then only their sum does.
    """

    mask: Mask
    draw: int = field(default=0, metadata=DRAW)
    within: Scope = Scope.LAYER

    @property
    def network(self) -> Network:
        """The network of the mask that is shuffled."""
        return self.mask.network

    def bits(self, stored: Stored) -> Bits:
        """Return the bits in other places of their layers or units, or of the network."""
        moved = {Scope.LAYER: shuffled, Scope.UNIT: shuffled_within_units, Scope.GLOBAL: shuffled_across_layers}
        return moved[self.within](self.network, stored.bits(self.mask), stored.replicate, self.draw)

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return what the mask keeps that is shuffled; None for some layers, where places change over all of them."""
        if self.within is Scope.GLOBAL and layers != frozenset(self.network.prunable()):
            return None
        return self.mask.kept_in(layers)
