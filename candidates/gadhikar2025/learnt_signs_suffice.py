"""A mask needs the signs that its ticket learns, and not the ticket's magnitudes (section 3)."""

from fractions import Fraction

from harness import DIGITS, Design, Scale, Source, Start, Training, beats, claim, combine, equals, fresh, matches

from .. import study

KEPT, ROUNDS = Fraction(1, 20), 5


@claim(
    "gadhikar2025/learnt-signs-suffice",
    statement="""A ticket's mask with new random magnitudes trains to the ticket's accuracy if they have the signs with
        which the trained ticket ends, and falls behind it with random signs.""",
    source=Source(version="arXiv 2504.12801", place="abstract", published="direction only"),
    predicted={"micro": "reproduced"},
    deviations=(
        study.DIGITS_SETTING,
        "Five rounds to 5 % kept of each layer, reset to step 0.",
        "Signs are given and not found: the paper's reparameterisation, which finds them, has no arm.",
    ),
)
def learnt_signs_suffice(scale: Scale) -> Design:
    """New magnitudes under learnt, initial and random signs; one magnitude a layer; learnt signs under other places."""
    ticket = study.lenet_ticket(KEPT, ROUNDS)
    assert ticket.start is not None

    def start(start: Start) -> Training:
        return study.again(ticket, start=start)

    learnt = combine("signs of the first", ticket, fresh("reinit"))
    return Design(
        arms={
            "dense": study.lenet_ticket(Fraction(1), 0),
            "ticket": ticket,
            "learnt signs": start(learnt),
            "initial signs": start(combine("signs of the first", ticket.start, fresh("reinit"))),
            "learnt signs, one magnitude": start(combine("signs and one magnitude", ticket, fresh("reinit"))),
            **study.controls(ticket),
            "linear": study.linear(study.ADAM),
        },
        parts=(
            matches("learnt signs", "ticket", on=DIGITS, floors=(study.RANDOM,)),
            beats("learnt signs", study.NEW, on=DIGITS),
        ),
        beside=(
            beats("learnt signs", "initial signs", on=DIGITS),
            equals("learnt signs, one magnitude", "learnt signs", on=DIGITS, floors=(study.RANDOM,)),
        ),
        contrast=("mask", "start"),
        replicates=20,
    )
