"""Samples of which only mean, spread and size are kept: what they come to together, and whether they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.stats._distributions import f_upper
from harness.stats._paired import Interval, t_critical


@dataclass(frozen=True)
class Sample:
    """Mean and sample sd of `n` replicates."""

    mean: float
    sd: float
    n: int

    @classmethod
    def of_interval(cls, mean: float, lower: float, n: int) -> Sample:
        """Return the sample whose mean has a 95 % t-interval from `lower` on."""
        return cls(mean, (mean - lower) * math.sqrt(n) / t_critical(n, 0.025), n)

    @property
    def interval(self) -> Interval:
        """The 95 % t-interval of the mean."""
        half = t_critical(self.n, 0.025) * self.sd / math.sqrt(self.n)
        return Interval(self.mean - half, self.mean + half)


def pooled(samples: Sequence[Sample]) -> Sample:
    """Return the sample that several come to as one: their replicates put together."""
    n = sum(each.n for each in samples)
    mean = sum(each.n * each.mean for each in samples) / n
    squares = sum((each.n - 1) * each.sd**2 + each.n * (each.mean - mean) ** 2 for each in samples)
    return Sample(mean, math.sqrt(squares / (n - 1)), n)


def heterogeneity(samples: Sequence[Sample]) -> float:
    """Return the p-value of Welch's test that several samples have one mean, whatever their spreads.

    Welch 1951, "On the comparison of several mean values", Biometrika 38; of two samples it is Welch's t-test. Without
    spread in a sample nothing can be said, and p is nan. Raises ValueError for fewer than 2 samples.
    """
    if len(samples) < 2:
        raise ValueError(f"{len(samples)} sample cannot differ from others")
    if any(each.sd == 0 for each in samples):
        return math.nan
    k = len(samples)
    weights = [each.n / each.sd**2 for each in samples]
    total = sum(weights)
    mean = sum(w * each.mean for w, each in zip(weights, samples, strict=True)) / total
    spread = sum((1 - w / total) ** 2 / (each.n - 1) for w, each in zip(weights, samples, strict=True))
    between = sum(w * (each.mean - mean) ** 2 for w, each in zip(weights, samples, strict=True)) / (k - 1)
    f = between / (1 + 2 * (k - 2) * spread / (k**2 - 1))
    return float(f_upper(k - 1, (k**2 - 1) / (3 * spread), f))
