"""What a claim asserts: comparisons of two arms, and what may come of them. No numbers are computed here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from harness.errors import DesignError

if TYPE_CHECKING:
    from harness.tasks import Task


class Kind(StrEnum):
    """How two arms are compared; theta is the mean over replicates of `arm` minus `reference`."""

    BEATS = "beats"  # theta > 0, and at least as large as the task's smallest effect of interest
    MATCHES = "matches"  # theta > -margin
    EQUALS = "equals"  # |theta| < margin


class Decision(StrEnum):
    """The test that decides; the other one is computed beside it."""

    T = "t"
    SIGN_FLIP = "sign-flip"  # for claims whose pilots collapse now and then


class Outcome(StrEnum):
    """What a claim comes to."""

    REPRODUCED = "reproduced"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"
    ERROR = "error"


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
        return isinstance(density, float | Fraction) and float(self.low) <= density <= float(self.high)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One comparison: `arm` minus `reference`, both read in `band`, against `bound_pp` percentage points.

    `bound_pp` is the task's sesoi for ``beats`` and its margin otherwise. `floors` are arms that the reference must
    clear by twice the margin for the comparison to mean anything. A `null_setting` is one in which the effect under
    test must be absent. `published_pp` is the paper's own figure, drawn beside ours and never tested.
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

    @property
    def name(self) -> str:
        """Short name for tables: the label if there is one, else the comparison in words."""
        return self.label or f"{self.arm} {self.kind} {self.reference}"

    def arms(self) -> tuple[str, ...]:
        """Return the arms it reads: the two compared, then the floors."""
        return (self.arm, self.reference, *self.floors)


def percent_kept(low: str, high: str | None = None) -> Band:
    """Return the band from `low` to `high` percent kept, given as exact decimals: ``percent_kept("2", "5")``."""
    return Band(low=Fraction(low) / 100, high=Fraction(high or low) / 100)


def beats(
    arm: str,
    reference: str,
    *,
    on: Task,
    band: Band | None = None,
    label: str = "",
    published_pp: float | None = None,
) -> Part:
    """`arm` is better than `reference`; the smallest effect of interest is the task's."""
    return Part(
        kind=Kind.BEATS,
        arm=arm,
        reference=reference,
        task=on.name,
        bound_pp=on.sesoi_pp,
        band=band,
        label=label,
        published_pp=published_pp,
    )


def matches(
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...],
    band: Band | None = None,
    label: str = "",
    null_setting: bool = False,
) -> Part:
    """`arm` is no worse than `reference` by the task's margin; `floors` show that it could have been."""
    return Part(
        kind=Kind.MATCHES,
        arm=arm,
        reference=reference,
        task=on.name,
        bound_pp=on.margin_pp,
        band=band,
        floors=floors,
        label=label,
        null_setting=null_setting,
    )


def equals(
    arm: str,
    reference: str,
    *,
    on: Task,
    floors: tuple[str, ...],
    band: Band | None = None,
    label: str = "",
    null_setting: bool = False,
) -> Part:
    """`arm` and `reference` differ by less than the task's margin either way."""
    part = matches(arm, reference, on=on, floors=floors, band=band, label=label, null_setting=null_setting)
    return replace(part, kind=Kind.EQUALS)
