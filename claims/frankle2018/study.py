"""What the claims of Frankle & Carbin's first draft share: blocks of tiny nets, of which a share learns XOR."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

from harness import XOR, Adam, Arm, Mask, Recipe, Scale, Training, fresh, mlp, prune, train

NETS = 100  # a replicate's block; the draft has 1,000 nets of a size
RECIPE = Recipe(optimiser=Adam(3e-2), steps=300, batch=4, validate_every=300)  # all four points in every step
DEVIATIONS = (
    "A replicate is a block of 100 nets and its value the share of them that converged; the draft has 1,000 nets.",
    "Two outputs instead of one, rectifiers, Glorot normal initialisation.",
    "300 steps of Adam at .03; on pilots neither more steps nor other rates changed the order.",
    "Converged is a net that answers all four points correctly after the last step.",
)


@cache
def block(hidden: int, recipe: Recipe = RECIPE) -> tuple[Training, ...]:
    """Return nets with `hidden` units that differ in nothing but their initial weights."""
    return tuple(train(mlp(2, hidden, 2), XOR, recipe, start=fresh("init", draw=i)) for i in range(NETS))


def pruned(net: Training) -> Mask:
    """Return the mask of two of the ten units."""
    return prune(net, keep=Fraction(1, 5), scope="unit")


@cache
def tickets(recipe: Recipe = RECIPE) -> tuple[Training, ...]:
    """Return the nets of ten units, pruned to two and reset."""
    return tuple(train(net.network, XOR, recipe, mask=pruned(net), start=net.at(0)) for net in block(10, recipe))


@cache
def reinitialised(recipe: Recipe = RECIPE) -> tuple[Training, ...]:
    """Return the same tickets with new weights."""
    return tuple(
        train(net.network, XOR, recipe, mask=pruned(net), start=fresh("reinit", draw=i))
        for i, net in enumerate(block(10, recipe))
    )


def grid(scale: Scale) -> dict[str, Arm]:
    """Return what pilots choose from: learning rates and steps."""
    arms: dict[str, Arm] = {}
    for lr, steps in ((0.01, 300), (0.03, 300), (0.1, 300), (0.03, 1000)):
        recipe = replace(RECIPE.with_lr(lr), steps=steps, validate_every=steps)
        arms |= {f"{k} units, lr {lr:g}, {steps} steps": block(k, recipe) for k in (10, 4, 2)}
    return arms
