"""At a high learning rate a ticket's own initial weights bring nothing (section 6)."""

from harness import DIGIT_DIFFERENCE, Arm, Design, Scale, Source, claim, equals, fresh, interaction, percent_kept

from .. import study


@claim(
    "liu2019/no-gain-at-high-lr",
    statement="""At a high learning rate a ticket trains to the same accuracy from new random weights as from its own
        initial ones; at a low one its own are ahead by more.""",
    source=Source(version="arXiv 1810.05270 v2", place="section 6", published="direction only; tables unverified"),
    predicted={"micro": "refuted"},
    deviations=(
        study.PAIRS_SETTING,
        "Rates .1 and .01 as there; 1,500 steps; rounds of 60 % of all weights, which compete, to 16 and 6.4 % kept.",
        study.BATCH_NORM,
        "Read at 16 % kept, nearer to the paper's levels; a first pilot at 6.4 % alone had the ticket 12 pp ahead.",
    ),
)
def no_gain_at_high_lr(scale: Scale) -> Design:
    """At each rate: the dense net, the ticket reset to step 0, its controls, a linear classifier."""
    task, band = DIGIT_DIFFERENCE, percent_kept("15", "17")
    arms: dict[str, Arm] = {}
    panels = {}
    for lr, at in ((0.1, ""), (0.01, ", lr .01")):
        dense, _, denser, ticket = study.deep_ladder(0, lr)
        of_rate: dict[str, Arm] = {f"dense{at}": dense, f"ticket{at}": (denser, ticket)}
        of_rate |= study.controls(ticket, suffix=at)
        of_rate[f"new weights{at}"] = (
            study.again(denser, start=fresh("reinit")),
            study.controls(ticket)["new weights"],
        )
        of_rate[f"linear{at}"] = study.linear(dense.recipe, pairs=True)
        arms |= of_rate
        panels[f"learning rate {lr:g}"] = tuple(of_rate)
    return Design(
        arms=arms,
        parts=(
            equals("ticket", "new weights", on=task, band=band, floors=("linear",)),
            interaction("ticket, lr .01", "new weights, lr .01", less=("ticket", "new weights"), on=task, band=band),
        ),
        beside=(
            equals("ticket", "new weights", on=task, band=percent_kept("6", "7"), floors=("linear",), label="6.4 %"),
        ),
        panels=panels,
        contrast=("mask", "start"),
        replicates=20,
    )
