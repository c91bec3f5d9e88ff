"""Masks are not local where inputs are normal, of the same covariance (section 4)."""

from harness import MNIST1D, Design, Scale, Source, beats, claim, interaction

from ..pellegrini2022.study import counted, iterative
from . import study

PAIRS = "adjacent_pairs/fc1"


@claim(
    "redman2024/non-gaussian-inputs-needed",
    statement="""Units of the first layer that iterative pruning leaves keep neighbouring inputs more often than chance,
        and by more than where inputs are normal with the means and covariances of the classes.""",
    source=Source(version="arXiv 2412.06545", place="abstract", published="direction only"),
    predicted={"micro": "reproduced"},
    deviations=(
        "MNIST-1D, 300-100 units, 800 steps of Adam; seven rounds to 5 % kept, as in our claim of pellegrini2022.",
        "Normal inputs have the mean and covariance of each class, drawn once for all replicates.",
        "That pruning makes units' inputs less normal is not measured.",
    ),
)
def non_gaussian_inputs_needed(scale: Scale) -> Design:
    """A mask found on signals and one found on normal draws; each with its places shuffled within units and layers."""
    return Design(
        arms=counted(iterative(study.SIGNALS), "signals") | counted(iterative(study.NORMAL), "normal"),
        parts=(
            beats("signals", "signals, units shuffled", on=MNIST1D, metric=PAIRS),
            interaction(
                "signals",
                "signals, units shuffled",
                less=("normal", "normal, units shuffled"),
                on=MNIST1D,
                metric=PAIRS,
            ),
        ),
        beside=(beats("normal", "normal, units shuffled", on=MNIST1D, metric=PAIRS),),
        contrast=("mask",),
        replicates=10,
    )
