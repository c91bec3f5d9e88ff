"""Masks: the largest weights or units of a training, weights at random, and places permuted."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from harness.errors import DesignError, nearest
from harness.expression._densities import check_keep, density, kept_in, layer_keep, unit_keep
from harness.expression._nodes import Keep, Mask, Prune, RandomMask, Rule, Scope, ShuffledMask, Snapshot, Training
from harness.networks import Network, kept_counts, unit_counts


def prune(
    source: Training | Snapshot,
    *,
    keep: Keep,
    scope: Scope | str = Scope.LAYER,
    among: Iterable[str] = (),
    rule: Rule | str = Rule.QUANTILE,
) -> Prune:
    """Keep the largest-magnitude weights, or hidden units, of `source` (a training means its end).

    `keep` is the fraction of the ORIGINAL weights, one for all layers or ``((layer, fraction), ...)``; with scope
    ``"global"`` all layers compete and `keep` is one fraction. `among` names the layers that are pruned or compete, and
    `keep` is then the fraction of their weights; the others keep what the source has. Counts are
    round-half-up(n * keep); ties go to the lower index.

    With rule ``"std"`` each layer's threshold is one quality times the standard deviation of the weights it has left
    (Han et al. 2015). The quality is the one that keeps `keep` of all layers together, so that density is exact and
    what a layer keeps is an outcome: it needs scope ``"global"``. A layer whose weights are all equal keeps them all.

    With scope ``"unit"`` each hidden layer of a multilayer perceptron keeps round-half-up(units * keep) of its units,
    or by ``((layer, fraction), ...)`` of the hidden layers: those whose incoming weights have the largest Euclidean
    norm (as Li et al. 2017 score filters, there by the sum of magnitudes). A dropped unit loses its incoming and its
    outgoing weights; what the output layer gives is never dropped. Outgoing weights are not scored: a product of both
    would not change when a unit is scaled up before a rectifier and down behind it, but is not what is usually done. A
    dropped unit keeps its bias, or BatchNorm's shift, as those are never pruned: it feeds nothing.

    Args:
        source: A training, which means its end, or its `.at(k)`.
        keep: The fraction kept, one for all layers or one per layer.
        scope: ``"layer"``, ``"global"`` or ``"unit"``: where magnitudes compete.
        among: The layers that are pruned; all without it.
        rule: ``"quantile"`` or ``"std"``: by what weights compete.

    Returns:
        A mask.

    Raises:
        DesignError: For a density outside (0, 1], an unknown layer, one above the source's, or one that only training
            would tell; by units also where a layer would have none, or where single weights were pruned before.

    >>> from harness import DIGITS, SGD, Recipe, mlp, train
    >>> net, recipe = mlp(64, 30, 10), Recipe(optimiser=SGD(0.1), steps=200, batch=60)
    >>> dense = train(net, DIGITS, recipe)
    >>> once = prune(dense, keep=Fraction(1, 2))
    >>> ticket = train(net, DIGITS, recipe, mask=once, start=dense.at(0))
    >>> density(prune(ticket, keep=Fraction(1, 4)))
    Fraction(1, 4)
    """
    snapshot = source if isinstance(source, Snapshot) else Snapshot(source, "end")
    if scope not in list(Scope):
        raise DesignError(f"unknown scope {scope!r}{nearest(scope, list(Scope))} Scopes: {', '.join(Scope)}")
    if rule not in list(Rule):
        raise DesignError(f"unknown rule {rule!r}{nearest(rule, list(Rule))} Rules: {', '.join(Rule)}")
    scope, rule = Scope(scope), Rule(rule)
    if rule is Rule.STD and scope is not Scope.GLOBAL:
        raise DesignError(
            "prune(rule='std') has one quality for all layers, so they compete for what is kept. Next: scope='global'"
        )
    training = snapshot.training
    network = training.network
    if training.learn is not None:
        raise DesignError("prune() of a training of scores: its weights are as drawn. Next: use its learned_mask()")
    if scope is Scope.GLOBAL and not isinstance(keep, Fraction):
        raise DesignError("prune(scope='global') takes one fraction; layers have no fractions of their own there")
    chosen = _in_order(network, tuple(among))
    if scope is Scope.UNIT:
        _check_units(training, keep, chosen)
    else:
        check_keep(network, keep, chosen)
    node = Prune(snapshot, keep, scope, chosen, rule)
    if training.mask is not None and density(node) > density(training.mask):
        raise DesignError(
            f"prune to {float(density(node)):.4f} of the weights from a training that has only "
            f"{float(density(training.mask)):.4f}: pruning cannot bring weights back"
        )
    if scope is Scope.LAYER and training.mask is not None:
        after = kept_counts(network, layer_keep(network, keep, chosen))
        known = {layer: kept_in(training.mask, network, frozenset({layer})) for layer in after}
        before = {layer: count for layer, count in known.items() if count is not None}
        if grown := [layer for layer in before if after[layer] > before[layer]]:
            raise DesignError(
                f"prune would keep {after[grown[0]]} weights of {grown[0]}, of which {before[grown[0]]} are left: "
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
        DesignError: For a density outside (0, 1], and for an unknown layer.

    >>> from harness import mlp
    >>> density(random_mask(mlp(64, 30, 10), keep=Fraction(1, 20)))
    Fraction(1, 20)
    """
    check_keep(network, keep)
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
