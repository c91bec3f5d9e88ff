"""What a comparison of two arms measured, tested: intervals, p-values and floors, not yet a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.stats._kinds import Decision, Kind, Outcome
from harness.stats._paired import FloatArray, Interval, mean_interval

NOISE_DECIMALS = 9  # of a percentage point: finer differences are float noise, not data


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What one part measured: arm minus reference, `differences` (replicates,), in pp unless `unit` says otherwise.

    `floors` holds reference minus floor arm, (replicates,) each, in the same replicates. `bound` is the sesoi or
    margin, by what the kind is held to. Where it is `discrete`, equal differences in all replicates are no mistake, and
    the sign-flip test is of them too. Raises ValueError for a bound that is not positive, values that are not
    finite, or floors of another shape.
    """

    name: str
    kind: Kind
    bound: float
    differences: FloatArray
    floors: Mapping[str, FloatArray]
    null_setting: bool = False
    unit: str = "pp"
    discrete: bool = False

    def __post_init__(self) -> None:
        if not self.bound > 0:
            raise ValueError(f"{self.name}: the sesoi or margin must be positive, got {self.bound} {self.unit}")
        columns = {"differences": self.differences} | {f"floor {name}": x for name, x in self.floors.items()}
        for name, x in columns.items():
            if np.ndim(x) != 1 or np.shape(x) != np.shape(self.differences):
                expected = f"(replicates,) = {np.shape(self.differences)}"
                raise ValueError(f"{self.name}, {name}: expected shape {expected}, got {np.shape(x)}")
            if not np.isfinite(x).all():
                raise ValueError(f"{self.name}, {name}: not finite in replicate {int(np.argmin(np.isfinite(x)))}")


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What shows that a measurement could have failed: reference minus floor, its lower 95 % limit, and the least."""

    name: str
    mean: float
    lower: float
    needed: float
    beaten: bool


@dataclass(frozen=True, kw_only=True)
class PartResult:
    """One part, tested: mean, sd and 95 % interval in its unit, and unadjusted p-values by t and by sign-flip.

    nan marks what too few replicates leave undefined; p is 1 there, and where the differences have no spread, but for
    that of sign-flip where they are `discrete`.
    """

    name: str
    kind: Kind
    bound: float
    n: int
    mean: float
    sd: float
    lower: float
    upper: float
    p_rep: float
    p_ref: float
    flip_rep: float
    flip_ref: float
    floors: tuple[Floor, ...]
    null_setting: bool
    unit: str = "pp"
    discrete: bool = False
    differences: tuple[float, ...] = field(default=(), repr=False, compare=False)

    def without_one(self, *, reproduced: bool) -> float:
        """Return the largest p-value of the t-test that leaving out one replicate gives, 1 for fewer than three."""
        p = self.kind.p_rep if reproduced else self.kind.p_ref
        x_R = np.array(self.differences)
        if x_R.size < 3:
            return 1.0
        left = [np.delete(x_R, i) for i in range(x_R.size)]
        return max(p(x, self.bound, Decision.T) if np.ptp(x) > 0 else 1.0 for x in left)

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the mean."""
        return Interval(self.lower, self.upper)


def all_hold(p: Sequence[float]) -> float:
    """Return the p-value of all parts together (intersection-union, Berger 1982): the largest; 1 for none."""
    return max(p, default=1.0)


def any_fails(p: Sequence[float]) -> float:
    """Return the p-value that any of the parts fails (Bonferroni): the smallest times the parts, at most 1."""
    return min([1.0, *(len(p) * each for each in p)])


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A claim's parts and the test that decides; `error` says why there is nothing to judge.

    A claim is reproduced when all parts are (intersection-union, Berger 1982, Technometrics 24: the largest p) and
    refuted when any is (Bonferroni: the smallest p times the parts). Raises ValueError for no part and no error.
    """

    parts: tuple[PartResult, ...]
    decision: Decision
    error: str = ""

    def __post_init__(self) -> None:
        if not self.parts and not self.error:
            raise ValueError("an assessment needs at least one part, or an error that says why there is none")

    @property
    def n(self) -> int:
        """Replicates of the part that has fewest."""
        return min((part.n for part in self.parts), default=0)

    @property
    def p_rep(self) -> float:
        """The t-test's p for `reproduced`, before Holm."""
        return all_hold([part.p_rep for part in self.parts])

    @property
    def p_ref(self) -> float:
        """The t-test's p for `refuted`, before Holm."""
        return any_fails([part.p_ref for part in self.parts])

    def without_one(self, *, reproduced: bool) -> float:
        """Return `p_rep` or `p_ref` with whichever replicate left out makes it largest."""
        parts = [part.without_one(reproduced=reproduced) for part in self.parts]
        return all_hold(parts) if reproduced else any_fails(parts)

    @property
    def flip_rep(self) -> float:
        """The sign-flip test's p for `reproduced`, before Holm."""
        return all_hold([part.flip_rep for part in self.parts])

    @property
    def flip_ref(self) -> float:
        """The sign-flip test's p for `refuted`, before Holm."""
        return any_fails([part.flip_ref for part in self.parts])


def assess(comparison: Comparison) -> PartResult:
    """Return the mean, interval, floors and p-values of one comparison.

    theta is the mean difference. p_rep tests theta <= 0 for ``beats``, theta <= -margin for ``matches``, and
    both theta <= -margin and theta >= margin for ``equals`` (the larger p: TOST, Schuirmann 1987). p_ref tests
    theta >= sesoi, theta >= -margin, and the smaller p of theta >= -margin and theta <= margin.
    """
    x_R = np.round(comparison.differences, NOISE_DECIMALS)
    n, kind, bound = x_R.size, comparison.kind, comparison.bound
    mean = sd = lower = upper = float("nan")
    p_rep = p_ref = flip_rep = flip_ref = 1.0
    if n == 1:
        mean = float(x_R[0])
    elif n > 1:
        interval = mean_interval(x_R)
        mean, lower, upper = float(x_R.mean()), interval.lower, interval.upper
        sd = float(x_R.std(ddof=1)) if np.ptp(x_R) > 0 else 0.0
    if n > 1 and sd > 0:
        p_rep, p_ref = kind.p_rep(x_R, bound, Decision.T), kind.p_ref(x_R, bound, Decision.T)
    if n > 1 and (sd > 0 or comparison.discrete):
        flip_rep, flip_ref = (p(x_R, bound, Decision.SIGN_FLIP) for p in (kind.p_rep, kind.p_ref))
    return PartResult(
        name=comparison.name,
        kind=kind,
        bound=bound,
        n=n,
        mean=mean,
        sd=sd,
        lower=lower,
        upper=upper,
        p_rep=p_rep,
        p_ref=p_ref,
        flip_rep=flip_rep,
        flip_ref=flip_ref,
        floors=tuple(_floor(name, x, comparison) for name, x in comparison.floors.items()),
        null_setting=comparison.null_setting,
        unit=comparison.unit,
        discrete=comparison.discrete,
        differences=tuple(x_R.tolist()),
    )


def _floor(name: str, x_R: FloatArray, comparison: Comparison) -> Floor:
    kind, bound = comparison.kind, comparison.bound
    mean = float(np.mean(x_R)) if x_R.size else float("nan")
    lower = mean_interval(x_R).lower if x_R.size > 1 else float("nan")
    needed, beaten = kind.floor_needed(bound), kind.clears(lower, bound)
    return Floor(name=name, mean=mean, lower=lower, needed=needed, beaten=beaten)


def decided_with(parts: Sequence[tuple[PartResult, Interval]], outcome: Outcome) -> bool:
    """Return whether 95 % intervals in place of the parts' own ones exclude all that `outcome` had to reject.

    For `reproduced` in every part, for `refuted` in any: what p_rep and p_ref of the part test (see `assess`).
    """
    if outcome is Outcome.REPRODUCED:
        return all(part.kind.inside(interval, part.bound) for part, interval in parts)
    return any(part.kind.outside(interval, part.bound) for part, interval in parts)
