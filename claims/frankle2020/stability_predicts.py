"""Tickets match the dense net where they are stable to the order of their data (section 4)."""

from harness import DIGIT_DIFFERENCE, DIGITS, Design, Scale, Source, beats, claim, matches

from ..frankle2019 import study as shallow
from ..frankle2019b import study as deep
from . import study


@claim(
    "frankle2020/stability-predicts",
    statement="""Tickets match the dense net where two copies that see their data in other orders end with next to no
        error barrier between them: in a deep net if reset to an early step, not to step 0, in a shallow one to 0.""",
    source=Source(
        version="arXiv 1912.05671",
        place="section 4",
        published="stable is an error barrier below 2 pp, matching an accuracy within .2 pp of the dense net's",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "A BatchNorm MLP on the difference of two digits and LeNet-300-100 on one, instead of ResNets and LeNet.",
        "Matching is to be within the tasks' margin, .5 pp; not matching is to be behind, the sesoi being 1 pp.",
        "Step 25 of 1,500 and 9.5 % kept were chosen on pilots: nearly the sparsest tickets that match, as there.",
        "Two steps. On pilots at 16 % kept, barriers at steps 0, 5, 10, 25 and 100 were 18, 1.7, .3, .2 and .1 pp.",
        study.BATCH_NORM,
        "Stable is to have a path to the copy that is less than 2 pp worse than that to itself; over 11 points.",
        "The dense nets, the floors and the shallow net's tickets were reported before this claim was written.",
    ),
)
def stability_predicts(scale: Scale) -> Design:
    """Three tickets: unstable, stable by late resetting, stable from the start. Of each, accuracy and barrier."""
    high, lenet, pairs, one = deep.high(scale), shallow.lenet(scale), DIGIT_DIFFERENCE, DIGITS
    reset, late, digits = study.reset_to(0, scale), study.reset_to(study.LATE, scale), study.stable(scale)
    return Design(
        arms={
            "dense": high.dense,
            "reset to 0": reset.trained,
            "reset to 25": late.trained,
            "random mask, 16 %": high.random,
            "reset to 0, copies": reset.copies,
            "reset to 25, copies": late.copies,
            "itself, 25": late.itself,
            "dense, digits": lenet.dense,
            "reset to 0, digits": digits.trained,
            "linear, digits": lenet.linear,
            "copies, digits": digits.copies,
            "itself, digits": digits.itself,
            "other weights, digits": study.elsewhere(scale),
        },
        parts=(
            beats("reset to 25, copies", "reset to 0, copies", on=pairs, metric="stability"),
            matches("reset to 25, copies", "itself, 25", on=pairs, metric="stability", floors=("reset to 0, copies",)),
            beats("dense", "reset to 0", on=pairs),
            matches("reset to 25", "dense", on=pairs, floors=("random mask, 16 %",)),
            matches("copies, digits", "itself, digits", on=one, metric="stability", floors=("other weights, digits",)),
            matches("reset to 0, digits", "dense, digits", on=one, floors=("linear, digits",), bound=one.margin_pp),
        ),
        contrast=("mask", "start", "first_step", "streams.order"),
        replicates=20,
    )
