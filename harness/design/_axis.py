"""Along what the points of arms lie: density, which follows from masks, or what the author says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError


@dataclass(frozen=True)
class Axis:
    """What tells the points of an arm apart, where it is not their density: a width, a rewind step, a batch.

    Args:
        name: What is different from point to point, as it is called in reports.
        unit: The unit of the points; none without it.
        log: Whether ratios of points count, and not their differences: in figures, and for a slope.
        falls: Whether the axis leads from the largest point to the smallest.

    Raises:
        DesignError: For no name.

    >>> Axis("width", unit="units").at(40)
    'width 40 units'
    """

    name: str
    unit: str = ""
    log: bool = True
    falls: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise DesignError("an axis without a name. Next: Axis('width'), or whatever tells the points of arms apart")

    @property
    def is_density(self) -> bool:
        """Whether it is the one on which arms lie without a word."""
        return self == DENSITY

    @property
    def nouns(self) -> str:
        """What its points are called."""
        return "densities" if self.is_density else "points"

    @property
    def towards(self) -> str:
        """Where it leads, in words."""
        if self.is_density:
            return "towards sparsity"
        return f"towards {'smaller' if self.falls else 'larger'} {self.name}"

    def at(self, point: float | Fraction, *, digits: int = 2) -> str:
        """Return a point in words: ``12.50% kept``, ``width 40 units``."""
        if self.is_density:
            return f"{float(point):.{digits}%} kept"
        return f"{self.name} {float(point):g} {self.unit}".rstrip()

    def listed(self, points: Iterable[float | Fraction]) -> str:
        """Return points in words, by their numbers."""
        return ", ".join(f"{float(p):.2%}" if self.is_density else f"{float(p):g}" for p in points)

    def ordered(self, points: Iterable[Fraction]) -> list[Fraction]:
        """Return points in the order of the axis."""
        return sorted(points, reverse=self.falls)

    def places(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points lie: their logarithms where ratios count."""
        return np.log(points) if self.log else points

    def check(self, arm: str, point: object) -> None:
        """Raise DesignError for what is no point of this axis."""
        if not isinstance(point, int | Fraction) or isinstance(point, bool):
            raise DesignError(
                f"arm {arm!r} has a point {point!r} on the axis {self.name}: it must be exact, so that two arms have "
                "the same one. Next: an int, or Fraction('0.1')"
            )
        if (self.log and not point > 0) or not math.isfinite(point):
            raise DesignError(
                f"arm {arm!r} has a point {point} on the axis {self.name}, which has no place where ratios count. "
                f"Next: Axis({self.name!r}, log=False)"
            )


DENSITY = Axis("density", falls=True)
