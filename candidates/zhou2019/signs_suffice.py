"""Of a ticket's initial weights the signs are what it needs (section 4.1)."""

from fractions import Fraction

from harness import DIGITS, Design, Scale, Source, beats, claim, matches, train

from .. import study as shared
from . import study

KEPT = Fraction(1, 20)
ROUNDS = 4


@claim(
    "zhou2019/signs-suffice",
    statement="""A ticket is as accurate from new magnitudes, or from one magnitude for all weights of a layer, as from
        its own initial weights if each weight keeps its sign; with its own magnitudes and random signs it is not.""",
    source=Source(version="arXiv 1905.01067 v4", place="section 4.1", published="direction only; levels unverified"),
    predicted={"micro": "reproduced"},
    deviations=(
        shared.DIGITS_SETTING,
        "Four rounds, layer by layer, to 5 % kept of every layer.",
        "The one magnitude is the standard deviation of a layer's weights at initialisation.",
    ),
)
def signs_suffice(scale: Scale) -> Design:
    """The ticket's mask from seven starts, and its controls."""
    ticket = shared.lenet_ticket(KEPT, ROUNDS)
    dense = train(ticket.network, ticket.task, ticket.recipe)
    linear = shared.linear(ticket.recipe)
    signs = {name: shared.again(ticket, start=start) for name, start in study.starts(dense).items()}
    return Design(
        arms={"dense": dense, "ticket": ticket, **signs, **shared.controls(ticket), "linear": linear},
        parts=(
            matches("its signs, new magnitudes", "ticket", on=DIGITS, floors=("linear",)),
            matches("its signs, one magnitude", "ticket", on=DIGITS, floors=("linear",)),
            beats("ticket", "its magnitudes, random signs", on=DIGITS),
        ),
        beside=(
            matches("its signs, values shuffled", "ticket", on=DIGITS, floors=("linear",)),
            beats("its signs, one magnitude", "random signs, one magnitude", on=DIGITS),
            beats("ticket", "new weights", on=DIGITS),
        ),
        contrast=("mask", "start"),
        replicates=20,
    )
