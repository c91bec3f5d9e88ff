"""Units keep neighbouring inputs, by iterative pruning on data that mean something (sections 3 and 4)."""

from fractions import Fraction

from harness import MNIST1D, Arm, Design, Scale, Source, beats, claim, fewer, interaction, noisy, prune, train

from . import study
from .study import counted, iterative

PAIRS = "adjacent_pairs/fc1"


@claim(
    "pellegrini2022/imp-masks-are-local",
    statement="""Units of the first layer that iterative pruning leaves keep neighbouring inputs more often than chance,
        by more than after one-shot pruning, than with an eighth of the examples, and than with random labels.""",
    source=Source(version="arXiv 2104.13343", place="abstract", published="direction only"),
    predicted={"micro": "inconclusive"},
    deviations=(
        "MNIST-1D, 300-100 units, 800 steps of Adam; seven rounds to 5 % kept; in the paper small ImageNet.",
        "Chance keeps every unit's number of inputs: its places among them are shuffled.",
        "Random labels instead of classes that are put together modulo ten: MNIST-1D has no super-classes.",
    ),
)
def imp_masks_are_local(scale: Scale) -> Design:
    """Four masks, and each with its places shuffled within units and within layers; nothing is trained with them."""
    one_shot = prune(train(study.NET, MNIST1D, study.RECIPE), keep=study.KEPT)
    masks = {
        "iterative": iterative(MNIST1D),
        "one-shot": one_shot,
        "500 examples": iterative(fewer(MNIST1D, 500)),
        "random labels": iterative(noisy(MNIST1D, Fraction(9, 10))),
    }
    arms: dict[str, Arm] = {}
    for name, mask in masks.items():
        arms |= counted(mask, name)
    excess = {name: (name, f"{name}, units shuffled") for name in masks}
    return Design(
        arms=arms,
        parts=(
            beats(*excess["iterative"], on=MNIST1D, metric=PAIRS),
            *(
                interaction(*excess["iterative"], less=excess[name], on=MNIST1D, metric=PAIRS)
                for name in ("one-shot", "500 examples", "random labels")
            ),
        ),
        beside=(beats(*excess["iterative"], on=MNIST1D, metric="adjacent_triples/fc1", label="triples"),),
        contrast=("mask",),
        replicates=10,
    )
