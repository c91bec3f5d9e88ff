"""How closely subsets of random weights sum up to a given weight (section 3)."""

from harness import Axis, Design, Scale, Source, beats, claim, interaction

from .study import UNIT_VECTORS, weights

COUNTS = (4, 8, 12, 16)


@claim(
    "pensia2020/subset-sum-exponential",
    statement="""The worst error with which a subset of n uniform random weights sums up to a target falls exponentially
        in n, and that of the best single one of them does not.""",
    source=Source(version="arXiv 2006.07990", place="abstract, section 3", published="width factor O(log dl)"),
    predicted={"micro": "reproduced"},
    deviations=(
        "The lemma by itself: no net is approximated. 201 targets between -1/2 and 1/2, weights between -1 and 1.",
        "Weights are those of an untrained net of one layer, ten sets a replicate, whose logs are averaged.",
        "Exponential: from 12 to 16 weights the log of the error falls by more than from 4 to 8.",
    ),
)
def subset_sum_exponential(scale: Scale) -> Design:
    """Sets of 4, 8, 12 and 16 weights, the larger ones made of the smaller ones and more."""
    arms = {f"{count} weights": {count: weights(count)} for count in COUNTS}
    return Design(
        arms={"weights": {count: weights(count) for count in COUNTS}, **arms},
        axis=Axis("weights", log=False),
        parts=(
            beats("weights", "4 weights", on=UNIT_VECTORS, metric="pensia2020/log_gain", reading="slope"),
            interaction(
                "16 weights",
                "12 weights",
                less=("8 weights", "4 weights"),
                on=UNIT_VECTORS,
                metric="pensia2020/log_precision",
            ),
        ),
        contrast=("mask",),
        replicates=20,
    )
