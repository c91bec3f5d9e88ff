"""What kinds of comparison there are: one object each, in a registry; which test decides, what may come of a claim.

To add a kind, register one more `Kind`, here or in any module that is imported: nothing else knows their names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from harness.errors import DesignError
from harness.extensions import Extensions
from harness.stats._amounts import decimals
from harness.stats._paired import FloatArray, Interval, t_power, tost_power
from harness.stats._sides import Side, above, below


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


class Bound(StrEnum):
    """What a comparison is held to: both are fixed for each task, or by the metric."""

    SESOI = "sesoi"  # the smallest effect of interest
    MARGIN = "margin"  # within which two arms count as no different


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How two arms are compared, whole: p-values, what an interval decides, power, and words.

    theta is the mean over replicates of `arm` minus `reference`. All numbers here are in units of the bound that
    `held_to` names. A part is reproduced where all sides of `reproduced` are shown (intersection-union: the largest p),
    and refuted where any side of `refuted` is (the smallest p). `floor` is how far the reference must be ahead of its
    floors: with 0 it must be ahead at all, and a part needs no floor; below 0 it is how far it may be behind them.
    `planned_at` is the true mean at which the power to reproduce is stated, and `planned_for`, where it is given, one
    nearer to what refutes, for which replicates are planned. A `sized` kind asserts a direction, and lets an effect be
    smaller than the bound: what reproduces and what refutes it overlap, and a verdict is qualified by its size.

    `shown`, `asserted`, `drawn` and `registered` are words with ``{bound}`` in them: what is to be shown, in a
    verdict's cause; what is asserted, in the report's table; what it is held to, over a figure; what the difference
    does, in the sentence of the hypothesis, made of `asserted` where a kind has no words for it. `str` gives the name,
    with ``@version`` from version 2 on: this is what locks and JSON hold.

    Raises DesignError for a name that is no word, `reproduced` that is neither one side nor an interval, no `refuted`.
    """

    name: str
    version: int = 1
    held_to: Bound
    reproduced: tuple[Side, ...]
    refuted: tuple[Side, ...]
    floor: float
    planned_at: float
    planned_for: float | None = None
    sized: bool = False
    shown: str
    asserted: str
    drawn: str
    registered: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.version < 1:
            raise DesignError(
                f"kind {self.name!r}, version {self.version}: expected one word and a version from 1 on. "
                "Next: correct the kind where it is registered"
            )
        for words in (self.shown, self.asserted, self.drawn, self.registered):
            try:
                words.format(bound="")
            except (ValueError, LookupError) as error:
                raise DesignError(
                    f"kind {self.name!r}: its words {words!r} cannot be filled in ({error}). "
                    "Next: write {bound} where the bound stands, and no other braces"
                ) from error
        low, high = self.interval
        ends = math.isfinite(low) + math.isfinite(high)
        if not self.reproduced or not self.refuted or not low < high or len(self.reproduced) != ends:
            raise DesignError(
                f"kind {self.name!r}: expected one side, or an interval by two, that reproduces, and a side that "
                f"refutes, got {self.reproduced} and {self.refuted}. Next: correct the kind where it is registered"
            )

    def __str__(self) -> str:
        return self.name if self.version == 1 else f"{self.name}@{self.version}"

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of what is asserted, in units of the bound, infinite where it has none."""
        low = max((side.at for side in self.reproduced if side.above), default=-math.inf)
        high = min((side.at for side in self.reproduced if not side.above), default=math.inf)
        return low, high

    def p_rep(self, x_R: FloatArray, bound: float, by: Decision) -> float:
        """The p-value for `reproduced`, of differences (replicates,), by one of the tests."""
        return max(_p(side, x_R, bound, by) for side in self.reproduced)

    def p_ref(self, x_R: FloatArray, bound: float, by: Decision) -> float:
        """The p-value for `refuted`, of differences (replicates,), by one of the tests."""
        return min(_p(side, x_R, bound, by) for side in self.refuted)

    def inside(self, interval: Interval, bound: float) -> bool:
        """Whether an interval excludes all that `p_rep` has to reject."""
        return all(side.holds(interval, bound) for side in self.reproduced)

    def outside(self, interval: Interval, bound: float) -> bool:
        """Whether an interval excludes all that `p_ref` has to reject."""
        return any(side.holds(interval, bound) for side in self.refuted)

    def too_small(self, interval: Interval, bound: float) -> bool:
        """Whether an interval says that the effect, even if it is as asserted, is not of interest."""
        return self.sized and self.outside(interval, bound)

    def large_enough(self, interval: Interval, bound: float) -> bool:
        """Whether an interval leaves no room for an effect that is not of interest."""
        return all(side.spares(interval, bound) for side in self.refuted)

    def opposite(self, interval: Interval, bound: float) -> bool:
        """Whether an interval lies wholly on the side away from what is asserted."""
        return self.sized and any(side.mirrored().holds(interval, bound) for side in self.reproduced)

    def keeps_side(self, mean: float, locked: float, bound: float) -> bool:
        """Whether a mean under another setting is on the side of the claim; of a `sized` kind, on that of the locked.

        A sized claim that came out the other way is robust where it comes out the other way again.
        """
        if self.sized:
            return all(_sign(s.depth(mean, bound)) == _sign(s.depth(locked, bound)) for s in self.reproduced)
        return self.inside(Interval(mean, mean), bound)

    def floor_needed(self, bound: float) -> float:
        """How far the reference must be ahead of a floor, in the unit of `bound`."""
        return self.floor * bound

    def clears(self, lower: float, bound: float) -> bool:
        """Whether a lower limit of reference minus floor is enough."""
        return lower >= self.floor_needed(bound) if self.floor else lower > 0

    def power(self, effect: float, *, bound: float, sd: float, n: int, alpha: float) -> float:
        """The power to reproduce a part whose true mean is `effect`: of one t-test, or of two one-sided ones.

        Raises ValueError as `t_power` and `tost_power` do.
        """
        if len(self.reproduced) == 1:
            return t_power(effect=self.reproduced[0].depth(effect, bound), sd=sd, n=n, alpha=alpha)
        low, high = (end * bound for end in self.interval)
        return tost_power(effect=effect - (low + high) / 2, margin=(high - low) / 2, sd=sd, n=n, alpha=alpha)

    def power_to_decide(self, effect: float, *, bound: float, sd: float, n: int, alpha: float) -> float:
        """The power to reproduce or, if that is larger, to refute by one side, where the true mean is `effect`.

        A pilot that points the other way may decide too, by refuting.
        """
        refuting = [t_power(effect=side.depth(effect, bound), sd=sd, n=n, alpha=alpha) for side in self.refuted]
        return max(self.power(effect, bound=bound, sd=sd, n=n, alpha=alpha), *refuting)

    def to_show(self, bound: float, unit: str) -> str:
        """What is not shown yet, in a cause: ``above 0 (sesoi 0.40 pp)``."""
        return self.shown.format(bound=f"{bound:.{decimals(unit)}f} {unit}")

    def asserts(self, bound: float, unit: str) -> str:
        """What is asserted, in a table: ``> 0, sesoi 0.4 pp``."""
        return self.asserted.format(bound=f"{bound:g} {unit}")

    def holds_to(self, bound: float, unit: str) -> str:
        """What it is held to, over a figure: ``sesoi +0.4 pp``."""
        return self.drawn.format(bound=f"{bound:g} {unit}")

    def registers(self, bound: float, unit: str) -> str:
        """What the difference does, in a sentence: ``is above 0 (smallest effect of interest 0.4 pp)``."""
        return (self.registered or f"is {self.asserted}").format(bound=f"{bound:g} {unit}")


def _p(side: Side, x_R: FloatArray, bound: float, by: Decision) -> float:
    return side.p_t(x_R, bound) if by is Decision.T else side.p_flip(x_R, bound)


def _sign(value: float) -> float:
    return float(np.sign(value))  # nan stays nan, and equals nothing


KINDS = Extensions[Kind]("kind of comparison")


def add_kind(kind: Kind) -> Kind:
    """Add a kind, to be found by what `str` gives; return it. Raises DesignError where another has that name."""
    KINDS.add(kind.name, kind, version=kind.version)
    return kind


def kind(name: str) -> Kind:
    """Return a registered kind by name. Raises DesignError, with the nearest names, for one that is not known."""
    return KINDS[name]


BEATS = add_kind(  # theta > 0, and at least as large as the task's smallest effect of interest
    Kind(
        name="beats",
        held_to=Bound.SESOI,
        reproduced=(above(0),),
        refuted=(below(1),),
        floor=0,
        planned_at=1,
        sized=True,
        shown="above 0 (sesoi {bound})",
        asserted="> 0, sesoi {bound}",
        drawn="sesoi +{bound}",
        registered="is above 0 (smallest effect of interest {bound})",
    )
)
MATCHES = add_kind(  # theta > -margin
    Kind(
        name="matches",
        held_to=Bound.MARGIN,
        reproduced=(above(-1),),
        refuted=(below(-1),),
        floor=2,
        planned_at=0,
        planned_for=-0.5,
        shown="above -{bound}",
        asserted="> −{bound}",
        drawn="margin −{bound}",
        registered="is above −{bound}, the margin",
    )
)
EQUALS = add_kind(  # |theta| < margin: two one-sided tests, Schuirmann 1987
    Kind(
        name="equals",
        held_to=Bound.MARGIN,
        reproduced=(above(-1), below(1)),
        refuted=(below(-1), above(1)),
        floor=2,
        planned_at=0,
        planned_for=-0.5,
        shown="within +-{bound}",
        asserted="within ±{bound}",
        drawn="margin ±{bound}",
        registered="is within ±{bound}, the margin",
    )
)
NO_GAIN = add_kind(  # theta < sesoi, in a setting in which the effect must be absent
    Kind(
        name="no_gain",
        held_to=Bound.SESOI,
        reproduced=(below(1),),
        refuted=(above(1),),
        floor=-2,
        planned_at=0,
        shown="below {bound}",
        asserted="< sesoi {bound}",
        drawn="sesoi +{bound}",
        registered="is below {bound}, the smallest effect of interest",
    )
)
