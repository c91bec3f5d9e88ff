"""What the claims of Han et al. 2015 share: a net trained with a penalty, pruned by deviations, and retrained."""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from harness import (
    DIGITS,
    SGD,
    Arm,
    Constant,
    Drops,
    Evaluation,
    Mask,
    Recipe,
    Scale,
    Training,
    evaluate,
    fresh,
    mlp,
    prune,
    random_mask,
    train,
)

DEVIATIONS = (
    "A net 300-100 on 8x8 digits divided by 16 instead of LeNet-300-100 on MNIST: 50,200 weights instead of 266,200.",
    "600 steps of SGD with momentum .9 at .3, from step 400 at .03; retrained for 600 at .03, a tenth of the original.",
    "Learning rate and L2, 1e-3, were chosen on pilots.",
    "The quality of a layer's threshold is solved for, so that a density is exact; the paper sets it.",
    "No dropout, so none to lower when retraining.",
    "Neurons without inputs or outputs are left in; they pass on a constant, or nothing.",
)

NET = mlp(64, 300, 100, 10)
RECIPE = Recipe(
    optimiser=SGD(0.3, momentum=0.9), steps=600, batch=60, schedule=Drops((Fraction(2, 3),)), validate_every=200
)
L2 = 1e-3
L1 = 2e-4  # the strongest tried on pilots at which the dense net is as accurate
BY_L2, BY_L1 = replace(RECIPE, l2=L2), replace(RECIPE, l1=L1)

ROUNDS = 3  # of iterative pruning
RATIOS = (Fraction(1, 3), Fraction(3, 10), Fraction(1, 4))  # kept of what is left, a round
DENSITIES = (*(Fraction(1, n) for n in (2, 5, 8, 12, 16)), *(ratio**ROUNDS for ratio in RATIOS))
NEAR = DENSITIES[:5]  # half to a sixteenth, for claims about a tenth
SECOND = {"order": 1}  # retraining has another draw of the data order than training


@dataclass(frozen=True)
class Study:
    """The dense net, and for each density the net pruned to it at once: as it is, and retrained."""

    dense: Training
    unretrained: tuple[Evaluation, ...]
    retrained: tuple[Training, ...]


def retraining(recipe: Recipe) -> Recipe:
    """Return `recipe` at a tenth of its rate throughout (section 3: of the original one)."""
    return replace(recipe.with_lr(recipe.optimiser.lr / 10), schedule=Constant())


def pruned(training: Training, keep: Fraction) -> Mask:
    """Return the mask of the weights above one quality times the deviation of their layer (section 3)."""
    return prune(training, keep=keep, scope="global", by="std")


@cache
def lenet(recipe: Recipe = BY_L2, densities: tuple[Fraction, ...] = DENSITIES) -> Study:
    """Return the arms of section 4; `recipe` has the penalty, for training and for retraining."""
    dense = train(NET, DIGITS, recipe)
    end, masks = dense.at("end"), [pruned(dense, keep) for keep in densities]
    return Study(
        dense,
        tuple(evaluate(NET, DIGITS, weights=end, mask=mask) for mask in masks),
        tuple(train(NET, DIGITS, retraining(recipe), mask=mask, start=end, streams=SECOND) for mask in masks),
    )


def iterative() -> list[Training]:
    """Return nets pruned in `ROUNDS` rounds, each keeping one of `RATIOS` of what is left.

    A round retrains for its share of the single step's steps, in the same order, so that both are trained equally long.
    """
    recipe = retraining(BY_L2)
    found = []
    for ratio in RATIOS:
        net = lenet().dense
        for k in range(ROUNDS):
            net = train(
                NET,
                DIGITS,
                replace(recipe, steps=recipe.steps * (k + 1) // ROUNDS),
                mask=pruned(net, ratio ** (k + 1)),
                start=net.at("end"),
                first_step=recipe.steps * k // ROUNDS,
                streams=SECOND,
            )
        found.append(net)
    return found


def reinitialised(densities: tuple[Fraction, ...]) -> list[Training]:
    """Return the pruned nets with new weights, trained as long as dense and retrained net together, at those rates."""
    recipe = replace(BY_L2.longer(2), schedule=Drops((Fraction(1, 3),)))  # at step 400 too
    dense = lenet().dense
    return [
        train(NET, DIGITS, recipe, mask=pruned(dense, keep), start=fresh("reinit"), streams=SECOND)
        for keep in densities
    ]


def lengths(scale: Scale) -> dict[str, Arm]:
    """Return what pilots choose from: how long a net is retrained, and in how many rounds it is pruned."""
    dense = lenet().dense
    arms: dict[str, Arm] = {"dense": dense}
    for longer in (1, 2, 4):
        recipe = retraining(BY_L2.longer(longer))
        arms[f"retrained for {recipe.steps} steps"] = [
            train(NET, DIGITS, recipe, mask=pruned(dense, keep), start=dense.at("end"), streams=SECOND)
            for keep in (Fraction(1, 12), Fraction(1, 16))
        ]
    for steps in (200, 600):
        recipe = replace(retraining(BY_L2), steps=steps)
        net = dense
        for k, keep in enumerate((Fraction(1, 2), Fraction(1, 5), Fraction(1, 12)), start=1):
            net = train(NET, DIGITS, recipe, mask=pruned(net, keep), start=net.at("end"), streams={"order": k})
        arms[f"three times pruned and retrained for {steps} steps"] = net
    return arms


def any_twelfth() -> Training:
    """Return the net that keeps any twelfth of its weights, retrained: a floor."""
    mask = random_mask(NET, keep=Fraction(1, 12))
    return train(NET, DIGITS, retraining(BY_L2), mask=mask, start=lenet().dense.at("end"), streams=SECOND)


def any_fifth() -> Evaluation:
    """Return the net that keeps any fifth of its weights, as it is: a floor."""
    return evaluate(NET, DIGITS, weights=lenet().dense.at("end"), mask=random_mask(NET, keep=Fraction(1, 5)))


def strengths(scale: Scale) -> dict[str, Arm]:
    """Return what pilots choose from: strengths of the penalties."""
    arms: dict[str, Arm] = {}
    tried = {f"L1 {l1:g}": replace(RECIPE, l1=l1) for l1 in (3e-5, 1e-4, 2e-4)}
    tried |= {f"L2 {l2:g}": replace(RECIPE, l2=l2) for l2 in (1e-3, 3e-3)}
    for name, recipe in tried.items():
        s = lenet(recipe, (Fraction(1, 5), Fraction(1, 8), Fraction(1, 12)))
        arms |= {f"{name}: dense": s.dense, f"{name}: unretrained": s.unretrained, f"{name}: retrained": s.retrained}
    return arms
