"""At a high learning rate a ticket's own initial weights bring nothing (section 6)."""

from harness import DIGIT_DIFFERENCE, Design, Scale, Source, claim, equals, interaction

from .. import study


@claim(
    "liu2019/no-gain-at-high-lr",
    statement="""At a high learning rate a ticket trains to the same accuracy from new random weights as from its own
        initial ones; at a low one its own are ahead by more.""",
    source=Source(version="arXiv 1810.05270 v2", place="section 6", published="direction only; tables unverified"),
    predicted={"micro": "refuted"},
    deviations=(
        study.PAIRS_SETTING,
        "Rates .1 and .01 as there; 1,500 steps; three rounds of 60 % of all weights, which compete, to 6.4 % kept.",
        study.BATCH_NORM,
        "Predicted to be refuted: pilots of the same net for another paper had the ticket ahead at rate .1.",
    ),
)
def no_gain_at_high_lr(scale: Scale) -> Design:
    """At each rate: the dense net, the ticket reset to step 0, its four controls, a linear classifier."""
    task = DIGIT_DIFFERENCE
    arms, panels = {}, {}
    for lr, at in ((0.1, ""), (0.01, ", lr .01")):
        dense, *_, ticket = study.deep_ladder(0, lr)
        floor = study.linear(dense.recipe, pairs=True)
        of_rate = {
            f"dense{at}": dense,
            f"ticket{at}": ticket,
            **study.controls(ticket, suffix=at),
            f"linear{at}": floor,
        }
        arms |= of_rate
        panels[f"learning rate {lr:g}"] = tuple(of_rate)
    return Design(
        arms=arms,
        parts=(
            equals("ticket", "new weights", on=task, floors=("linear",)),
            interaction("ticket, lr .01", "new weights, lr .01", less=("ticket", "new weights"), on=task),
        ),
        panels=panels,
        contrast=("mask", "start"),
        replicates=20,
    )
