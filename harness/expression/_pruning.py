"""Masks: the largest weights or units of a training, weights at random, and places permuted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from harness.errors import DesignError, nearest
from harness.expression._criteria import CRITERIA
from harness.expression._densities import Keep, check_keep, layer_counts, layer_keep, unit_keep
from harness.expression._masks import Bits, Scope, ones, prune_by_magnitude, random_bits, shuffled
from harness.expression._nodes import DRAW, Mask, Start, Stored, density, kept_in
from harness.expression._trainings import Snapshot, Training
from harness.networks import Network, kept_counts, round_half_up, unit_counts, unit_weights


@dataclass(frozen=True, eq=False, repr=False)
class Prune(Mask):
    """The mask of the largest magnitudes of `source` among the weights, or units, its training still had.

    Or of the largest scores, by the criterion that `rule` names.

    Layers that `among` does not name keep what they had; without names, all layers are pruned.
    """

    source: Snapshot
    keep: Keep
    scope: Scope = Scope.LAYER
    among: tuple[str, ...] = ()
    rule: str = "quantile"  # of a criterion, see `Criterion.rule`

    @property
    def network(self) -> Network:
        """The network that was trained."""
        return self.source.origin

    def bits(self, stored: Stored) -> Bits:
        """Return what stays of what the source's mask had left."""
        before, weights = self.source.under, self.source.values(stored, self.network)
        alive = ones(self.network) if before is None else stored.bits(before)
        return prune_by_magnitude(self.network, weights, alive, self.keep, self.scope, self.among, self.rule)

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
    """A mask whose bits have changed places within each layer, by the ``mask`` stream: counts a layer stay."""

    mask: Mask
    draw: int = field(default=0, metadata=DRAW)

    @property
    def network(self) -> Network:
        """The network of the mask that is shuffled."""
        return self.mask.network

    def bits(self, stored: Stored) -> Bits:
        """Return the bits in other places of their layers."""
        return shuffled(self.network, stored.bits(self.mask), stored.replicate, self.draw)

    def kept_in(self, layers: frozenset[str]) -> int | None:
        """Return what the mask keeps that is shuffled."""
        return self.mask.kept_in(layers)


def prune(
    source: Training | Start,
    *,
    keep: Keep,
    scope: Scope | str = Scope.LAYER,
    among: Iterable[str] = (),
    rule: str = "quantile",
) -> Prune:
    """Keep the largest-magnitude weights, or hidden units, of `source` (a training means its end).

    `keep` is the fraction of the ORIGINAL weights, one for all layers or ``((layer, fraction), ...)``; with scope
    ``"global"`` all layers compete and `keep` is one fraction. `among` names the layers that are pruned or compete, and
    `keep` is then the fraction of their weights; the others keep what the source has. Counts are
    round-half-up(n * keep); ties go to the lower index.

    `rule` names a criterion, which scores weights: ``"quantile"`` is by magnitude, and `criterion` registers others.
    With ``"std"`` each layer's threshold is one quality times the standard deviation of the weights it has left
    (Han et al. 2015). The quality is the one that keeps `keep` of all layers together, so that density is exact and
    what a layer keeps is an outcome: it needs scope ``"global"``. A layer whose weights are all equal keeps them all.

    With scope ``"unit"`` each hidden layer of a multilayer perceptron keeps round-half-up(units * keep) of its units,
    or by ``((layer, fraction), ...)`` of the hidden layers: those whose incoming weights have the largest Euclidean
    norm (as Li et al. 2017 score filters, there by the sum of magnitudes). A dropped unit loses its incoming and its
    outgoing weights; what the output layer gives is never dropped. Outgoing weights are not scored: a product of both
    would not change when a unit is scaled up before a rectifier and down behind it, but is not what is usually done. A
    dropped unit keeps its bias, or BatchNorm's shift, as those are never pruned: it feeds nothing.

    Args:
        source: A training, which means its end, or its `.at(k)` for a step after its first.
        keep: The fraction kept, one for all layers or one per layer.
        scope: ``"layer"``, ``"global"`` or ``"unit"``: where magnitudes compete.
        among: The layers that are pruned; all without it.
        rule: ``"quantile"`` or ``"std"``: by what weights compete.

    Returns:
        A mask.

    Raises:
        DesignError: For a density outside (0, 1], an unknown layer, a layer or all units of one left empty, a density
            above the source's or one that only training would tell, for weights that no training has made, and by
            units where single weights were pruned before.

    >>> from harness import DIGITS, SGD, Recipe, mlp, train
    >>> net, recipe = mlp(64, 30, 10), Recipe(optimiser=SGD(0.1), steps=200, batch=60)
    >>> dense = train(net, DIGITS, recipe)
    >>> once = prune(dense, keep=Fraction(1, 2))
    >>> ticket = train(net, DIGITS, recipe, mask=once, start=dense.at(0))
    >>> density(prune(ticket, keep=Fraction(1, 4)))
    Fraction(1, 4)
    """
    snapshot = Snapshot(source, "end") if isinstance(source, Training) else source
    if not isinstance(snapshot, Snapshot):
        raise DesignError(
            f"prune() of {snapshot!r}, which no training has made: at(k) at the first step is the start itself, and a "
            "training of scores leaves its weights there. Next: prune a training, or its at(k) for a later step"
        )
    if scope not in list(Scope):
        raise DesignError(f"unknown scope {scope!r}{nearest(scope, list(Scope))} Scopes: {', '.join(Scope)}")
    scope, criterion = Scope(scope), CRITERIA[CRITERIA.latest(rule)]
    if criterion.between_layers and scope is not Scope.GLOBAL:
        raise DesignError(
            f"prune(rule={rule!r}) has one quality for all layers, so they compete for what is kept. "
            "Next: scope='global'"
        )
    training = snapshot.training
    network = training.network
    if training.learn is not None:
        raise DesignError("prune() of a training of scores: its weights are as drawn. Next: use its learned_mask()")
    if scope is Scope.GLOBAL and not isinstance(keep, Fraction):
        raise DesignError("prune(scope='global') takes one fraction; layers have no fractions of their own there")
    chosen = _in_order(network, tuple(among))
    counts: dict[str, int] = {}
    if scope is Scope.UNIT:
        _check_units(training, keep, chosen)
    elif scope is Scope.LAYER:
        counts = layer_counts(network, keep, chosen)
    else:
        check_keep(network, keep, chosen)
    node = Prune(snapshot, keep, scope, chosen, criterion.rule)
    if training.mask is not None and density(node) > density(training.mask):
        raise DesignError(
            f"prune to {float(density(node)):.4f} of the weights from a training that has only "
            f"{float(density(training.mask)):.4f}: pruning cannot bring weights back"
        )
    if scope is Scope.LAYER and training.mask is not None:
        known = {layer: kept_in(training.mask, network, frozenset({layer})) for layer in counts}
        before = {layer: count for layer, count in known.items() if count is not None}
        if grown := [layer for layer in before if counts[layer] > before[layer]]:
            raise DesignError(
                f"prune would keep {counts[grown[0]]} weights of {grown[0]}, of which {before[grown[0]]} are left: "
                "pruning cannot bring weights back"
            )
    return node


def _check_units(training: Training, keep: Keep, among: tuple[str, ...]) -> None:
    """Raise DesignError where units cannot be pruned to `keep` with exact counts."""
    network, before = training.network, training.mask
    hidden = tuple(network.hidden())
    if among or not hidden:
        raise DesignError(
            "prune(scope='unit') chooses among the units of every hidden layer, of which there must be one, and not "
            f"among={among}. Next: name fractions, keep=((layer, fraction), ...), with 1 for a layer to be left alone"
        )
    check_keep(network, keep, hidden, whose="the hidden layers are")
    if before is not None and not (isinstance(before, Prune) and before.scope is Scope.UNIT):
        raise DesignError(
            "prune(scope='unit') of a training that has lost single weights: what its units have left is known only "
            "after training. Next: prune units before weights"
        )
    after = unit_counts(network, unit_keep(network, keep))
    left = unit_counts(network, unit_keep(network, before.keep if before is not None else Fraction(1)))
    for layer, count in after.items():
        if not 0 < count <= left[layer]:
            raise DesignError(
                f"prune would keep {count} units of {layer}, of which {left[layer]} are left: "
                "a layer needs one, and pruning cannot bring them back. Next: correct keep= in study.py"
            )


def _in_order(network: Network, among: tuple[str, ...]) -> tuple[str, ...]:
    """Return `among` in the network's order, and no names where it names all layers: one choice has one key."""
    layers = tuple(network.prunable())
    if unknown := [name for name in among if name not in layers]:
        raise DesignError(f"among= names {unknown[0]!r}, no layer with weights{nearest(unknown[0], layers)}")
    chosen = tuple(name for name in layers if name in among)
    return () if chosen == layers else chosen


def random_mask(network: Network, *, keep: Keep, draw: int = 0) -> RandomMask:
    """Keep weights at random, with exact counts per layer.

    Args:
        network: Whose weights they are.
        keep: The fraction kept, one for all layers or one per layer.
        draw: Which draw of the ``mask`` stream.

    Returns:
        A mask, another one in each replicate.

    Raises:
        DesignError: For a density outside (0, 1], for an unknown layer, and for one that would keep no weight.

    >>> from harness import mlp
    >>> density(random_mask(mlp(64, 30, 10), keep=Fraction(1, 20)))
    Fraction(1, 20)
    """
    layer_counts(network, keep)
    return RandomMask(network, keep, draw)


def shuffle(mask: Mask, *, draw: int = 0) -> ShuffledMask:
    """Permute the places of `mask` within each layer: every layer keeps its count, however that came about.

    One draw is one permutation of a layer's places, so that nested masks stay nested (Frankle & Carbin 2019, app. E).

    Args:
        mask: Whose places change.
        draw: Which draw of the ``mask`` stream.

    Returns:
        A mask with the same counts.

    >>> from harness import mlp
    >>> mask = random_mask(mlp(64, 30, 10), keep=Fraction(1, 20))
    >>> density(shuffle(mask)) == density(mask)
    True
    """
    return ShuffledMask(mask, draw)
