"""Retraining by the learning rates of earlier steps, from trained weights, against two other ways (section 4)."""

from dataclasses import replace

from harness import (
    DIGIT_DIFFERENCE,
    Arm,
    Constant,
    Design,
    Scale,
    Source,
    beats,
    claim,
    matches,
    percent_kept,
    prune,
    train,
)

from .. import study

LATE = 100  # the step that weights are rewound to
RATES = (0.001, 0.01, 0.03)  # of fine-tuning; the first is the recipe's last rate


@claim(
    "renda2020/lr-rewinding-best",
    statement="""Of three ways to retrain a pruned net for as many steps, going through the learning rates again from
        trained weights is no worse than from the weights of an early step, and better than fine-tuning at any
        constant rate.""",
    source=Source(
        version="arXiv 2003.02389, released data",
        place="ResNet-20, iterative pruning, 16.8 % kept",
        published="rewound to 0 88.6, weights to epoch 12 91.3, learning rates 91.8, fine-tuned 90.0, dense 91.7",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        study.PAIRS_SETTING,
        "Weights are rewound to step 100 of 1,500; 40, 16 and 6.4 % are kept, and all layers compete.",
        "Beside fine-tuning at the last rate of the schedule, two other rates, so that a good one can close the gap.",
        study.BATCH_NORM,
    ),
)
def lr_rewinding_best(scale: Scale) -> Design:
    """Each way prunes and retrains three times, by itself; controls are of the ticket of weight rewinding."""
    task, band = DIGIT_DIFFERENCE, percent_kept("6", "17")
    dense, *rewound = study.deep_ladder(LATE)
    arms: dict[str, Arm] = {"dense": dense, "weights rewound": rewound, "reset to 0": study.deep_ladder(0)[1:]}
    tuned = {f"fine-tuned at {lr:g}": replace(dense.recipe.with_lr(lr), schedule=Constant()) for lr in RATES}
    for name, recipe in {"rates rewound": dense.recipe, **tuned}.items():
        ladder = [dense]
        for k, keep in enumerate(study.KEPT, start=1):
            mask, end = prune(ladder[-1], keep=keep, scope="global"), ladder[-1].at("end")
            order = {"order": k}
            ladder.append(train(dense.network, task, recipe, mask=mask, start=end, first_step=LATE, streams=order))
        arms[name] = ladder[1:]
    controls = [study.controls(ticket) for ticket in rewound[1:]]
    arms |= {name: [each[name] for each in controls] for name in study.CONTROLS}
    return Design(
        arms=arms | {"linear": study.linear(dense.recipe, pairs=True)},
        parts=(
            matches("rates rewound", "weights rewound", on=task, band=band, floors=("random mask",)),
            *(beats("rates rewound", name, on=task, band=band) for name in tuned),
        ),
        contrast=("mask", "start", "recipe.optimiser.lr", "recipe.schedule"),
        replicates=20,
    )
