"""A ticket's mask fits other initial weights once its units are matched to theirs (section 4)."""

from fractions import Fraction

from harness import (
    DIGITS,
    Axis,
    Design,
    Scale,
    Source,
    Training,
    beats,
    claim,
    fresh,
    interaction,
    mlp,
    prune,
    shuffle,
    train,
)

from .. import study
from .study import CLASSES, INPUTS, units

WIDTHS, KEPT, ROUNDS = (50, 200), Fraction(1, 20), (Fraction(2, 5), Fraction(3, 20), Fraction(1, 20))
OTHER = fresh("reinit")


def ticket(dense: Training) -> Training:
    """Return the ticket of a dense net, reset to where that started."""
    found = dense
    for k, keep in enumerate(ROUNDS, start=1):
        mask = prune(found, keep=keep)
        found = train(dense.network, DIGITS, study.ADAM, mask=mask, start=dense.start, streams={"order": k})
    return found


def at(width: int) -> dict[str, Training]:
    """Return the arms of a width, all tickets in the order of data of the last round."""
    net = units(INPUTS, width)
    dense, second = train(net, DIGITS, study.ADAM), train(net, DIGITS, study.ADAM, start=fresh("reinit"))
    first, own = ticket(dense), ticket(second)
    naive = study.mask_of(first)
    matched = prune(second, keep=KEPT, by="adnan2025/aligned", also={"ticket": first, "dense": dense})
    return {
        "dense": dense,
        "ticket": first,
        "second's own ticket": own,
        "naive": study.again(own, mask=naive),
        "permuted": study.again(own, mask=matched),
        "shuffled": study.again(first, mask=shuffle(naive)),
        "random": study.again(own, mask=shuffle(naive)),
    }


@claim(
    "adnan2025/permuted-masks-fit",
    statement="""A ticket's mask trains to a higher accuracy from another net's initial weights if its units are put in
        the order of those of that net that they match best, and comes near to the ticket.""",
    source=Source(version="arXiv 2505.05143", place="abstract", published="direction only"),
    predicted={"micro": "refuted"},
    deviations=(
        study.DIGITS_SETTING,
        "One hidden layer of 50 or 200 units, whose incoming and outgoing weights are pruned together; 5 % kept.",
        "Three rounds, reset to step 0. Units are matched once, by the weights of both trained dense nets.",
        "Predicted to be refuted: on a pilot the permuted mask was no better than the naive one at 50 units.",
    ),
)
def permuted_masks_fit(scale: Scale) -> Design:
    """By width: two dense nets, a ticket of each, and the first one's mask on the second's initial weights."""
    arms = {width: at(width) for width in WIDTHS}
    return Design(
        arms={name: {width: arms[width][name] for width in WIDTHS} for name in arms[WIDTHS[0]]}
        | {"linear": {WIDTHS[0]: train(mlp(INPUTS, CLASSES), DIGITS, study.ADAM)}},
        axis=Axis("width", unit="units"),
        parts=(
            beats("permuted", "naive", on=DIGITS),
            interaction("permuted", "naive", less=("ticket", "permuted"), on=DIGITS),
        ),
        beside=(beats("ticket", "naive", on=DIGITS), beats("naive", "random", on=DIGITS)),
        contrast=("mask", "start"),
        replicates=10,
    )
