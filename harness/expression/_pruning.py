"""Pruning: the functions that choose weights or units, and what they refuse before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import cast

from harness.errors import DesignError, nearest
from harness.expression._chosen import Prune, RandomMask, ShuffledMask
from harness.expression._criteria import (
    CRITERIA,
    N_OF_M,
    NOTHING,
    OF_OUTPUTS,
    PER_OUTPUT,
    Criterion,
    Setting,
    group_size,
)
from harness.expression._densities import Keep, check_keep, check_outputs, layer_counts, layer_keep, unit_keep
from harness.expression._masks import Scope
from harness.expression._nodes import Mask, Start, density, kept_in
from harness.expression._trainings import Snapshot, Training, check_origins
from harness.networks import Network, unit_counts


def prune(
    source: Training | Start,
    *,
    keep: Keep,
    scope: Scope | str = Scope.LAYER,
    among: Iterable[str] = (),
    by: str = "magnitude",
    also: Mapping[str, Training | Start | Setting] = NOTHING,
    network: Network | None = None,
) -> Prune:
    """Keep the largest-magnitude weights, or hidden units, of `source` (a training means its end).

    `keep` is the fraction of the ORIGINAL weights, one for all layers or ``((layer, fraction), ...)``; with scope
    ``"global"`` all layers compete and `keep` is one fraction. `among` names the layers that are pruned or compete, and
    `keep` is then the fraction of their weights; the others keep what the source has. Counts are
    round-half-up(n * keep); ties go to the lower index.

    `by` names a criterion, which scores weights: ``"magnitude"``, or one that is shipped or registered by `criterion`.
    What it takes besides the weights is given by name in `also`: other weights of the network, such as those at
    initialisation, or a number: ``prune(dense, keep=fifth, by="movement", also={"initial": dense.at(0)})``.

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
        source: A training, which means its end, or any weights to start from: its `.at(k)`, `fresh()`.
        keep: The fraction kept, one for all layers or one per layer.
        scope: ``"layer"``, ``"global"`` or ``"unit"``: where scores compete.
        among: The layers that are pruned; all without it.
        by: The criterion by which weights compete.
        also: What the criterion takes besides, by its parameters' names.
        network: Whose weights are pruned, where the source is drawn for any network: before training.

    Returns:
        A mask.

    Raises:
        DesignError: For a density outside (0, 1], an unknown layer or criterion, a layer or all units of one left
            empty, a density above the source's or one that only training would tell, for weights of no network or
            another one, for what the criterion does not take, by units where single weights were pruned before, by
            n of m where not every group could keep n, and by outputs of a transposed convolution.

    >>> from harness import DIGITS, SGD, Recipe, mlp, train
    >>> net, recipe = mlp(64, 30, 10), Recipe(optimiser=SGD(0.1), steps=200, batch=60)
    >>> dense = train(net, DIGITS, recipe)
    >>> once = prune(dense, keep=Fraction(1, 2))
    >>> ticket = train(net, DIGITS, recipe, mask=once, start=dense.at(0))
    >>> density(prune(ticket, keep=Fraction(1, 4)))
    Fraction(1, 4)
    """
    start = _weights(source)
    network, onto = _network_of(start, network)
    if scope not in list(Scope):
        raise DesignError(f"unknown scope {scope!r}{nearest(scope, list(Scope))} Scopes: {', '.join(Scope)}")
    scope, criterion = Scope(scope), CRITERIA[CRITERIA.latest(by)]
    if criterion.between_layers and scope is not Scope.GLOBAL:
        raise DesignError(
            f"prune(by={by!r}) has one quality for all layers, so they compete for what is kept. Next: scope='global'"
        )
    if scope is Scope.GLOBAL and not isinstance(keep, Fraction):
        raise DesignError("prune(scope='global') takes one fraction; layers have no fractions of their own there")
    chosen = _in_order(network, tuple(among))
    if criterion in OF_OUTPUTS:
        check_outputs(network, f"prune(by={by!r})", chosen)
    counts: dict[str, int] = {}
    if scope is Scope.UNIT:
        _check_units(network, start.under, keep, chosen, criterion)
    elif scope is Scope.LAYER:
        counts = layer_counts(network, keep, chosen)
    else:
        check_keep(network, keep, chosen)
    node = Prune(start, keep, scope, chosen, criterion.rule, _also(network, criterion, also), onto)
    if criterion is N_OF_M:
        _check_groups(node)
    if start.under is not None:
        _check_left(network, start.under, node, counts)
    return node


def _weights(source: Training | Start) -> Start:
    """Return the weights that are meant: of a training those at its end."""
    if isinstance(source, Start):
        return source
    if source.learn is not None and not source.learn.moves_weights:
        raise DesignError("prune() of a training of scores: its weights are as drawn. Next: use its learned_mask()")
    return Snapshot(source, "end")


def _network_of(start: Start, given: Network | None) -> tuple[Network, Network | None]:
    """Return the network whose weights are pruned, and what a mask has to keep of it: nothing where they are of one."""
    if start.origin is None and given is None:
        raise DesignError(
            f"prune() of {start!r}, weights that are drawn for any network, as before training. Next: network="
        )
    if given is not None:
        check_origins(given, None, start)
    return (start.origin, None) if start.origin is not None else (cast(Network, given), given)


def _also(
    network: Network, criterion: Criterion, given: Mapping[str, Training | Start | Setting]
) -> tuple[tuple[str, Start | Setting], ...]:
    """Return what a criterion takes besides weights and survivors, in its order: as given, or its default."""
    every = {**criterion.defaults, **given}
    if set(every) != set(criterion.wants):
        takes = f"takes {', '.join(criterion.wants)}" if criterion.wants else "takes nothing"
        raise DesignError(
            f"criterion {criterion.name!r} {takes} besides the weights, and also= gives "
            f"{', '.join(given) or 'nothing'}. Next: also={{{', '.join(f'{name!r}: ...' for name in criterion.wants)}}}"
        )
    found: list[tuple[str, Start | Setting]] = []
    for name in criterion.wants:
        value = every[name]
        if not isinstance(value, Training | Start | int | float | str):
            raise DesignError(
                f"also={{{name!r}: {value!r}}} for criterion {criterion.name!r}: expected a training, weights to start "
                "from, or a number. Next: correct also= in study.py"
            )
        each = _weights(value) if isinstance(value, Training | Start) else value
        if isinstance(each, Start):
            check_origins(network, None, each)
        found.append((name, each))
    return tuple(found)


def _check_left(network: Network, before: Mask, node: Prune, counts: Mapping[str, int]) -> None:
    """Raise DesignError where more would be kept than is left."""
    if density(node) > density(before):
        raise DesignError(
            f"prune to {float(density(node)):.4f} of the weights from a training that has only "
            f"{float(density(before)):.4f}: pruning cannot bring weights back"
        )
    known = {layer: kept_in(before, network, frozenset({layer})) for layer in counts}
    left = {layer: count for layer, count in known.items() if count is not None}
    if grown := [layer for layer in left if counts[layer] > left[layer]]:
        raise DesignError(
            f"prune would keep {counts[grown[0]]} weights of {grown[0]}, of which {left[grown[0]]} are left: "
            "pruning cannot bring weights back"
        )


def _check_groups(node: Prune) -> None:
    """Raise DesignError where not every group of `m` weights could keep as many as any other, and no more."""
    ((_, given),) = node.also
    m, before = group_size(given), node.source.under
    for layer, share in layer_keep(node.network, node.keep, node.among).items():
        if (share * m).denominator != 1:
            raise DesignError(
                f"prune(by='n of m') to {share} of {layer}, which is no number of weights of {m}. "
                f"Next: keep= a fraction of {m}, such as Fraction({m // 2}, {m})"
            )
    if before is not None and not (isinstance(before, Prune) and (before.rule, before.also) == (node.rule, node.also)):
        raise DesignError(
            f"prune(by='n of m') of weights that have lost others: a group of {m} may have too few left. "
            "Next: prune what has lost none, or what was pruned by groups of as many"
        )


def _check_units(
    network: Network, before: Mask | None, keep: Keep, among: tuple[str, ...], criterion: Criterion
) -> None:
    """Raise DesignError where units cannot be pruned to `keep` with exact counts, of what the mask `before` left."""
    hidden = tuple(network.hidden())
    if among or not hidden:
        raise DesignError(
            "prune(scope='unit') chooses among the units of every hidden layer, of which there must be one, and not "
            f"among={among}. Next: name fractions, keep=((layer, fraction), ...), with 1 for a layer to be left alone"
        )
    if criterion in (PER_OUTPUT, N_OF_M):
        raise DesignError(
            f"prune(scope='unit', by={criterion.name!r}): what stands high in its output says nothing of a unit. "
            "Next: leave out by=, or scope="
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


def shuffle(mask: Mask, *, draw: int = 0, within: Scope | str = Scope.LAYER) -> ShuffledMask:
    """Permute the places of `mask` within each layer: every layer keeps its count, however that came about.

    One draw is one permutation of a layer's places, so that nested masks stay nested (Frankle & Carbin 2019, app. E).

    Args:
        mask: Whose places change.
        draw: Which draw of the ``mask`` stream.
        within: ``"layer"``, or ``"unit"``: places change among the inputs of one output, which keeps their number; or
            ``"global"``: among all prunable weights, and layers get as many as chance gives them. Where a mask is
            uneven, as global pruning leaves it, that control differs from it in its layers' densities above all.

    Returns:
        A mask with the same counts; with ``"global"`` with the same sum of them.

    Raises:
        DesignError: For places that change within anything else, and within units of a transposed convolution, whose
            weights have inputs where others have outputs.

    >>> from harness import mlp
    >>> mask = random_mask(mlp(64, 30, 10), keep=Fraction(1, 20))
    >>> density(shuffle(mask)) == density(mask)
    True
    """
    if within not in list(Scope):
        expected = ", ".join(repr(str(scope)) for scope in Scope)
        raise DesignError(f"shuffle(within={within!r}): expected {expected}. Next: correct within=")
    if within == Scope.UNIT:
        check_outputs(mask.network, "shuffle(within='unit')")
    return ShuffledMask(mask, draw, Scope(within))
