"""Tickets match a dense net the more easily the less it was trained (section 3)."""

from harness import DIGIT_DIFFERENCE, Axis, Design, Scale, Source, Training, beats, claim

from .. import study

STEPS = (300, 900, 2700)


@claim(
    "ma2021/undertraining-flatters",
    statement="""The longer a net and its ticket are trained, both for as many steps, the further the ticket falls
        behind the dense net.""",
    source=Source(version="arXiv 2107.00166", place="opening", published="direction only; tables unverified"),
    predicted={"micro": "refuted"},
    deviations=(
        study.PAIRS_SETTING,
        "300, 900 and 2,700 steps instead of 78 and 160 epochs.",
        "Three rounds of 60 % of all weights, which compete, to 6.4 % kept; reset to 0.",
        "Predicted to be refuted: in pilots the ticket was 13, 4 and 7 pp behind after these steps.",
        study.BATCH_NORM,
    ),
)
def undertraining_flatters(scale: Scale) -> Design:
    """Arms along the steps of training, in which the mask is searched too: dense, ticket, its four controls."""
    arms: dict[str, dict[int, Training]] = {}
    for steps in STEPS:
        dense, *_, ticket = study.deep_ladder(0, steps=steps)
        for name, arm in {"dense": dense, "ticket": ticket, **study.controls(ticket)}.items():
            arms.setdefault(name, {})[steps] = arm
    return Design(
        arms=arms,
        axis=Axis("steps", unit="steps"),
        parts=(beats("dense", "ticket", on=DIGIT_DIFFERENCE, reading="slope"),),
        contrast=("mask", "start", "streams.order"),
        replicates=10,
    )
