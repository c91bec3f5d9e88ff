"""What a run tells while it goes on: four callbacks, which whoever shows progress implements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class UnderWay:
    """A population under way: its number in the run, what it computes for whom, and its share of the run.

    `units` are the names by which the store has its members. `steps` are those of one member. `seconds` is how long its
    members are expected to take one place one by one, and `run_seconds` the same of all that was due when the run
    began.
    """

    number: int
    program: str
    wanted_by: tuple[str, ...]
    units: tuple[str, ...]
    members: int
    steps: int
    seconds: float
    run_seconds: float


class Progress(Protocol):
    """What a run calls as it goes on, always from the thread that runs it."""

    def begin(self, population: UnderWay) -> None:
        """Learn that a population began; the first one of a run has number 1."""

    def advance(self, population: UnderWay, steps: int) -> None:
        """Learn that every member of a population took so many further steps."""

    def end(self, population: UnderWay, wall_s: float, left: int) -> None:
        """Learn that a population was stored after `wall_s` seconds, and that `left` units are still due."""

    def note(self, text: str, *, warning: bool = False) -> None:
        """Learn something in a sentence."""


class Silent:
    """Shows nothing."""

    def begin(self, population: UnderWay) -> None:
        """Show nothing."""

    def advance(self, population: UnderWay, steps: int) -> None:
        """Show nothing."""

    def end(self, population: UnderWay, wall_s: float, left: int) -> None:
        """Show nothing."""

    def note(self, text: str, *, warning: bool = False) -> None:
        """Show nothing."""


SILENT = Silent()
