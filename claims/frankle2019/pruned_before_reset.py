"""Dense net, pruned net and retrained ticket side by side (asked by readers of section 2)."""

from harness import Design, Scale, Source, beats, claim, evaluate, only_beyond, percent_kept

from . import study

ROUNDS = (1, 2, 4, 6, 8, 10)  # one-shot at 70, 49, 25, 12, 6.2 and 3.2 % kept


@claim(
    "frankle2019/pruned-before-reset",
    statement="""Pruned once, a trained net needs no retraining while it has half of its weights; with a thirtieth of
        them it is less accurate than the same mask reset to its initial weights and retrained, and that less than the
        dense net.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="section 2: nets are pruned, reset and retrained, and never shown in between",
        published="none",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "The sentence is not the paper's: its readers ask what a net is like before the reset.",
        "8x8 digits divided by 16 instead of MNIST; 600 steps instead of 50,000.",
        "Pruned once, not iteratively, so that the dense net, the pruned net and the ticket are of one chain.",
        *study.DEVIATIONS,
    ),
)
def pruned_before_reset(scale: Scale) -> Design:
    """The pruned net has the trained weights of the dense net and the mask of the ticket; nothing is trained for it."""
    s = study.lenet(scale)
    net, task, thirtieth = s.setting.net, s.setting.task, percent_kept("3", "3.5")
    retrained = [s.one_shot[k - 1] for k in ROUNDS]
    pruned = [evaluate(net, task, weights=s.dense.at("end"), mask=study.mask_of(ticket)) for ticket in retrained]
    return Design(
        arms={"dense": s.dense, "pruned": pruned, "retrained": retrained, "linear": s.linear},
        parts=(
            *only_beyond(
                "retrained",
                "pruned",
                on=task,
                beyond=thirtieth,
                before=percent_kept("49", "71"),
                floors=("linear",),
                margin=task.margin_pp,
            ),
            beats("dense", "retrained", on=task, band=thirtieth),
        ),
        contrast=("training", "mask", "streams.order"),
        replicates=20,
    )
