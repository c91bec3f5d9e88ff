"""Masks of a perceptron for signals, and how many neighbouring inputs its units keep."""

from fractions import Fraction
from functools import cache

from harness import MNIST1D, Adam, Arm, Mask, Recipe, Task, mlp, prune, shuffle, structure, train

NET = mlp(40, 300, 100, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=800, batch=100)
KEPT, REWIND = Fraction(1, 20), 25
LADDER = (*(Fraction(13, 20) ** k for k in range(1, 7)), KEPT)  # seven rounds


@cache
def iterative(task: Task) -> Mask:
    """Return the mask that iterative pruning finds on a task, rewound to an early step."""
    dense = found = train(NET, task, RECIPE)
    for k, keep in enumerate(LADDER, start=1):
        mask = prune(found, keep=keep)
        if keep != KEPT:
            start = dense.at(REWIND)
            found = train(NET, task, RECIPE, mask=mask, start=start, first_step=REWIND, streams={"order": k})
    return mask


def counted(mask: Mask, name: str) -> dict[str, Arm]:
    """Return the counts of a mask, and those with each unit's inputs, or each layer's places, shuffled."""
    return {
        name: structure(mask, MNIST1D),
        f"{name}, units shuffled": structure(shuffle(mask, within="unit"), MNIST1D),
        f"{name}, layer shuffled": structure(shuffle(mask), MNIST1D),
    }
