"""Early in training of a deep net the signs of a ticket's weights no longer suffice (abstract)."""

from harness import DIGIT_DIFFERENCE, Arm, Design, Scale, Source, Training, beats, claim, combine, fresh, matches

from .. import study
from ..zhou2019.study import REORDERED

STEP = 25


@claim(
    "frankle2020b/signs-not-enough-deep",
    statement="""A deep net's ticket that is reset to an early step loses accuracy if its weights there get new
        magnitudes and keep their signs, or are shuffled among places of one sign.""",
    source=Source(
        version="arXiv 2002.10365, abstract", place="abstract", published="direction only; levels unverified"
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        study.PAIRS_SETTING,
        "Reset to step 25 of 1,500; three rounds of 60 % of all weights, which compete, to 6.4 % kept.",
        "New magnitudes are those of a new initialisation; BatchNorm's parameters and biases stay as at step 25.",
        study.BATCH_NORM,
    ),
)
def signs_not_enough_deep(scale: Scale) -> Design:
    """The ticket at steps 0 and 25 from its own weights, from its signs, and from new weights; at 25 its controls."""
    task = DIGIT_DIFFERENCE
    arms: dict[str, Arm] = {}
    panels = {}
    for step, at in ((STEP, ""), (0, ", step 0")):
        dense, *_, ticket = study.deep_ladder(step)
        other, own = fresh("reinit", draw=2), ticket.start
        of_step: dict[str, Training] = {
            f"ticket{at}": ticket,
            f"its signs, new magnitudes{at}": study.again(ticket, start=combine("signs of the first", own, other)),
            f"its signs, values shuffled{at}": study.again(ticket, start=combine(REORDERED, own, other)),
            f"its signs, one magnitude{at}": study.again(ticket, start=combine("signs and one magnitude", own, own)),
            f"its magnitudes, random signs{at}": study.again(ticket, start=combine("signs of the first", other, own)),
            **study.controls(ticket, suffix=at),
        }
        arms |= {"dense": dense} | of_step
        panels[f"reset to step {step}"] = ("dense", *of_step)
    return Design(
        arms=arms,
        parts=(
            beats("ticket", "its signs, new magnitudes", on=task),
            beats("ticket", "its signs, values shuffled", on=task),
        ),
        beside=(
            matches("its signs, one magnitude", "ticket", on=task, floors=("new weights",)),
            beats("its signs, new magnitudes", "new weights", on=task),
            beats("ticket, step 0", "its signs, new magnitudes, step 0", on=task),
        ),
        panels=panels,
        contrast=("mask", "start"),
        replicates=20,
    )
