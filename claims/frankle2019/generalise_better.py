"""Tickets generalise better at equal training accuracy (section 2, Figure 4b)."""

from harness import (
    Design,
    Evaluation,
    Scale,
    Source,
    Training,
    beats,
    claim,
    evaluate,
    matches,
    mlp,
    percent_kept,
    train,
)

from . import study_few


def trained(net: Training) -> Evaluation:
    """Return accuracy at the end, on training images too."""
    return evaluate(net.network, net.task, weights=net.at("end"), mask=net.mask, split="train")


@claim(
    "frankle2019/generalise-better",
    statement="""Where dense net and winning tickets answer all training images right, the tickets are more accurate on
        test images.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="section 2, Figure 4b",
        published="at step 50,000, where training accuracy is 100 %, tickets are up to .35 pp more accurate",
    ),
    version=2,
    predicted={"micro": "refuted"},
    deviations=(
        "600 steps instead of 50,000, batches of 50.",
        study_few.FEW,
        "40 % removed a round (20 % in the output layer) instead of 20 and 10 %; the three levels are read together.",
        "The paper's .35 pp is itself less than the smallest effect of interest on digits, .4 pp.",
    ),
)
def generalise_better(scale: Scale) -> Design:
    """Training accuracy stands beside: where it is 100 % in all replicates it has no spread, and could not decide.

    Version 2 has 30 replicates, planned for all claims of the paper; 20 had left it open among them.
    """
    s, task, levels = study_few.few(study_few.LENET), study_few.TASK, percent_kept("20", "65")
    return Design(
        arms={
            "dense": trained(s.dense),
            "ticket": [trained(ticket) for ticket in s.tickets],
            "linear": trained(train(mlp(64, 10), task, study_few.RECIPE)),
        },
        parts=(beats("ticket", "dense", on=task, band=levels, published=0.35),),
        beside=(
            matches(
                "ticket",
                "dense",
                on=task,
                band=levels,
                metric="train_accuracy",
                floors=("linear",),
                bound=task.margin_pp,
            ),
        ),
        contrast=("mask", "weights"),
        replicates=30,
    )
