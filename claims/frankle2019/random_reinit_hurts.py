"""The same masks with new initial weights (section 2, Figure 4)."""

from harness import Design, Published, Scale, Source, beats, claim

from . import study

DEVIATIONS = (
    "Accuracy after the last step; the paper's speed of learning is another claim.",
    "The band was chosen on pilots.",
)


@claim(
    "frankle2019/random-reinit-hurts",
    statement="""A winning ticket loses test accuracy when its mask is kept and its weights are drawn anew: the
        structure alone does not explain it.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="section 2, Figure 4",
        published="at 21 % kept .5 pp less accurate and 2.51 times slower; below the dense net at 21.1 % against 2.9 %",
    ),
    printed=(Published(value=0.5, of=("ticket", "random reinit"), task="MNIST", kept="21", trials=5),),
    predicted={"micro": "reproduced", "standard": "reproduced", "paper": "reproduced"},
    deviations={
        "micro": (
            "8x8 digits divided by 16 instead of MNIST; 600 steps instead of 50,000; 30 % removed a round.",
            *DEVIATIONS,
        ),
        "standard": (*study.SHORTENED, "Reinitialisations at five of twelve levels.", *DEVIATIONS),
        "paper": DEVIATIONS,
    },
)
def random_reinit_hurts(scale: Scale) -> Design:
    """Three reinitialisations a ticket, averaged before any test."""
    s = study.lenet(scale)
    task, near = s.setting.task, s.setting.near_paper
    return Design(
        arms={"dense": s.dense, "ticket": s.tickets, "random reinit": s.reinit},
        parts=(beats("ticket", "random reinit", on=task, band=s.setting.redrawn, published=0.5),),
        beside=(beats("ticket", "random reinit", on=task, band=near, label="near the paper's 21 % kept"),),
        contrast=("start",),
        replicates=s.setting.replicates,
    )
