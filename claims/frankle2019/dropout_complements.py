"""Dropout helps the dense net, and iterative pruning helps further (section 3)."""

from dataclasses import replace

from harness import Arm, Design, Published, Scale, Source, beats, claim, mlp, percent_kept

from . import study_few

DROPPED = mlp(64, 300, 100, 10, dropout=0.5)
PRINTED = {"Conv-2": 2.1, "Conv-4": 3.0, "Conv-6": 2.4}  # of dense nets; of tickets no density is said


def grid(scale: Scale) -> dict[str, Arm]:
    """Return what pilots choose from: steps, with and without dropout."""
    arms: dict[str, Arm] = {}
    for steps in (600, 1200):
        recipe = replace(study_few.RECIPE, steps=steps)
        for name, net in (("plain", study_few.LENET), ("dropout", DROPPED)):
            s = study_few.few(net, recipe)
            arms |= {f"dense, {name}, {steps} steps": s.dense, f"ticket, {name}, {steps} steps": s.tickets}
    return arms


@claim(
    "frankle2019/dropout-complements",
    statement="""Dropout makes the dense net more accurate, and iterative pruning under dropout makes it more accurate
        still: the two complement each other.""",
    source=Source(
        version="arXiv 1803.03635 v5",
        place="section 3",
        published="Conv-2, Conv-4, Conv-6: dense +2.1, +3.0, +2.4 pp, tickets a further +2.3, +4.6, +4.7 pp",
    ),
    printed=[
        Published(value=value, of=("dense, dropout", "dense"), task="CIFAR-10", net=net)
        for net, value in PRINTED.items()
    ],
    version=2,
    predicted={"micro": "refuted"},
    deviations=(
        "LeNet-300-100 instead of Conv-2, Conv-4 and Conv-6; 600 steps, batches of 50.",
        study_few.FEW,
        "40 % of the hidden layers and 20 % of the output layer removed a round, three rounds; all are read.",
    ),
    pilot=grid,
)
def dropout_complements(scale: Scale) -> Design:
    """The rate is the paper's, .5 after both hidden layers.

    Version 2 has 30 replicates; 10 had left it open.
    """
    plain, dropped = study_few.few(study_few.LENET), study_few.few(DROPPED)
    return Design(
        arms={
            "dense": plain.dense,
            "ticket": plain.tickets,
            "dense, dropout": dropped.dense,
            "ticket, dropout": dropped.tickets,
        },
        parts=(
            beats("dense, dropout", "dense", on=study_few.TASK, published=2.5),
            beats("ticket, dropout", "dense, dropout", on=study_few.TASK, band=percent_kept("20", "65")),
        ),
        contrast=("mask", "streams.order", "network.layers"),
        replicates=30,
    )
