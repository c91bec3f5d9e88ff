"""Masks searched with a reset after every round against masks searched without (appendix B)."""

from harness import Design, Scale, Source, Training, beats, claim, percent_kept, prune

from . import study

ROUNDS = (9, 10, 11)  # 4.4, 3.2 and 2.3 % kept


@claim(
    "frankle2019/reset-beats-continue",
    statement="""Resetting the weights after every round of pruning finds better tickets than training on from where
        they are: reset to the initial weights at last, both kinds of mask trained, the former are more accurate.""",
    source=Source(version="arXiv 1803.03635 v5", place="appendix B", published="direction only"),
    predicted={"micro": "reproduced"},
    deviations=(
        "8x8 digits divided by 16 instead of MNIST; 600 steps a round instead of 50,000; 30 % removed a round.",
        *study.DEVIATIONS,
    ),
)
def reset_beats_continue(scale: Scale) -> Design:
    """Both searches train as many steps a round, in the same data order, but from other weights."""
    s = study.lenet(scale)
    search: list[Training] = [s.dense]
    tickets = []
    for k, ticket in enumerate(s.tickets[: ROUNDS[-1]], start=1):
        mask = prune(search[-1], keep=s.setting.keep(k))
        search.append(study.again(ticket, mask=mask, start=search[-1].at("end")))
        if k in ROUNDS:
            tickets.append(study.again(ticket, mask=mask))
    return Design(
        arms={
            "dense": s.dense,
            "search with resets": [s.tickets[k - 1] for k in ROUNDS],
            "search without": tickets,
        },
        parts=(beats("search with resets", "search without", on=s.setting.task, band=percent_kept("2", "5")),),
        contrast=("mask",),
    )
