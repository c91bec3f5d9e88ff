"""What a claim asserts: comparisons of two arms, and what may come of them. No numbers are computed here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from harness.design._metrics import metric as known_metric
from harness.errors import DesignError
from harness.networks import round_half_up
from harness.stats import Bound, Kind
from harness.stats import kind as known_kind

if TYPE_CHECKING:
    from harness.data import Task


class Reading(StrEnum):
    """What becomes of an arm's values at several densities: one number a replicate."""

    MEAN = "mean"  # over the densities in the band
    SLOPE = "slope"  # the change that a line in log density fits from the band's densest to its sparsest density


@dataclass(frozen=True, kw_only=True)
class Band:
    """The densities (fraction of prunable weights kept) at which curves are read, both ends included."""

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
    """One comparison: `arm` minus `reference`, both read in `band`, against `bound_pp` percentage points.

    `bound_pp` is the task's sesoi or its margin, by what the kind is held to. `floors` are arms that the reference must
    clear by twice the margin for the comparison to mean anything. A `null_setting` is one in which the effect under
    test must be absent. `published_pp` is the paper's own figure, drawn beside ours and never tested. `metric` is the
    stored metric that is read, a share between 0 and 1. With `less`, two further arms, theta is the difference of
    differences (arm - reference) - (less[0] - less[1]).
    """

    kind: Kind
    arm: str
    reference: str
    task: str
    bound_pp: float
    band: Band | None = None
    floors: tuple[str, ...] = ()
    label: str = ""
    null_setting: bool = False
    published_pp: float | None = None
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


Quantity = int | Fraction | str
Observed = Quantity | Callable[[], Quantity]

UNITS = {"": Fraction(1), "K": Fraction(1000), "M": Fraction(1000_000), "%": Fraction(1, 100), "x": Fraction(1)}


@dataclass(frozen=True)
class Exact:
    """A quantity that follows without any training, such as a count, and what it is claimed to be.

    `observed` may be a function: it is then computed when results are collected, and not when the design is built,
    planned or judged. Raises DesignError for a float: only whole numbers, fractions and text are equal or not.
    """

    name: str
    observed: Observed
    expected: Quantity

    def __post_init__(self) -> None:
        for value in (self.observed, self.expected):
            if not callable(value):
                self._check(value)

    @property
    def value(self) -> Quantity:
        """What is observed, computed now if it is a function. Raises DesignError for a float."""
        return self._check(self.observed()) if callable(self.observed) else self.observed

    def _check(self, value: Quantity) -> Quantity:
        if not isinstance(value, int | Fraction | str):
            raise DesignError(
                f"exact {self.name!r}: {value!r} is a {type(value).__name__}, and only int, Fraction and str are "
                "compared exactly. Next: give it as a Fraction, or rounded as text"
            )
        return value


def exact(name: str, observed: Observed, *, expected: Quantity) -> Exact:
    """`observed`, computed when the claim's design is built, or when its results are collected, is `expected`."""
    return Exact(name, observed, expected)


def printed(name: str, observed: int | Fraction | Callable[[], int | Fraction], figure: str) -> Exact:
    """`observed`, rounded as a paper prints it (halves upwards), is the paper's `figure`.

    Figures are like ``"4.3M"``, ``"266K"``, ``"51.3%"``, ``"9x"`` and ``"40"``; raises DesignError for others.
    """
    read = re.fullmatch(r"\d+(?:\.(\d+))?([KM%x]?)", figure)
    if read is None:
        raise DesignError(f"figure {figure!r} of {name!r} is no number with one of the units K, M, % or x, or none")
    decimals, unit = len(read[1] or ""), read[2]

    def rounded() -> str:
        value = observed() if callable(observed) else observed
        if not isinstance(value, int | Fraction):
            return value  # which is refused
        digits = str(round_half_up(value / UNITS[unit] * 10**decimals)).zfill(decimals + 1)
        whole, part = digits[: len(digits) - decimals], digits[len(digits) - decimals :]
        return f"{whole}.{part}{unit}" if decimals else f"{whole}{unit}"

    return Exact(name, rounded if callable(observed) else rounded(), figure)


def percent_kept(low: str, high: str | None = None) -> Band:
    """Return the band from `low` to `high` percent kept, given as exact decimals: ``percent_kept("2", "5")``."""
    return Band(low=Fraction(low) / 100, high=Fraction(high or low) / 100)


def asserts(
    kind: str,
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...] = (),
    band: Band | None = None,
    label: str = "",
    null_setting: bool = False,
    published_pp: float | None = None,
    metric: str = "test_accuracy",
) -> Part:
    """`arm` compared with `reference` by a kind that is registered with `harness.stats.register`, given by name.

    Args:
        kind: ``"beats"``, ``"matches"``, ``"equals"``, or one of your own.
        arm: What is compared.
        reference: What is subtracted from it.
        on: The task, whose sesoi or margin the part is held to where the metric has none of its own.
        floors: Arms that the reference must be ahead of.
        band: The densities that are read; all without it.
        label: A name for tables.
        null_setting: Whether the effect must be absent here.
        published_pp: The paper's own figure, drawn and never tested.
        metric: The stored metric that is read.

    Raises:
        DesignError: For a kind or metric that is not known, with the nearest names.

    >>> from harness import DIGITS
    >>> asserts("beats", "ticket", "reinit", on=DIGITS) == beats("ticket", "reinit", on=DIGITS)
    True
    """
    made = known_kind(kind)
    sesoi, margin = known_metric(metric).bounds or (on.sesoi_pp, on.margin_pp)
    return Part(
        kind=made,
        arm=arm,
        reference=reference,
        task=on.name,
        bound_pp=sesoi if made.held_to is Bound.SESOI else margin,
        band=band,
        floors=floors,
        label=label,
        null_setting=null_setting,
        published_pp=published_pp,
        metric=metric,
    )


def beats(
    arm: str,
    reference: str,
    *,
    on: Task,
    band: Band | None = None,
    label: str = "",
    published_pp: float | None = None,
    metric: str = "test_accuracy",
) -> Part:
    """`arm` has more of `metric` than `reference`; the smallest effect of interest is the task's, or the metric's."""
    return asserts("beats", arm, reference, on=on, band=band, label=label, published_pp=published_pp, metric=metric)


def matches(
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...],
    band: Band | None = None,
    label: str = "",
    null_setting: bool = False,
    metric: str = "test_accuracy",
) -> Part:
    """`arm` is no worse than `reference` by the task's margin; `floors` show that it could have been."""
    return asserts(
        "matches", arm, reference, on=on, floors=floors, band=band, label=label, null_setting=null_setting,
        metric=metric,
    )  # fmt: skip


def equals(
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...],
    band: Band | None = None,
    label: str = "",
    null_setting: bool = False,
    metric: str = "test_accuracy",
) -> Part:
    """`arm` and `reference` differ by less than the task's margin either way."""
    return asserts(
        "equals", arm, reference, on=on, floors=floors, band=band, label=label, null_setting=null_setting,
        metric=metric,
    )  # fmt: skip


def slope(arm: str, reference: str, *, on: Task, band: Band, label: str = "", metric: str = "test_accuracy") -> Part:
    """`arm` gains on `reference` towards sparsity: what a line in log density gains over `band`, in pp, is positive.

    The smallest effect of interest is the task's, for the change over the whole band.
    """
    return replace(beats(arm, reference, on=on, band=band, label=label, metric=metric), reading=Reading.SLOPE)


def interaction(
    arm: str,
    reference: str,
    *,
    less: tuple[str, str],
    on: Task,
    band: Band | None = None,
    label: str = "",
    metric: str = "test_accuracy",
) -> Part:
    """`arm` is ahead of `reference` by more than ``less[0]`` is ahead of ``less[1]``: a difference of differences."""
    return replace(beats(arm, reference, on=on, band=band, label=label, metric=metric), less=less)


def only_beyond(
    arm: str,
    reference: str,
    *,
    on: Task,
    beyond: Band,
    before: Band,
    floors: tuple[str, ...],
    metric: str = "test_accuracy",
) -> tuple[Part, Part]:
    """`arm` is better than `reference` in the band `beyond` and, by the margin, not better in the band `before`.

    Both parts decide. The second says that `reference` matches `arm`; `floors` show that it could have failed to.
    """
    return (
        beats(arm, reference, on=on, band=beyond, metric=metric),
        matches(reference, arm, on=on, floors=floors, band=before, metric=metric),
    )
