"""What the claims of Frankle et al. 2019 share: a deep BatchNorm net, resetting to step 0 and to a later step."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from harness import (
    DIGIT_DIFFERENCE,
    SGD,
    Drops,
    Init,
    Recipe,
    Scale,
    Training,
    fresh,
    mlp,
    prune,
    random_mask,
    train,
    watch,
)

NET = mlp(128, *[64] * 8, 10, batch_norm=True, init=Init.KAIMING_NORMAL)
RECIPE = Recipe(
    optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-4),  # the paper's for ResNet-20
    steps=1500,
    batch=60,
    schedule=Drops((Fraction(3, 5), Fraction(4, 5))),
    validate_every=250,
)
LATE = 100  # the step that late resetting goes back to
DENSITIES = tuple(Fraction(2, 5) ** k for k in (1, 2, 3))  # 60 % of the rest goes a round, globally


@dataclass(frozen=True)
class Study:
    """The dense net, one training a round of each other arm, and the floors at the second round, 16 % kept."""

    dense: Training
    late: tuple[Training, ...]
    reset: tuple[Training, ...]
    reinit: tuple[Training, ...]
    random: Training
    linear: Training


@cache
def stabilising(scale: Scale, lr: float, rounds: int) -> Study:
    """Return the arms at learning rate `lr`; late resetting trains the remaining steps of the schedule only."""
    recipe = RECIPE.with_lr(lr)
    dense = train(NET, DIGIT_DIFFERENCE, recipe)
    late: list[Training] = []
    reset: list[Training] = []
    reinit = []
    for k, keep in enumerate(DENSITIES[:rounds], start=1):
        order = {"order": k}
        mask = prune(late[-1] if late else dense, keep=keep, scope="global")
        late.append(
            train(NET, DIGIT_DIFFERENCE, recipe, mask=mask, start=dense.at(LATE), first_step=LATE, streams=order)
        )
        mask = prune(reset[-1] if reset else dense, keep=keep, scope="global")
        reset.append(train(NET, DIGIT_DIFFERENCE, recipe, mask=mask, start=dense.at(0), streams=order))
        reinit.append(train(NET, DIGIT_DIFFERENCE, recipe, mask=mask, start=fresh("reinit", draw=k), streams=order))
    random = train(
        NET,
        DIGIT_DIFFERENCE,
        recipe,
        mask=random_mask(NET, keep=DENSITIES[1]),
        start=dense.at(LATE),
        first_step=LATE,
        streams={"order": 2},
    )
    linear = train(mlp(128, 10), DIGIT_DIFFERENCE, recipe)
    return Study(dense, tuple(late), tuple(reset), tuple(reinit), random, linear)


watch("frankle2019b/dense", lambda scale: stabilising(scale, 0.1, rounds=3).dense)
watch("frankle2019b/dense-low-rate", lambda scale: stabilising(scale, 0.01, rounds=2).dense)
watch("frankle2019b/late", lambda scale: stabilising(scale, 0.1, rounds=3).late[1])  # 16 % kept, reset to step 100
