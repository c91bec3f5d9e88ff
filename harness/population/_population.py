"""What is handed to an executor and what comes back: plain data, no torch.

A population is many members that run the same program on different numbers: replicates, arms and levels from any claim
that are ready at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.data import Task
from harness.expression import ACCURACY, Learn, Measured, Measurement
from harness.networks import Network, Recipe
from harness.streams import Replicate

Flat = NDArray[np.float32]
Report = Callable[[int], None]  # called with the number of steps done since the last call


def unit_name(node: Measured, replicate: Replicate) -> str:
    """Return the name of `node` for `replicate` in the store."""
    return f"{node.key}/{replicate.suite_seed}/{replicate.index}"


@dataclass(frozen=True)
class Program:
    """What all members of a population have in common; `recipe` is None where nothing is trained but measured."""

    network: Network
    task: Task
    recipe: Recipe | None = None
    first_step: int = 0
    learn: Learn | None = None
    measurement: Measurement = ACCURACY
    teacher: Network | None = None

    @classmethod
    def of(cls, node: Measured) -> Program:
        """Return the program that computes `node`."""
        asked = node.asked
        return cls(
            node.network, node.task, asked.recipe, asked.first_step, asked.learn, asked.measurement, asked.teacher
        )

    @property
    def packs(self) -> Program:
        """The program without its learning rates: trainings of which it is the same are packed together."""
        return self if self.recipe is None else replace(self, recipe=self.recipe.without_rates())

    @property
    def steps(self) -> int:
        """Updates a member makes; 1 where nothing is trained."""
        return self.recipe.steps - self.first_step if self.recipe is not None else 1

    @property
    def work(self) -> str:
        """What a member's time depends on, in words: how long a like one takes is looked up by it."""
        if self.recipe is None:
            return f"{self.label} {self.network.label}"
        what, how = self.learn.words if self.learn else "weights", type(self.recipe.optimiser).__name__
        numerics = "" if self.recipe.numerics == "float32" else f", {self.recipe.numerics}"
        numerics += "" if self.teacher is None else f", taught by {self.teacher.label}"
        return (
            f"{self.task.name}: {what} of {self.network.label}, {self.steps} steps of {self.recipe.batch} by {how}, "
            f"validated every {self.recipe.validate_every}{numerics}"
        )

    @property
    def label(self) -> str:
        """A few words for progress lines and tables."""
        if self.recipe is None:
            return f"{self.task.name}: {self.measurement.words}"
        optimiser = self.recipe.optimiser
        what = self.learn.words if self.learn else "weights"
        first = f" from {self.first_step}" if self.first_step else ""
        return (
            f"{self.task.name}: {what}, {type(optimiser).__name__} {optimiser.lr:g}, {self.recipe.steps} steps{first}"
        )


@dataclass(frozen=True)
class Member:
    """One training or evaluation of one replicate: its numbers at the first step, and what it consumed.

    `start` are flat parameters, `end` those of a second network, at the other end of a path or its teacher's, `mask`
    flat bits (None removes nothing), `scores` flat initial scores where scores are learned; all of shape (flat_size,).
    `ins` are digests of what was taken from other trainings. `recipe` has the learning rates where they are not the
    program's.
    """

    unit: str
    replicate: Replicate
    order_draw: int
    start: Flat
    mask: NDArray[np.bool_] | None = None
    scores: Flat | None = None
    ins: tuple[tuple[str, str], ...] = ()
    augment_draw: int = 0
    dropout_draw: int = 0
    mask_draw: int = 0
    recipe: Recipe | None = None
    end: Flat | None = None


@dataclass(frozen=True)
class Population:
    """Members of one program, and what is wanted of them.

    Parameters are kept after the steps `snapshots`; the batch's loss is recorded every `trace_every` steps (0: never);
    `until` stops before the recipe's end, on its schedule, to look at the first steps only.
    """

    program: Program
    members: tuple[Member, ...]
    snapshots: tuple[int, ...] = ()
    trace_every: int = 0
    until: int | None = None

    @property
    def last_step(self) -> int:
        """The absolute step after which training ends; 0 where nothing is trained."""
        steps = self.program.recipe.steps if self.program.recipe is not None else 0
        return steps if self.until is None else min(self.until, steps)


@dataclass(frozen=True)
class Row:
    """One number: `metric` after `step` updates. Accuracies are fractions, losses nats."""

    metric: str
    step: int
    value: float


@dataclass(frozen=True)
class MemberResult:
    """What one member produced: rows, and flat arrays by slot (``end``, ``100``; ``mask`` and ``correct`` as bits)."""

    unit: str
    rows: tuple[Row, ...]
    arrays: dict[str, NDArray[np.float32] | NDArray[np.bool_]]
    diverged: bool = False


@dataclass(frozen=True)
class Computed:
    """What an executor returns for a population, with the worker's device, versions and settings.

    `matmul_flops` is the measured rate of matrix products there, `computer` its processor and instruction set, `data`
    the digest of the data set that was read there.
    """

    members: tuple[MemberResult, ...]
    wall_s: float
    device: str
    versions: dict[str, str]
    settings: dict[str, str] = field(default_factory=dict)
    matmul_flops: float | None = None
    computer: dict[str, str] = field(default_factory=dict)
    data: str = ""
