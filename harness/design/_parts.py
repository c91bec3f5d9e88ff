"""What a claim asserts: comparisons of two arms, and what may come of them. No numbers are computed here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from harness.errors import DesignError
from harness.stats import Kind


class Reading(StrEnum):
    """What becomes of an arm's values at several densities: one number per replicate.

    >>> Reading.MEAN.value, Reading.SLOPE.value
    ('mean', 'slope')
    """

    MEAN = "mean"  # over the densities in the band
    SLOPE = "slope"  # the change that a line in log density fits from the band's densest to its sparsest density


@dataclass(frozen=True, kw_only=True)
class Band:
    """The densities (fraction of prunable weights kept) at which curves are read, both ends included.

    Raises:
        DesignError: Unless 0 < low <= high <= 1.

    >>> Fraction(1, 5) in Band(low=Fraction(1, 10), high=Fraction(1, 5))
    True
    """

    low: Fraction
    high: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high <= 1:
            raise DesignError(
                f"band {self.low} to {self.high}: densities are fractions kept, 0 < low <= high <= 1. "
                "Next: correct the band in the claim's file."
            )

    def __contains__(self, density: object) -> bool:
        return isinstance(density, float | Fraction) and float(self.low) <= float(density) <= float(self.high)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One comparison: `arm` minus `reference`, both read in `band`, against `bound` in the metric's unit.

    `bound` is the sesoi or margin of task or metric, by what the kind is held to. `floors` are arms that the reference
    must clear by twice the margin for the comparison to mean anything. A `null_setting` is one in which the effect
    under test must be absent. `published`, the paper's own figure, is neither drawn nor tested: it stays because locked
    texts have it, and what is drawn is the claim's `printed`, which says of what it is. `metric` is the stored metric
    that is read, a share between 0 and 1. With `less`, two further arms, theta is the difference of differences
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
    reading: Reading = Reading.MEAN
    less: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """Short name for tables: the label if there is one, else the comparison in words."""
        if self.label:
            return self.label
        towards = " increasingly" if self.reading is Reading.SLOPE else ""
        more = f" by more than {self.less[0]} {self.less[1]}" if self.less else ""
        return f"{self.arm} {self.kind} {self.reference}{towards}{more}"

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
    return Band(low=share_of(low), high=share_of(high or low))


def share_of(percent: str) -> Fraction:
    """Return a percentage, as decimal text, as an exact share. Raises DesignError for other text, and for no text."""
    if not isinstance(percent, str) or re.fullmatch(r"\d+(\.\d+)?", percent) is None:
        raise DesignError(
            f"{percent!r} percent kept: expected decimal text, such as '12.5'. Next: correct it in the claim's file"
        )
    return Fraction(percent) / 100
