"""One side of a value: what a one-sided test shows of a mean difference. Kinds of comparison are made of these."""

from __future__ import annotations

from dataclasses import dataclass

from harness.stats._paired import FloatArray, Interval, flip_greater, flip_less, t_greater, t_less


@dataclass(frozen=True)
class Side:
    """All means above, or all below, `at` times the bound that a comparison is held to (its sesoi or margin)."""

    at: float
    above: bool

    def value(self, bound: float) -> float:
        """Where the side begins, in the unit of `bound`."""
        return self.at * bound

    def p_t(self, x_R: FloatArray, bound: float) -> float:
        """The t-test's p of H0: the mean of `x_R` (replicates,) does not lie on this side."""
        return (t_greater if self.above else t_less)(x_R, null=self.value(bound))

    def p_flip(self, x_R: FloatArray, bound: float) -> float:
        """The sign-flip test's p of the same hypothesis."""
        return (flip_greater if self.above else flip_less)(x_R, null=self.value(bound))

    def holds(self, interval: Interval, bound: float) -> bool:
        """Whether the whole interval lies on this side: at 95 %, whether the t-test rejects at `ALPHA`."""
        return interval.lower > self.value(bound) if self.above else interval.upper < self.value(bound)

    def spares(self, interval: Interval, bound: float) -> bool:
        """Whether nothing of the interval lies on this side."""
        return interval.upper <= self.value(bound) if self.above else interval.lower >= self.value(bound)

    def depth(self, mean: float, bound: float) -> float:
        """How far a mean lies within this side, in the unit of `bound`; negative on the other side."""
        return mean - self.value(bound) if self.above else self.value(bound) - mean

    def depth_many(self, values: FloatArray, bound: float) -> FloatArray:
        """How far each of many values lies within this side, as `depth` says of one."""
        return values - self.value(bound) if self.above else self.value(bound) - values

    def mirrored(self) -> Side:
        """The other side of the same value."""
        return Side(self.at, above=not self.above)


def above(at: float) -> Side:
    """All means above `at` times the bound."""
    return Side(at, above=True)


def below(at: float) -> Side:
    """All means below `at` times the bound."""
    return Side(at, above=False)
