"""How much memory a population takes: its parameters, what a pass holds of examples, the batches that wait."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.networks import Network
from harness.population._population import Program

CHUNK = 200  # steps, at most, whose batches are drawn on the host at a time, where an epoch has fewer
PASSES = (1000, 500, 250, 100)  # examples of one evaluation pass, as many as `PASS_BYTES` hold
PASS_BYTES = 2**27  # of activations of one member in a pass
BYTES_A_PARAMETER = (
    36  # itself, what it is at the early stop and in a forward pass, two gradients, mask, two moments, one spare
)
BYTES_AN_ACTIVATION = 12  # of a training step: itself, its gradient, one on the way

Chunk = tuple[int, int]  # first step, number of steps


def examples_a_pass(network: Network) -> int:
    """Return how many examples one pass evaluates: as many as fit with input and output of the widest layer."""
    return next((n for n in PASSES if 8 * n * network.widest <= PASS_BYTES), PASSES[-1])


def chunks(program: Program, first: int, last: int) -> Iterator[Chunk]:
    """Yield each chunk of steps `first` to `last`, its first step and length: whole epochs, to be drawn once."""
    assert program.recipe is not None
    per_epoch = program.task.train_images // program.recipe.batch
    while first < last:
        end = (first // per_epoch + max(1, CHUNK // per_epoch)) * per_epoch
        yield first, min(end, last) - first
        first = end


def population_bytes(program: Program, members: int, kind: str = "cpu") -> int:
    """Return about how much memory a population of `members` takes on its device.

    On a GPU training and evaluation are graphs, each with memory of its own.
    """
    network, task, recipe = program.network, program.task, program.recipe
    evaluated = 8 * examples_a_pass(network) * network.widest
    trained = waiting = 0
    if recipe is not None:
        trained = recipe.batch * network.activations * BYTES_AN_ACTIVATION
        longest = max((count for _, count in chunks(program, program.first_step, recipe.steps)), default=0)
        waiting = longest * recipe.batch * (5 * task.images + 4 * math.prod(task.answered))
    passes = max(trained, evaluated) if kind == "cpu" else trained + evaluated
    return members * (network.flat_size * BYTES_A_PARAMETER + passes + waiting)
