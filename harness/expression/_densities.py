"""How densities are written: one fraction for all layers, or one a layer; exact, so that counts are."""

from __future__ import annotations

from fractions import Fraction

from harness.errors import DesignError
from harness.networks import Network, kept_counts, round_half_up

Keep = Fraction | tuple[tuple[str, Fraction], ...]


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
            raise DesignError(
                f"density of {where} is {fraction!r}: use a Fraction, so that counts are exact. "
                "Next: Fraction(1, 5), or ((layer, Fraction(1, 5)), ...)"
            )
        if not 0 < fraction <= 1:
            raise DesignError(
                f"density of {where} is {fraction}: it is the fraction KEPT, in (0, 1]. "
                "Next: correct keep= in the claim or its study.py."
            )
    pruned = among or tuple(network.prunable())
    if isinstance(keep, tuple) and set(fractions) != set(pruned):
        whose = whose or ("among= has" if among else "the network has")
        raise DesignError(f"keep names layers {sorted(fractions)}, {whose} {sorted(pruned)}")


def check_outputs(network: Network, word: str, among: tuple[str, ...] = ()) -> None:
    """Raise DesignError where `word` goes by outputs, and one of all layers, or of `among`, has its inputs first."""
    for name in among or network.prunable():
        if network.prunable()[name].transposed:
            raise DesignError(
                f"{word} goes by the outputs of each layer, and the weights of {name}, a transposed convolution, have "
                f"inputs where those of others have outputs. Next: {'another word' if not among else 'leave it out'}, "
                "or a network without transposed convolutions"
            )


def layer_counts(network: Network, keep: Keep, among: tuple[str, ...] = ()) -> dict[str, int]:
    """Return how many weights each layer, or each of those in `among`, keeps: at least one.

    Raises DesignError as `check_keep` does, and for a layer that would be left without a weight: through it nothing
    would pass, and the network would answer by chance whatever it learned.
    """
    check_keep(network, keep, among)
    counts = kept_counts(network, layer_keep(network, keep, among))
    if empty := [layer for layer, count in counts.items() if not count]:
        sizes = {name: tensor.size for name, tensor in network.prunable().items()}
        asked = f"{float(layer_keep(network, keep, among)[empty[0]]):.4%} of the {sizes[empty[0]]} weights"
        raise DesignError(f"no weight is kept in {', '.join(empty)}: {asked} of {empty[0]}. Next: raise keep=")
    return counts


def erk(network: Network, density: Fraction) -> Keep:
    """Return a density for each layer, by the Erdos-Renyi rule with kernels, and of all together exactly `density`.

    A layer's density is proportional to the sum of its dimensions over their product (Mocanu et al. 2018; with kernels,
    Evci et al. 2020). Layers that would have more than all their weights are dense, and the others have more for it.
    Counts add up to round-half-up(N * density): what rounding down loses goes to the layers with the largest rests.

    Args:
        network: Whose layers they are.
        density: The fraction of all weights together.

    Returns:
        What `keep=` takes: ``((layer, fraction), ...)``.

    Raises:
        DesignError: For a density outside (0, 1], and for one that would leave a layer empty.

    >>> from harness import density, mlp, random_mask
    >>> net = mlp(64, 30, 10)
    >>> density(random_mask(net, keep=erk(net, Fraction(1, 5))))
    Fraction(1, 5)
    """
    check_keep(network, density)
    tensors = network.prunable()
    raw = {name: Fraction(sum(tensor.shape), tensor.size) for name, tensor in tensors.items()}
    total, dense = round_half_up(network.weights * density), set[str]()
    while True:
        left = total - sum(tensors[name].size for name in dense)
        asked = sum(raw[name] * tensors[name].size for name in tensors if name not in dense)
        scale = Fraction(left) / asked if asked else Fraction(0)
        full = {name for name in tensors if name not in dense and raw[name] * scale > 1}
        if not full:
            break
        dense |= full
    exact = {
        name: Fraction(tensor.size) if name in dense else raw[name] * scale * tensor.size
        for name, tensor in tensors.items()
    }
    counts = {name: int(value) for name, value in exact.items()}
    rests = sorted(tensors, key=lambda name: counts[name] - exact[name])
    for name in rests[: total - sum(counts.values())]:
        counts[name] += 1
    keep = tuple((name, Fraction(counts[name], tensor.size)) for name, tensor in tensors.items())
    layer_counts(network, keep)
    return keep
