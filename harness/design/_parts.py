"""What a claim asserts: comparisons of two arms, and what may come of them. No numbers are computed here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from harness.design._axis import DENSITY, Axis
from harness.design._metrics import LOG_POINTS, metric
from harness.errors import DesignError
from harness.stats import MEAN, Kind, Reading


@dataclass(frozen=True, kw_only=True)
class Band:
    """The points of an axis at which curves are read, both ends included: densities, as fractions kept, or others.

    Raises:
        DesignError: Unless low <= high.

    >>> Fraction(1, 5) in Band(low=Fraction(1, 10), high=Fraction(1, 5))
    True
    """

    low: Fraction | int
    high: Fraction | int

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise DesignError(
                f"band {self.low} to {self.high}: expected low <= high. Next: correct the band in the claim's file."
            )

    def __contains__(self, point: object) -> bool:
        return isinstance(point, float | Fraction | int) and float(self.low) <= float(point) <= float(self.high)

    @property
    def is_of_densities(self) -> bool:
        """Whether both ends are fractions kept."""
        return self.low > 0 and self.high <= 1


@dataclass(frozen=True, kw_only=True)
class Part:
    """One comparison: `arm` minus `reference`, both read in `band`, against `bound` in the metric's unit.

    `bound` is the sesoi or margin of task or metric, by what the kind is held to. `floors` are arms that the reference
    must clear by twice the margin for the comparison to mean anything. A `null_setting` is one in which the effect
    under test must be absent. `published`, the paper's own figure, is neither drawn nor tested: it stays because locked
    texts have it, and what is drawn is the claim's `printed`, which says of what it is. `metric` is the stored metric
    that is read, a share between 0 and 1. `reading` makes one number of it along the `axis`, which is that of the
    part's design. With `less`, two further arms, theta is the difference of differences
    (arm - reference) - (less[0] - less[1]).

    >>> from harness import DIGITS, interaction
    >>> interaction("a", "b", less=("c", "d"), on=DIGITS).pairs
    (('a', 'b'), ('c', 'd'))
    """

    kind: Kind
    arm: str
    reference: str
    task: str
    bound: float
    band: Band | None = None
    floors: tuple[str, ...] = ()
    label: str = ""
    null_setting: bool = False
    published: float | None = None
    metric: str = "test_accuracy"
    reading: Reading = MEAN
    less: tuple[str, str] | None = None
    axis: Axis = DENSITY

    @property
    def name(self) -> str:
        """Short name for tables: the label if there is one, else the comparison in words."""
        if self.label:
            return self.label
        more = f" by more than {self.less[0]} {self.less[1]}" if self.less else ""
        return f"{self.arm} {self.kind} {self.reference}{self.reading.named}{more}"

    @property
    def unit(self) -> str:
        """The unit of what is read and compared: the metric's or, of a place, log points or the axis' own."""
        if not self.reading.is_place:
            return metric(self.metric).unit
        return LOG_POINTS if self.axis.log else self.axis.unit or self.axis.name

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of arms whose differences are read: one, or two for a difference of differences."""
        return ((self.arm, self.reference), *([self.less] if self.less else []))

    @property
    def reads(self) -> tuple[str, ...]:
        """The arms it reads: those of its pairs, then the floors."""
        return (*(arm for pair in self.pairs for arm in pair), *self.floors)


def percent_kept(low: str, high: str | None = None) -> Band:
    """Return the band from `low` to `high` percent kept, given as exact decimals: ``percent_kept("2", "5")``.

    Args:
        low: The sparsest density, in percent.
        high: The densest one; `low` alone without it.

    Returns:
        The band, both ends included.

    Raises:
        DesignError: Unless 0 < low <= high <= 100, and for what is no decimal text.

    >>> percent_kept("1.5", "20").low
    Fraction(3, 200)
    """
    band = Band(low=share_of(low), high=share_of(high or low))
    if not band.is_of_densities:
        raise DesignError(
            f"band {band.low} to {band.high}: densities are fractions kept, 0 < low <= high <= 1. "
            "Next: correct the band in the claim's file."
        )
    return band


def share_of(percent: str) -> Fraction:
    """Return a percentage, as decimal text, as an exact share. Raises DesignError for other text, and for no text."""
    if not isinstance(percent, str) or re.fullmatch(r"\d+(\.\d+)?", percent) is None:
        raise DesignError(
            f"{percent!r} percent kept: expected decimal text, such as '12.5'. Next: correct it in the claim's file"
        )
    return Fraction(percent) / 100
