"""The log of pilots: every look at a design before it was locked, in ``docs/pilots.csv``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from harness.design._claim import Arm, Claim, Design, Scale


@dataclass(frozen=True)
class Pilot:
    """One line: a quantity measured on pilot seeds, in percent or percentage points.

    `what` is an arm at a density, or a part; `key` names the arm's training, so that what was tried can be found again.
    """

    date: str
    git: str
    scale: str
    claim: str
    version: int
    task: str
    recipe: str
    what: str
    n: int
    mean: float
    sd: float
    key: str = ""


def read_pilots(path: Path) -> list[Pilot]:
    """Return the log, oldest first; empty where there is none."""
    if not path.is_file():
        return []
    kinds = {f.name: {"int": int, "float": float}.get(str(f.type), str) for f in fields(Pilot)}
    with path.open(newline="") as file:
        return [Pilot(**{name: kinds[name](text) for name, text in row.items()}) for row in csv.DictReader(file)]


def append_pilots(path: Path, pilots: Sequence[Pilot]) -> None:
    """Add lines to the log, making it if it is not there."""
    new = not path.is_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Pilot)], lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(asdict(pilot) for pilot in pilots)


def pilots_of(pilots: Sequence[Pilot], claim: str, scale: str) -> list[Pilot]:
    """Return the lines of a claim at one scale, oldest first."""
    return [pilot for pilot in pilots if (pilot.claim, pilot.scale) == (claim, scale)]


def pilot_runs(pilots: Sequence[Pilot]) -> list[str]:
    """Return the dates of these lines, each once: one run of ``harness pilot`` is one date."""
    return sorted({pilot.date for pilot in pilots})


def pilot_grid(claim: Claim, scale: Scale) -> Design | None:
    """Return the design that measures the claim's further pilot arms, or None where it declares none."""
    if claim.pilot is None:
        return None
    arms: dict[str, Arm] = dict(claim.pilot(scale))
    design = claim.design(scale)
    return Design(arms=arms, parts=(), contrast=(), replicates=design.replicates, axis=design.axis)
