"""How many weights masks keep and measured networks use: exact, and known before anything is run."""

from __future__ import annotations

from fractions import Fraction

from harness.errors import DesignError
from harness.expression._nodes import (
    Between,
    Evaluation,
    Keep,
    LearnedMask,
    Magnitudes,
    Mask,
    Measured,
    Prune,
    RandomMask,
    Scope,
    Scores,
    ShuffledMask,
    Training,
    network_of,
)
from harness.networks import Network, kept_counts, round_half_up, unit_counts, unit_weights


def layer_keep(network: Network, keep: Keep, among: tuple[str, ...] = ()) -> dict[str, Fraction]:
    """Return the fraction that each layer, or each of those in `among`, keeps under layerwise pruning."""
    return dict(keep) if isinstance(keep, tuple) else dict.fromkeys(among or network.prunable(), keep)


def unit_keep(network: Network, keep: Keep) -> dict[str, Fraction]:
    """Return the fraction of its units that each hidden layer keeps under pruning by units."""
    return dict(keep) if isinstance(keep, tuple) else dict.fromkeys(network.hidden(), keep)


def check_keep(network: Network, keep: Keep, among: tuple[str, ...] = (), *, whose: str = "") -> None:
    """Raise DesignError unless `keep` has exact fractions in (0, 1], of all layers or of those in `among`."""
    fractions = dict(keep) if isinstance(keep, tuple) else {"every layer": keep}
    for where, fraction in fractions.items():
        if not isinstance(fraction, Fraction):
            raise DesignError(f"density of {where} is {fraction!r}: use a Fraction, so that counts are exact")
        if not 0 < fraction <= 1:
            raise DesignError(
                f"density of {where} is {fraction}: it is the fraction KEPT, in (0, 1]. "
                "Next: correct keep= in the claim or its study.py."
            )
    pruned = among or tuple(network.prunable())
    if isinstance(keep, tuple) and set(fractions) != set(pruned):
        whose = whose or ("among= has" if among else "the network has")
        raise DesignError(f"keep names layers {sorted(fractions)}, {whose} {sorted(pruned)}")


def kept_in(mask: Mask | None, network: Network, layers: frozenset[str]) -> int | None:
    """Return how many weights `mask` keeps in `layers` together, or None where that is known only after training.

    Layers that competed with others, in scope ``"global"``, have a known count only all together.
    """
    if not layers:
        return 0
    sizes = {name: tensor.size for name, tensor in network.prunable().items()}
    match mask:
        case None:
            return sum(sizes[name] for name in layers)
        case Prune(scope=Scope.UNIT):
            counts = unit_weights(network, unit_counts(network, unit_keep(network, mask.keep)))
            return sum(counts[name] for name in layers)
        case Prune():
            among = frozenset(mask.among or sizes)
            rest = kept_in(mask.source.training.mask, network, layers - among)
            if mask.scope is Scope.LAYER:
                counts = kept_counts(network, layer_keep(network, mask.keep, mask.among))
                here: int | None = sum(counts[name] for name in layers & among)
            elif among <= layers:
                assert isinstance(mask.keep, Fraction)
                here = round_half_up(sum(sizes[name] for name in among) * mask.keep)
            else:
                here = None if layers & among else 0
            return None if here is None or rest is None else here + rest
        case LearnedMask():
            learn = mask.training.learn
            keep: Keep | None = None if learn is None else learn.keep
        case RandomMask():
            keep = mask.keep
        case ShuffledMask():
            return kept_in(mask.mask, network, layers)
    if keep is None:
        return None
    counts = kept_counts(network, layer_keep(network, keep))
    return sum(counts[name] for name in layers)


def kept(node: Mask | Measured) -> int:
    """Return how many weights a mask keeps or a measured network uses: structural and exact, before anything is run.

    Raises DesignError where only training would tell: layers left out now that competed with others in a round before.
    """
    match node:
        case Training(learn=Scores(keep=keep)):
            return sum(kept_counts(node.network, layer_keep(node.network, keep)).values())
        case LearnedMask():
            return kept(node.training)
        case Training() | Evaluation() | Between() | Magnitudes():
            return node.network.weights if node.mask is None else kept(node.mask)
        case Prune() | RandomMask() | ShuffledMask():
            network = network_of(node)
            count = kept_in(node, network, frozenset(network.prunable()))
            if count is None:
                raise DesignError(
                    "among= leaves out layers that competed with others in an earlier round: what they have left is "
                    "known only after training. Next: give every round the same among="
                )
            return count


def density(node: Mask | Measured) -> Fraction:
    """Return the exact fraction of prunable weights that a mask keeps, or that a measured network uses.

    Args:
        node: A mask, or what can be an arm.

    Returns:
        The fraction kept, known before anything is run.

    Raises:
        DesignError: Where only training would tell.

    >>> from harness import mlp, random_mask
    >>> density(random_mask(mlp(64, 30, 10), keep=Fraction(1, 5)))
    Fraction(1, 5)
    """
    return Fraction(kept(node), network_of(node).weights)
