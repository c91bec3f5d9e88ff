"""What had been reported before it was locked: of round 0, in ``known_before.csv`` beside the registry.

From round 1 on a round's seed follows from its lock, so that nothing of it can have been trained before. Round 0 had
one seed for all, and some of its claims compare trainings that an earlier committed report had, for other claims.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FILE = "known_before.csv"


@dataclass(frozen=True)
class KnownBefore:
    """A deciding part of an entry, by its place and name, and of how many (training, replicate) pairs it compares.

    `known` of these `pairs`, floors included, stood in a report that was committed before the entry.
    """

    claim: str
    version: int
    scale: str
    part: int
    name: str
    pairs: int
    known: int

    @property
    def share(self) -> float:
        """Which share of the pairs was known."""
        return self.known / self.pairs


def read_known(registry: Path) -> list[KnownBefore]:
    """Return what was known of each part of round 0, from the file beside the registry; empty where there is none."""
    path = registry.with_name(FILE)
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            KnownBefore(
                claim=row["claim"],
                version=int(row["version"]),
                scale=row["scale"],
                part=int(row["part"]),
                name=row["name"],
                pairs=int(row["pairs"]),
                known=int(row["known"]),
            )
            for row in csv.DictReader(file)
        ]


def known_of(found: Sequence[KnownBefore], claim: str, version: int, scale: str) -> list[KnownBefore]:
    """Return the parts of one entry, in order."""
    return [each for each in found if (each.claim, each.version, each.scale) == (claim, version, scale)]
