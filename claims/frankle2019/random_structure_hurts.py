"""The ticket's connections against the same number at random places (appendix E)."""

from harness import Design, Scale, Source, beats, claim, percent_kept, shuffle

from . import study

ROUNDS = (8, 9, 10)  # 6.2, 4.4 and 3.2 % kept


@claim(
    "frankle2019/random-structure-hurts",
    statement="""In a fully connected network it matters which connections a ticket keeps: with new weights in both, its
        mask trains to a higher test accuracy than one whose places are shuffled within each layer.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="appendix E",
        published="direction only; for convolutional networks no difference",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "8x8 digits divided by 16 instead of MNIST; 600 steps instead of 50,000; 30 % removed a round.",
        """Shuffled masks get the new weights of the reinitialised ticket, not the initial ones: at random places both
        are independent draws of one distribution.""",
        "The convolutional networks, for which the paper finds no difference, are left out.",
        *study.DEVIATIONS,
    ),
)
def random_structure_hurts(scale: Scale) -> Design:
    """Three draws of weights and of places a round, averaged before any test; a draw has the same weights in both."""
    s = study.lenet(scale)
    reinit = [s.redraws(k) for k in ROUNDS]
    structure = [
        study.again(node, mask=shuffle(study.mask_of(node), draw=i)) for nodes in reinit for i, node in enumerate(nodes)
    ]
    return Design(
        arms={
            "dense": s.dense,
            "ticket": [s.tickets[k - 1] for k in ROUNDS],
            "random reinit": [node for nodes in reinit for node in nodes],
            "random structure": structure,
        },
        parts=(beats("random reinit", "random structure", on=s.setting.task, band=percent_kept("3", "6.5")),),
        beside=(beats("ticket", "random structure", on=s.setting.task, band=percent_kept("3", "6.5")),),
        contrast=("mask", "start"),
    )
