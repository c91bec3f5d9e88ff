"""A net whose hidden units can be put in another order, and a ticket's mask put in the order of another net's units."""

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor, empty, nn, relu

from harness import criterion, network

INPUTS, CLASSES = 64, 10


class Units(nn.Module):
    """A perceptron of one hidden layer; a column of `units` has a unit's incoming, then its outgoing weights."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.units = nn.Parameter(empty(inputs + CLASSES, hidden))
        self.hidden, self.output = nn.Parameter(empty(hidden)), nn.Parameter(empty(CLASSES))
        self.inputs = inputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of images, shape (examples, inputs)."""
        return relu(x @ self.units[: self.inputs] + self.hidden) @ self.units[self.inputs :].T + self.output


def _initial(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    """Return normal weights of variance 2 / inputs and 2 / units, and biases of 0."""
    if name != "units":
        return 0.0
    spread = np.full((shape[0], 1), sqrt(2 / INPUTS))
    spread[INPUTS:] = sqrt(2 / shape[1])
    return rng.normal(size=shape) * spread


@network("adnan2025/units", prunable=lambda name, shape: name == "units", initial=_initial)
def units(inputs: int, hidden: int) -> nn.Module:
    """Return the perceptron."""
    return Units(inputs, hidden)


@criterion("adnan2025/aligned")
def aligned(weights: NDArray[Any], alive: NDArray[np.bool_], ticket: NDArray[Any], dense: NDArray[Any]) -> NDArray[Any]:
    """Return the ticket's magnitudes, in the order that brings the units of its dense net nearest to `weights`."""
    _, order = linear_sum_assignment(weights.T @ dense, maximize=True)
    return np.asarray(np.abs(ticket[:, order]))
