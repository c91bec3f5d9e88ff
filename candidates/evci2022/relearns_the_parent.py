"""A ticket finds the solution again that it was pruned from (section 5, Table 2)."""

from dataclasses import replace
from fractions import Fraction

from harness import (
    DIGIT_DIFFERENCE,
    Design,
    Gradual,
    Scale,
    Source,
    Training,
    beats,
    between,
    claim,
    disagreement,
    fresh,
    mlp,
    train,
)

from .. import study

TASK = DIGIT_DIFFERENCE
NET = mlp(TASK.inputs, 300, 100, TASK.classes)
RECIPE = replace(study.ADAM, steps=1500)
PRUNING = Gradual(Fraction(3, 20), begin=375, end=900, every=25)  # in the paper, steps 3,000 to 7,000 of 11,719


@claim(
    "evci2022/relearns-the-parent",
    statement="""A ticket answers as the pruned net that its mask comes from, and no barrier lies between the two; a
        net with this mask and new weights answers differently on more examples, and lies behind a barrier.""",
    source=Source(
        version="arXiv 2010.03533; the authors' post",
        place="ResNet-50; LeNet-5 in its source",
        published="disagreement with the parent: ticket .094, new weights .203, other pruned net .162 (ResNet-50)",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "LeNet-300-100 on the difference of two digits; 1,500 steps of Adam; each layer pruned to 15 % on the way.",
        "Weights at step 0, as in the paper's LeNet-5; its ResNet-50 is rewound to an early step.",
    ),
)
def relearns_the_parent(scale: Scale) -> Design:
    """Each net by itself, its disagreement with the parent, and the path to it; an ensemble is the pair's mean."""
    parent = train(NET, TASK, RECIPE, learn=PRUNING)
    other = train(NET, TASK, RECIPE, start=fresh("reinit", draw=1), learn=PRUNING, streams={"order": 2})
    mask = parent.learned_mask()
    ticket = train(NET, TASK, RECIPE, mask=mask, streams={"order": 1})
    nets: dict[str, Training] = {
        "ticket": ticket,
        **study.controls(ticket),
        "other pruned": other,
    }
    return Design(
        arms={
            "parent": parent,
            **nets,
            **{f"{name}, with parent": disagreement(net, parent) for name, net in nets.items()},
            **{f"{name}, to parent": between(net, parent) for name, net in nets.items()},
        },
        parts=(
            beats("new weights, with parent", "ticket, with parent", on=TASK, metric="disagreement"),
            beats("other pruned, with parent", "ticket, with parent", on=TASK, metric="disagreement"),
            beats("ticket, to parent", "new weights, to parent", on=TASK, metric="stability"),
        ),
        beside=(
            beats("ticket", "new weights", on=TASK),
            beats(
                "other pruned, with parent",
                "ticket, with parent",
                on=TASK,
                metric="ensemble_accuracy",
                label="ensemble with other pruned beats with ticket",
            ),
        ),
        contrast=("mask", "start", "learn", "streams.order", "a"),
        replicates=10,
    )
