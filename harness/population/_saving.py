"""Where a long population stands, and what an engine needs of whoever saves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from harness.population._population import Population, Row

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """A population after `step`: `arrays` by name, each member's rows so far, and the seconds spent until then.

    `made_with` is the device, the versions and the settings; with others the rest would not come out the same.
    """

    step: int
    wall_s: float
    made_with: Mapping[str, str]
    arrays: Arrays
    rows: Sequence[Sequence[Row]]


class Saver(Protocol):
    """Saves and loads the checkpoints of one population."""

    def part(self, number: int, population: Population) -> Saver:
        """Return the saver of a part of `population`, where memory does not hold all of it."""

    def due(self, *, at_end: bool) -> bool:
        """Whether a checkpoint is to be written now; `at_end` is after the last step."""

    def save(self, population: Population, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint by this one. Raises StoppedError, once it is written, where the run is to stop."""

    def load(self, population: Population, made_with: Mapping[str, str]) -> Checkpoint | None:
        """Return the checkpoint of exactly this population, made with the same, or None."""
