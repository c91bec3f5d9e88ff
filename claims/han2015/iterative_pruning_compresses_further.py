"""Pruning and retraining in turns, against pruning at once (section 3.4)."""

from harness import DIGITS, Decision, Design, Scale, Source, beats, claim, percent_kept

from . import study


@claim(
    "han2015/iterative-pruning-compresses-further",
    statement="""A net that is pruned and retrained in turns is more accurate than one pruned to the same density in a
        single step and retrained as long.""",
    source=Source(
        version="arXiv 1506.02626 v3",
        place="section 3.4",
        published="AlexNet at no loss: 9 times fewer weights iteratively, 5 times in a single step",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        *study.DEVIATIONS,
        "Three rounds of 200 steps, each keeping the same share of what is left, against one of 600.",
        "Compared at equal density; the paper compares densities at equal accuracy.",
        """Read at 1.6 % kept, chosen on pilots: there a single step fails now and then, so that the sign-flip test
        decides; at 2.7 and 3.7 %, shown beside, it was not worse (8 replicates).""",
    ),
)
def iterative_pruning_compresses_further(scale: Scale) -> Design:
    """Both arms prune by deviations of a layer; iterative pruning takes those of what a layer has left."""
    s = study.lenet()
    sparse, denser = percent_kept("1.5", "1.6"), percent_kept("2.5", "4")
    return Design(
        arms={"dense": s.dense, "iterative": study.iterative(), "single step": s.retrained},
        parts=(beats("iterative", "single step", on=DIGITS, band=sparse),),
        beside=(beats("iterative", "single step", on=DIGITS, band=denser, label="at 2.7 and 3.7 % kept"),),
        contrast=("mask", "start", "first_step"),
        replicates=20,
        decision=Decision.SIGN_FLIP,
    )
