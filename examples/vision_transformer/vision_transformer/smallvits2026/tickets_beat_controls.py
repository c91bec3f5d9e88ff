"""What makes a transformer's ticket: its start against other weights, its places against shuffled ones."""

from harness import DIGITS, Design, Scale, Source, beats, claim, fresh, percent_kept, shuffle

from . import study

CONTROLS = (2, 3, 4)  # the rounds at which controls are trained: 25 to 6.2 % kept


@claim(
    "smallvits2026/tickets-beat-controls",
    statement="""Iterative pruning finds tickets in a vision transformer: with the initial weights of the dense net they
        are better than with new ones, and better than as many places at random in each layer.""",
    source=Source(version="invented", place="this folder", published="none"),
    predicted={"micro": "reproduced"},
)
def tickets_beat_controls(scale: Scale) -> Design:
    """Shuffled masks keep as many weights a layer, and start from the dense net's initial weights."""
    again = [study.trained(study.MASKS[k - 1], fresh("reinit", draw=1), k) for k in CONTROLS]
    shuffled = [study.trained(shuffle(study.MASKS[k - 1]), study.DENSE.at(0), k) for k in CONTROLS]
    late = percent_kept("6", "25")
    return Design(
        arms={"dense": study.DENSE, "ticket": study.TICKETS, "new weights": again, "shuffled": shuffled},
        parts=(
            beats("ticket", "new weights", on=DIGITS, band=late),
            beats("ticket", "shuffled", on=DIGITS, band=late),
        ),
        contrast=("start", "mask"),
    )
