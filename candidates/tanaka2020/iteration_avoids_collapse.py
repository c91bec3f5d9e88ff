"""Pruning in many rounds keeps nets connected where pruning at once does not (sections 3 to 6)."""

from collections.abc import Sequence
from fractions import Fraction

from harness import (
    DIGITS,
    Arm,
    Decision,
    Design,
    Init,
    Mask,
    Scale,
    Source,
    beats,
    claim,
    fresh,
    matches,
    mlp,
    percent_kept,
    prune,
    random_mask,
    saliency,
    shuffle,
    structure,
)

NET = mlp(64, *[100] * 8, 10, init=Init.KAIMING_NORMAL)
KEPT = tuple(Fraction(1, n) for n in (10, 30, 100, 300, 1000))
ROUNDS = 100


@claim(
    "tanaka2020/iteration-avoids-collapse",
    statement="""Pruned to a thousandth before training, in a hundred rounds and by scores that layers conserve, a deep
        net still has paths from inputs to outputs; pruned at once, by these or others, it more often has none.""",
    source=Source(
        version="arXiv 2006.05467, and its authors' patent",
        place="sections 3 to 6",
        published="VGG-16: largest compression without an empty layer 10^2.75 by magnitude, 10^5.75 to 10^6 by SynFlow",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "An MLP of eight hidden layers of 100 units on 8x8 digits instead of VGG-16 on CIFAR-100.",
        "Collapse is that no path is left, which comes before a layer is empty; both are measured.",
        "The density at which parts are read was chosen on pilots: to a three-hundredth GraSP lost no path.",
        "SNIP in a hundred rounds is an arm beside: if it has paths too, rounds matter and the scores do not.",
    ),
)
def iteration_avoids_collapse(scale: Scale) -> Design:
    """Nothing is trained: masks of four densities by SynFlow, SNIP and GraSP, magnitude and chance."""
    masks: dict[str, Sequence[Mask]] = {
        "SynFlow, 100 rounds": [
            saliency(NET, DIGITS, by="synflow", keep=k, rounds=ROUNDS).learned_mask() for k in KEPT
        ],
        "SynFlow, 1 round": [saliency(NET, DIGITS, by="synflow", keep=k).learned_mask() for k in KEPT],
        "SNIP, 100 rounds": [saliency(NET, DIGITS, by="snip", keep=k, rounds=ROUNDS).learned_mask() for k in KEPT],
        "SNIP, 1 round": [saliency(NET, DIGITS, by="snip", keep=k).learned_mask() for k in KEPT],
        "GraSP, 1 round": [saliency(NET, DIGITS, by="grasp", keep=k).learned_mask() for k in KEPT],
        "magnitude": [prune(fresh(), keep=k, network=NET, scope="global") for k in KEPT],
        "random": [random_mask(NET, keep=k) for k in KEPT],
    }
    masks["SynFlow, shuffled"] = [shuffle(mask) for mask in masks["SynFlow, 100 rounds"]]
    arms: dict[str, Arm] = {name: [structure(mask, DIGITS) for mask in each] for name, each in masks.items()}
    at, first = percent_kept("0.09", "0.11"), "SynFlow, 100 rounds"
    others = ("SynFlow, 1 round", "SNIP, 1 round", "GraSP, 1 round", "magnitude", "random", "SynFlow, shuffled")
    return Design(
        arms=arms,
        parts=tuple(beats(first, other, on=DIGITS, band=at, metric="has_path") for other in others),
        beside=(
            matches("SNIP, 100 rounds", first, on=DIGITS, band=at, metric="has_path", floors=("random",)),
            beats("magnitude", first, on=DIGITS, band=at, metric="empty_layers"),
        ),
        contrast=("mask",),
        decision=Decision.SIGN_FLIP,
        replicates=20,
    )
