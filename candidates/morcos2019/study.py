"""What Morcos et al. 2019 and Mehta 2019 share: a ticket found on half of the classes, and the task of the others.

Both halves have five classes, so that one network serves; a net that moves to the other half gets a new output layer.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from harness import MNIST1D, Adam, Init, Mask, Recipe, Start, Training, fresh, graft, mlp, prune, subset, train

from .. import study

SOURCE = subset(MNIST1D, (0, 1, 2, 3, 4), train=1900, validation=400, test=5500)
TARGET = subset(MNIST1D, (5, 6, 7, 8, 9), train=1900, validation=400, test=5500)
NET = mlp(40, 200, 200, 5, init=Init.TORCH_DEFAULT)
HIDDEN = ("fc1", "fc2")  # what is pruned; the output layer is new on other data
RECIPE = Recipe(optimiser=Adam(5e-3), steps=1000, batch=100)
LATE = 50
KEPT = (Fraction(2, 5), Fraction(4, 25), Fraction(8, 125))  # of the hidden layers, a round each
SETTING = "Halves of MNIST-1D's classes and an MLP of two hidden layers of 200 units instead of the paper's."


@dataclass(frozen=True)
class Half:
    """The dense net on one half of the classes, and its tickets, one a round, reset to step `LATE`."""

    dense: Training
    tickets: tuple[Training, ...]


@cache
def half(*, source: bool) -> Half:
    """Return the nets of the half that tickets come from, or of the half that they go to."""
    task = SOURCE if source else TARGET
    dense = train(NET, task, RECIPE)
    tickets: list[Training] = []
    for k, keep in enumerate(KEPT, start=1):
        mask = prune(tickets[-1] if tickets else dense, keep=keep, scope="global", among=HIDDEN)
        start = dense.at(LATE)
        tickets.append(train(NET, task, RECIPE, mask=mask, start=start, first_step=LATE, streams={"order": k}))
    return Half(dense, tuple(tickets))


def moved(mask: Mask, weights: Start, rounds: int) -> Training:
    """Return a training on the other half under `mask`, from `weights` with a new output layer."""
    start = graft(weights, fresh("reinit", draw=9), layers=("output",))
    return train(NET, TARGET, RECIPE, mask=mask, start=start, first_step=LATE, streams={"order": rounds})


def linear() -> Training:
    """Return a linear classifier of the half that tickets go to, the floor."""
    return train(mlp(40, 5), TARGET, RECIPE)


def along(arms: list[dict[str, Training]]) -> dict[str, list[Training]]:
    """Return the arms of several rounds, each along its densities."""
    return {name: [each[name] for each in arms] for name in arms[0]}


def with_controls(ticket: Training, name: str) -> dict[str, Training]:
    """Return a ticket by its name, and its controls."""
    return {name: ticket, **study.controls(ticket)}
