"""Nets that learn XOR after they were pruned to two hidden units and reset (first draft)."""

from harness import XOR, Design, Scale, Source, beats, claim

from . import study


@claim(
    "frankle2018/xor-tickets",
    statement="""Nets of ten hidden units that are pruned to two and reset to their initial weights learn XOR more
        often than nets of two units drawn at random, and more often than the same tickets with new weights.""",
    source=Source(
        version="arXiv 1803.03635 v1",
        place="the experiments with XOR",
        published="91.5 % of the tickets against 49.1 % of nets with 2 units (unverified)",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        *study.DEVIATIONS,
        "Pruned at once, by the Euclidean norm of a unit's incoming weights after training.",
        "Tickets are of all nets of ten units, whether they had learned XOR or not.",
    ),
)
def xor_tickets(scale: Scale) -> Design:
    """New weights are drawn for nets of ten units and pruned as the tickets are."""
    return Design(
        arms={
            "10 units": study.block(10),
            "ticket": study.tickets(),
            "random reinit": study.reinitialised(),
            "2 units": study.block(2),
        },
        parts=(
            beats("ticket", "2 units", on=XOR, metric="converged"),
            beats("ticket", "random reinit", on=XOR, metric="converged"),
        ),
        contrast=("network", "mask", "start"),
    )
