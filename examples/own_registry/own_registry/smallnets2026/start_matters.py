"""What the weights start from: the dense net's own start against another draw, under one mask."""

from harness import DIGITS, Design, Scale, Source, beats, claim, fresh, train

from . import study


@claim(
    "smallnets2026/start-matters",
    statement="A ticket with its own initial weights is better than one with initial weights of another draw.",
    source=Source(version="invented", place="this folder", published="none"),
    predicted={"micro": "reproduced"},
)
def start_matters(scale: Scale) -> Design:
    """Both have the mask of the largest weights."""
    again = train(study.NET, DIGITS, study.RECIPE, mask=study.MASK, start=fresh("reinit", draw=1), streams=study.ORDER)
    return Design(
        arms={"dense": study.DENSE, "ticket": study.TICKET, "reinitialised": again},
        parts=(beats("ticket", "reinitialised", on=DIGITS),),
        contrast=("start",),
    )
