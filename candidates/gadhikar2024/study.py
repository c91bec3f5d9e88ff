"""One hidden neuron a·relu(w·x), and inputs of which only the first one says anything."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, cat, nn, relu, zeros_like

from harness import SGD, Init, Recipe, Task, combination, criterion, data_set, network

RECIPE = Recipe(optimiser=SGD(0.2), steps=100, batch=100)  # in 400, rounding grows until |w| = |a| no longer holds
EXAMPLES = 2000


class Neuron(nn.Module):
    """Answers 1 where a·relu(w·x) is above 0, and 0 elsewhere; inputs of 0 to 1 are put around 0 first."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.w, self.a = nn.Linear(inputs, 1, bias=False), nn.Linear(1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of both answers, the first one 0."""
        above = self.a(relu(self.w(8 * x - 4)))
        return cat([zeros_like(above), above], 1)


@network("gadhikar2024/neuron", prunable=lambda name, shape: name.startswith("w"))
def neuron(inputs: int) -> nn.Module:
    """Return the neuron; `a` is never pruned."""
    return Neuron(inputs)


@criterion("gadhikar2024/first input")
def first_input(weights: NDArray[Any], alive: NDArray[np.bool_]) -> NDArray[Any]:
    """Return scores by which the weights of the first inputs stay: the mask that the task asks for."""
    return np.broadcast_to(-np.arange(len(weights), dtype=np.float64)[:, None], weights.shape)


@combination("gadhikar2024/balanced")
def balanced(initial: NDArray[Any], signs: NDArray[Any]) -> NDArray[Any]:
    """Return the signs of `signs`, with the magnitude of `a`: the larger of the two would keep its sign."""
    return np.asarray(np.copysign(np.full_like(initial, 2**0.5), signs))


def _halves(inputs: int) -> Callable[[], tuple[NDArray[Any], NDArray[Any]]]:
    """Return what draws normal inputs, clipped at four deviations and put on 0 to 1; the answer is the first's sign."""

    def load() -> tuple[NDArray[Any], NDArray[Any]]:
        x = np.random.default_rng(inputs).normal(size=(EXAMPLES, inputs)).clip(-4, 4)
        images = (x / 8 + 0.5).astype(np.float32)
        return images, (images[:, 0] > 0.5).astype(np.int64)

    return load


def halves(inputs: int) -> Task:
    """Return the task of `inputs` inputs."""
    return Task(
        f"sign of the first of {inputs}",
        images=1,
        classes=2,
        chance=0.5,
        sesoi_pp=5.0,
        margin_pp=5.0,
        source=f"gadhikar2024/halves-{inputs}",
        shape=(1, 1, inputs),
        train_images=1000,
        validation_images=300,
        test_images=700,
    )


for _inputs in (1, 20):
    data_set(f"gadhikar2024/halves-{_inputs}", train=EXAMPLES)(_halves(_inputs))
ONE, TWENTY = halves(1), halves(20)
NETS = {task: neuron(task.inputs) for task in (ONE, TWENTY)}
for _task, _net in NETS.items():
    NETS[_task] = type(_net)(_net.layers, init=Init.SIGNED_KAIMING_CONSTANT)  # |w| = |a|, so that signs alone differ
KEEP = Fraction(1, 20)
