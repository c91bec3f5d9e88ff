"""Winning tickets against the dense network, near a fifth of its weights (section 2, Figure 4)."""

from harness import Design, Scale, Source, Training, beats, claim, matches, percent_kept, random_mask

from . import study

ROUNDS = (4, 5)  # 24.6 and 17.4 % kept
TOO_FEW = 10  # 3.2 % kept


@claim(
    "frankle2019/tickets-match",
    statement="""Pruned iteratively to a fifth of its weights and reset to its initial ones, a network trains to no
        less test accuracy than the dense network.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="section 2, Figure 4",
        published="more than .3 pp above the dense net at 13.5 % kept, back at its accuracy at 3.6 %",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "8x8 digits divided by 16 instead of MNIST; 600 steps instead of 50,000; 30 % removed a round.",
        "A fifth is read as the mean of the two rounds about it, which keep 24.6 and 17.4 %.",
        *study.DEVIATIONS,
        "The first ten replicates' dense nets and tickets were trained for other claims before this one was written.",
    ),
)
def tickets_match(scale: Scale) -> Design:
    """Floors are a linear classifier and a random mask of a thirtieth; one of as many weights is beside."""
    s = study.lenet(scale)
    task, near, at = s.setting.task, percent_kept("17", "25"), percent_kept("17", "18")
    floors = ("linear", "too few at random")

    def at_random(rounds: int) -> Training:
        return study.again(s.tickets[rounds - 1], mask=random_mask(s.setting.net, keep=s.setting.keep(rounds)))

    return Design(
        arms={
            "dense": s.dense,
            "ticket": [s.tickets[k - 1] for k in ROUNDS],
            "random mask": [at_random(k) for k in ROUNDS],
            "too few at random": at_random(TOO_FEW),
            "linear": s.linear,
        },
        parts=(matches("ticket", "dense", on=task, band=near, floors=floors, bound=task.margin_pp),),
        beside=(
            matches("ticket", "dense", on=task, band=at, floors=floors, label="at 17.4 % kept", bound=task.margin_pp),
            beats("ticket", "random mask", on=task, band=near),
        ),
        contrast=("mask", "start", "streams.order"),
        replicates=30,
    )
