"""Masks that move while weights are trained against masks that stay (section 4, Figure 2)."""

from fractions import Fraction

from harness import (
    DIGITS,
    Adam,
    Design,
    Gradual,
    Keep,
    Recipe,
    Rewire,
    Scale,
    Source,
    Training,
    beats,
    claim,
    equals,
    erk,
    mlp,
    random_mask,
    train,
)

TASK = DIGITS
NET = mlp(TASK.inputs, 300, 100, TASK.classes)
SMALL = mlp(TASK.inputs, 32, 11, TASK.classes)  # 2,510 weights, a twentieth of the large net's
RECIPE = Recipe(optimiser=Adam(1.2e-3), steps=1000, batch=60)
KEPT, EVERY = Fraction(1, 20), 25


@claim(
    "evci2020/dynamic-beats-static",
    statement="""A sparse net whose mask moves during training, removing its smallest weights and growing others, ends
        more accurate than with a random mask that stays, and than a small dense net of as many weights.""",
    source=Source(
        version="arXiv 1911.11134; the authors' README",
        place="ResNet-50, 80 / 90 % removed",
        published="RigL 75.1 / 73.1 with Erdos-Renyi densities, 74.6 / 72.0 with equal ones, dense 76.8",
    ),
    predicted={"micro": "reproduced"},
    deviations=(
        "LeNet-300-100 on 8x8 digits; 1,000 steps of Adam; 5 % kept, rewired every 25 steps.",
        "Weights grow by gradients of one batch (RigL) or at random (SET), from 0; the share falls from .3.",
        "Shuffling a random mask that stays, or drawing its weights anew, gives the same arm: no further controls.",
    ),
)
def dynamic_beats_static(scale: Scale) -> Design:
    """Static, SET and RigL with equal and with Erdos-Renyi layer densities; small and dense; pruned on the way."""

    def at(keep: Keep, suffix: str) -> dict[str, Training]:
        mask = random_mask(NET, keep=keep)
        return {
            f"static{suffix}": train(NET, TASK, RECIPE, mask=mask),
            f"SET{suffix}": train(NET, TASK, RECIPE, mask=mask, learn=Rewire("random", every=EVERY)),
            f"RigL{suffix}": train(NET, TASK, RECIPE, mask=mask, learn=Rewire("gradient", every=EVERY)),
        }

    return Design(
        arms={
            "dense": train(NET, TASK, RECIPE),
            **at(erk(NET, KEPT), ""),
            **at(KEPT, ", equal"),
            "small": train(SMALL, TASK, RECIPE),
            "pruned on the way": train(NET, TASK, RECIPE, learn=Gradual(KEPT, begin=200, end=700, every=EVERY)),
            "linear": train(mlp(TASK.inputs, TASK.classes), TASK, RECIPE),
        },
        parts=(
            beats("RigL", "static", on=TASK),
            beats("SET", "static", on=TASK),
            beats("RigL", "small", on=TASK),
        ),
        beside=(
            equals("RigL", "SET", on=TASK, floors=("static",)),
            beats("RigL, equal", "static, equal", on=TASK),
            beats("RigL", "RigL, equal", on=TASK),
        ),
        contrast=("mask", "learn", "network"),
        replicates=10,
    )
