"""Where the weights stand: the largest ones of a trained net against as many at random."""

from harness import DIGITS, Design, Scale, Source, beats, claim, random_mask, train

from . import study


@claim(
    "smallnets2026/largest-beat-random",
    statement="The largest weights of a trained net make a better ticket than as many weights chosen at random.",
    source=Source(version="invented", place="this folder", published="none"),
    predicted={"micro": "reproduced"},
)
def largest_beat_random(scale: Scale) -> Design:
    """Both begin with the dense net's initial weights."""
    mask = random_mask(study.NET, keep=study.KEEP)
    random = train(study.NET, DIGITS, study.RECIPE, mask=mask, start=study.DENSE.at(0), streams=study.ORDER)
    return Design(
        arms={"dense": study.DENSE, "ticket": study.TICKET, "random": random},
        parts=(beats("ticket", "random", on=DIGITS),),
        contrast=("mask",),
    )
