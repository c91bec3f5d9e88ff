"""What the claims of Frankle & Carbin 2019, section 4, share: a deep BatchNorm net at two learning rates, and warm-up.

Network, recipe and rounds are those of frankle2019b at scale micro, with which trainings are shared.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from harness import (
    DIGIT_DIFFERENCE,
    SGD,
    Drops,
    Init,
    Recipe,
    Training,
    Warmup,
    fresh,
    mlp,
    percent_kept,
    prune,
    train,
)

TASK = DIGIT_DIFFERENCE
NET = mlp(128, *[64] * 8, 10, batch_norm=True, init=Init.KAIMING_NORMAL)
RECIPE = Recipe(
    optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-4),  # the paper's for ResNet and VGG-19
    steps=1500,
    batch=60,
    schedule=Drops((Fraction(3, 5), Fraction(4, 5))),
    validate_every=250,
)
KEPT = tuple(Fraction(2, 5) ** k for k in (1, 2, 3))  # of all weights, which compete globally as in section 4
AT_40, AT_16, AT_6 = percent_kept("39", "41"), percent_kept("15", "17"), percent_kept("6", "7")
DENSER = percent_kept("15", "41")  # the first two levels
WARMUP = 150  # steps, a tenth; the paper's 10,000 of 112,000 for VGG-19 at learning rate .1
BATCH_NORM = "BatchNorm is evaluated with moments of 1,000 fixed training inputs, not with running averages."
DEVIATIONS = (
    "An 8-layer BatchNorm MLP on the difference of two 8x8 digits instead of ResNet and VGG-19 on CIFAR-10.",
    "Rounds of 60 % instead of 20 %, output layer included; Kaiming instead of Glorot initialisation.",
    BATCH_NORM,
)


@dataclass(frozen=True)
class Deep:
    """The dense net, and one training a round of its tickets and of their reinitialisations."""

    dense: Training
    tickets: tuple[Training, ...]
    reinit: tuple[Training, ...]


def warmed_up(steps: int = WARMUP) -> Recipe:
    """Return the recipe with a warm-up of the learning rate over `steps` steps."""
    return replace(RECIPE, schedule=Warmup(steps, then=RECIPE.schedule))


@cache
def deep(*, lr: float = 0.1, warmup: int = 0) -> Deep:
    """Return the arms at learning rate `lr`, reached after `warmup` steps; tickets are reset to step 0."""
    recipe = warmed_up(warmup).with_lr(lr) if warmup else RECIPE.with_lr(lr)
    dense = train(NET, TASK, recipe)
    tickets: list[Training] = []
    reinit = []
    for k, keep in enumerate(KEPT, start=1):
        mask = prune(tickets[-1] if tickets else dense, keep=keep, scope="global")
        tickets.append(train(NET, TASK, recipe, mask=mask, start=dense.at(0), streams={"order": k}))
        reinit.append(train(NET, TASK, recipe, mask=mask, start=fresh("reinit", draw=k), streams={"order": k}))
    return Deep(dense, tuple(tickets), tuple(reinit))


def linear(lr: float) -> Training:
    """Return a linear classifier at learning rate `lr`."""
    return train(mlp(TASK.inputs, TASK.classes), TASK, RECIPE.with_lr(lr))
