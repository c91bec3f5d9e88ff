"""Tests, intervals and power for a mean paired difference: pure functions of one number a replicate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from harness.stats._distributions import (
    binomial_cdf,
    chi2_upper_quantile,
    log_gamma,
    noncentral_t_cdf,
    normal_cdf,
    t_cdf,
    t_quantile,
)

FloatArray = npt.NDArray[np.float64]

ALPHA = 0.025  # one-sided; the two-sided 95 % interval then excludes exactly what a test rejects

EXACT_MOST = 20  # replicates up to which every sign pattern is counted (2**20 of them)
FLIP_DRAWS = 99_999  # random sign patterns beyond that; with the observed one, p moves in steps of 1e-5
FLIP_SEED = 20_190_327
TIE = 1e-9  # share of sum |x - null| below which two sums are equal: float noise, never data


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval, both ends in the unit of the data."""

    lower: float
    upper: float


def mean_interval(x: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Return Student's confidence interval of the mean of `x` (replicates,), in the unit of `x`.

    mean +- t(n-1; (1 + level) / 2) s / sqrt(n); of zero width where s = 0. Assumes independent replicates with
    nearly normal differences (Student 1908, "The probable error of a mean", Biometrika 6).

    Raises ValueError for fewer than 2 or non-finite values, or a level outside (0, 1).
    """
    _inside(level, "level")
    x_R = _replicates(x)
    mean, error = _mean_and_error(x_R)
    half = float(t_quantile(x_R.size - 1, (1 + level) / 2)) * error
    return Interval(mean - half, mean + half)


def prediction_interval(mean: float, sd: float, n: int, *, further: int, level: float = 0.95) -> Interval:
    """Return where the mean of `further` replicates lies with chance `level`, after n with this mean and sd.

    mean +- t(n-1; (1 + level) / 2) sd sqrt(1 / n + 1 / further): both means vary. Same assumptions as `mean_interval`,
    and the further replicates have the same spread.

    Raises ValueError for fewer than 2 replicates, no further one, or a level outside (0, 1).
    """
    if further < 1:
        raise ValueError(f"expected at least one further replicate, got {further}")
    half = t_critical(n, (1 - level) / 2) * sd * (1 / n + 1 / further) ** 0.5
    return Interval(mean - half, mean + half)


def welch_interval(x: npt.ArrayLike, y: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Return Welch's confidence interval of mean `x` (n,) minus mean `y` (m,), independent samples of any spread.

    difference +- t(df; (1 + level) / 2) sqrt(v_x + v_y), v = s^2 / n, with Satterthwaite's
    df = (v_x + v_y)^2 / (v_x^2 / (n - 1) + v_y^2 / (m - 1)); of zero width where neither has spread (Welch 1947, "The
    generalization of 'Student's' problem", Biometrika 34). Assumes nearly normal values.

    Raises ValueError for fewer than 2 or non-finite values in a sample, or a level outside (0, 1).
    """
    _inside(level, "level")
    x_R, y_R = _replicates(x), _replicates(y)
    (mean_x, error_x), (mean_y, error_y) = _mean_and_error(x_R), _mean_and_error(y_R)
    difference, variance = mean_x - mean_y, error_x**2 + error_y**2
    if variance == 0:
        return Interval(difference, difference)
    df = variance**2 / (error_x**4 / (x_R.size - 1) + error_y**4 / (y_R.size - 1))
    half = float(t_quantile(df, (1 + level) / 2)) * variance**0.5
    return Interval(difference - half, difference + half)


def t_greater(x: npt.ArrayLike, *, null: float) -> float:
    """Return the paired-t p-value of H0: mean of `x` (replicates,) <= `null`, against mean > `null`.

    p = P(T(n-1) >= (mean - null) sqrt(n) / s). Assumes independent replicates with nearly normal differences
    (Student 1908). Without spread (s = 0) the statistic is undefined, and p is its limit: 0.0 where the mean lies
    beyond `null`, else 1.0; whoever judges must treat s = 0 as no evidence.

    Raises ValueError for fewer than 2 or non-finite values.
    """
    x_R = _replicates(x)
    mean, error = _mean_and_error(x_R)
    if error == 0:
        return 0.0 if mean > null else 1.0
    return float(t_cdf(x_R.size - 1, (null - mean) / error))


def t_less(x: npt.ArrayLike, *, null: float) -> float:
    """Return the paired-t p-value of H0: mean of `x` (replicates,) >= `null`, against mean < `null`.

    The mirror image of `t_greater`: same formula, assumption, limit at s = 0, source and errors.
    """
    return t_greater(-_replicates(x), null=-null)


def flip_greater(x: npt.ArrayLike, *, null: float) -> float:
    """Return the sign-flip p-value of H0: `x` (replicates,) is centred at or below `null`, against above.

    Under H0 at its boundary each d = x - null is as likely as -d, so p is the share of the 2^n sign patterns whose
    sum of +-d is at least the observed one; equivalently, of the subsets of replicates whose d sum to <= 0, since
    flipping exactly these does not lower the sum. Ties count (within `TIE`), the empty subset always does, so
    p >= 2^-n. Exact up to `EXACT_MOST` replicates, by sorting the subset sums of one half against those of the other
    (Horowitz & Sahni 1974, J. ACM 21); beyond, p = (1 + count) / (1 + draws) over `FLIP_DRAWS` patterns from a fixed
    seed (Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9). Assumes independent replicates, symmetric about
    their centre, of any spread or tail (Fisher 1935, The Design of Experiments, section 21; Pitman 1937, Suppl. J.
    R. Stat. Soc. 4).

    Raises ValueError for fewer than 2 or non-finite values.
    """
    d_R = _replicates(x) - null
    tie = TIE * float(np.abs(d_R).sum())
    if d_R.size > EXACT_MOST:
        return (1 + _drawn_sums_at_most(d_R, tie)) / (1 + FLIP_DRAWS)
    half = d_R.size // 2
    left, right = _subset_sums(d_R[:half]), np.sort(_subset_sums(d_R[half:]))
    count = int(np.searchsorted(right, tie - left, side="right").sum())
    return count / (left.size * right.size)


def flip_less(x: npt.ArrayLike, *, null: float) -> float:
    """Return the sign-flip p-value of H0: `x` (replicates,) is centred at or above `null`, against below.

    The mirror image of `flip_greater`: same formula, assumption, sources and errors.
    """
    return flip_greater(-_replicates(x), null=-null)


def flip_least(*, n: int) -> float:
    """Return the smallest p-value that the sign-flip test of `n` replicates can give.

    2^-n while patterns are enumerated, 1 / (1 + draws) beyond. Times the size of a family, it must not exceed
    `ALPHA`, or no data can decide a claim by this test.

    Raises ValueError for fewer than 2 replicates.
    """
    _at_least_two(n)
    return 2.0**-n if n <= EXACT_MOST else 1 / (1 + FLIP_DRAWS)


def t_power(*, effect: float, sd: float, n: int, alpha: float) -> float:
    """Return the chance that the one-sided paired t-test at `alpha` finds a true mean `effect` beyond its null.

    P(T'(n-1; effect sqrt(n) / sd) > t(n-1; 1 - alpha)), T' the noncentral t. `effect` and `sd` (of one difference)
    share a unit; without spread the power is 1 for a positive effect, else 0. Assumes normal differences (Lehmann &
    Romano 2005, Testing Statistical Hypotheses, chapter 5).

    Raises ValueError for n < 2, a negative sd, or alpha outside (0, 1).
    """
    _design(sd, n, alpha)
    if sd == 0:
        return 1.0 if effect > 0 else 0.0
    shift = effect * n**0.5 / sd
    critical = float(t_quantile(n - 1, 1 - alpha))
    power = 1 - float(noncentral_t_cdf(n - 1, shift, critical))
    if np.isnan(power):  # nctdtr gives up only where the answer is 0 or 1 to six digits and more
        return 1.0 if shift > critical else 0.0
    return min(max(power, 0.0), 1.0)


def tost_power(*, effect: float, margin: float, sd: float, n: int, alpha: float) -> float:
    """Return the chance that two one-sided paired t-tests at `alpha` each place a true mean `effect` within `margin`.

    Given the observed sd u * sd, both reject where the mean lies within margin - t(n-1; 1 - alpha) u sd / sqrt(n) of
    0, a normal probability; it is integrated over the law of u, (n-1) u^2 ~ chi^2(n-1), by Gauss-Legendre
    quadrature. No approximation beyond that: the two tests' dependence is accounted for. Units as in `t_power`;
    without spread the power is 1 inside the margin, else 0. Assumes normal differences (Schuirmann 1987, J.
    Pharmacokin. Biopharm. 15; Phillips 1990, same journal, 18).

    Raises ValueError for n < 2, a negative sd, a margin that is not positive, or alpha outside (0, 0.5).
    """
    _design(sd, n, alpha)
    if margin <= 0 or alpha >= 0.5:
        raise ValueError(f"expected a positive margin and alpha below 0.5, got margin {margin} and alpha {alpha}")
    if sd == 0:
        return 1.0 if abs(effect) < margin else 0.0
    df, scale = n - 1, n**0.5 / sd
    critical = float(t_quantile(df, 1 - alpha))
    low = float(np.sqrt(chi2_upper_quantile(df, 1 - 1e-15) / df))
    high = min(
        float(np.sqrt(chi2_upper_quantile(df, 1e-15) / df)), margin * scale / critical
    )  # beyond, neither rejects
    if high <= low:
        return 0.0
    # Near the edge the normal probability falls from 1 to 0 within +-8 / critical: a panel up to there, one across.
    edge = (margin - abs(effect)) * scale / critical
    ends = np.clip([low, edge - 8 / critical, edge + 8 / critical], low, high)
    nodes, weights = _gauss_legendre()
    u = (ends[:-1, None] + np.diff(ends)[:, None] * (nodes + 1) / 2).ravel()
    step = (np.diff(ends)[:, None] / 2 * weights).ravel()
    log_density = np.log(2) + df / 2 * np.log(df / 2) - log_gamma(df / 2) + (df - 1) * np.log(u) - df * u**2 / 2
    within = normal_cdf((margin - effect) * scale - critical * u) - normal_cdf(critical * u - (margin + effect) * scale)
    return min(max(float(np.sum(step * np.exp(log_density) * within)), 0.0), 1.0)


def t_critical(n: int, alpha: float) -> float:
    """Return t(n - 1; 1 - alpha): what a mean of n without an effect exceeds, in standard errors, with chance alpha.

    Raises ValueError for fewer than 2 replicates or a level outside (0, 1).
    """
    _inside(alpha, "alpha")
    if n < 2:
        raise ValueError(f"expected at least 2 replicates, got {n}")
    return float(t_quantile(n - 1, 1 - alpha))


def effect_of_power(*, power: float, sd: float, n: int, alpha: float) -> float:
    """Return the mean effect, in the unit of sd, that a one-sided paired t-test at `alpha` finds with chance `power`.

    The effect at which `t_power` is `power`, by bisection to a millionth of sd. Assumptions and source as there.

    Raises ValueError as `t_power` does, or for a power that is not between `alpha` and 1, or without spread.
    """
    if not alpha < power < 1 or not sd > 0:
        raise ValueError(f"expected a spread and a power between alpha and 1, got sd {sd} and power {power}")
    low, high = 0.0, 100.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if t_power(effect=middle, sd=1.0, n=n, alpha=alpha) >= power else (middle, high)
    return high * sd


def binomial_range(n: int, p: float, *, level: float = 0.95) -> tuple[int, int]:
    """Return the counts, both included, between which a binomial (n, p) lies with chance `level` at least.

    Equal tails: no more than (1 - level) / 2 beyond either end.

    Raises ValueError for n < 1, or p or level outside (0, 1).
    """
    _inside(p, "p")
    _inside(level, "level")
    if n < 1:
        raise ValueError(f"expected at least one trial, got {n}")
    at_most = binomial_cdf(np.arange(n + 1), n, p)
    tail = (1 - level) / 2
    return int(np.searchsorted(at_most, tail, side="right")), int(np.searchsorted(at_most, 1 - tail))


def replicates_needed(
    *, power: float, power_at: Callable[[int], float], fewest: int = 2, most: int = 1000
) -> int | None:
    """Return the smallest n in `fewest` .. `most` with ``power_at(n) >= power``, or None where even `most` fall short.

    By bisection, so `power_at` must not fall with n; `t_power` of a positive effect and `tost_power` of an effect
    inside its margin do not.

    Raises ValueError for a power outside (0, 1) or fewest > most.

    >>> replicates_needed(power=0.8, power_at=lambda n: t_power(effect=0.5, sd=1.0, n=n, alpha=0.025))
    34
    """
    _inside(power, "power")
    if fewest > most:
        raise ValueError(f"fewest must not exceed most, got {fewest} > {most}")
    if power_at(most) < power:
        return None
    low, high = fewest, most
    while low < high:
        middle = (low + high) // 2
        if power_at(middle) >= power:
            high = middle
        else:
            low = middle + 1
    return high


def sd_upper(*, sd: float, n: int, level: float = 0.8) -> float:
    """Return the one-sided upper confidence limit, at `level`, of the sd behind an observed `sd` of `n` replicates.

    sd sqrt((n-1) / chi^2(n-1; 1 - level)); what to design with when `sd` comes from a small pilot, whose own sd is
    too low more often than not. Assumes normal differences (Browne 1995, Statistics in Medicine 14).

    Raises ValueError for n < 2, a negative sd, or a level outside (0, 1).
    """
    _design(sd, n, level)
    return sd * float(np.sqrt((n - 1) / chi2_upper_quantile(n - 1, level)))


def _replicates(x: npt.ArrayLike) -> FloatArray:
    """Check that `x` is (replicates,), finite, and enough for a spread."""
    x_R = np.asarray(x, dtype=np.float64)
    if x_R.ndim != 1:
        raise ValueError(f"expected one number a replicate, shape (replicates,), got shape {x_R.shape}")
    _at_least_two(x_R.size)
    if not bool(np.isfinite(x_R).all()):
        raise ValueError(f"expected finite numbers, got {x_R!r}")
    return x_R


def _mean_and_error(x_R: FloatArray) -> tuple[float, float]:
    """Mean and standard error; exact where all values are equal, where numpy's own sums round."""
    if bool(np.all(x_R == x_R[0])):
        return float(x_R[0]), 0.0
    return float(x_R.mean()), float(x_R.std(ddof=1)) / x_R.size**0.5


def _subset_sums(d_R: FloatArray) -> FloatArray:
    """Sums of all 2^n subsets; bit r of a subset's place says whether it has the r-th value."""
    sums = np.zeros(1)
    for d in d_R:
        sums = np.concatenate([sums, sums + d])
    return sums


def _drawn_sums_at_most(d_R: FloatArray, bound: float) -> int:
    """How many of `FLIP_DRAWS` random subsets sum to at most `bound`; the sums of eight replicates are looked up."""
    sums = np.zeros(FLIP_DRAWS)
    for first, drawn in enumerate(_drawn_subsets(d_R.size)):
        sums += _subset_sums(d_R[8 * first : 8 * first + 8])[drawn]
    return int(np.count_nonzero(sums <= bound))


@cache
def _drawn_subsets(n: int) -> list[npt.NDArray[np.uint8]]:
    """Which of `n` replicates each of `FLIP_DRAWS` random subsets has, a bit each; the same in every test."""
    draws = np.random.default_rng(FLIP_SEED)
    drawn_RB = np.array([draws.integers(0, 2, FLIP_DRAWS) for _ in range(n)], np.bool_)
    return list(np.packbits(drawn_RB, axis=0, bitorder="little"))


@cache
def _gauss_legendre() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    return nodes, weights


def _at_least_two(n: int) -> None:
    if n < 2:
        raise ValueError(f"a spread needs at least 2 replicates, got {n}")


def _inside(value: float, name: str) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value}")


def _design(sd: float, n: int, alpha: float) -> None:
    _at_least_two(n)
    _inside(alpha, "alpha or level")
    if not sd >= 0:
        raise ValueError(f"sd must not be negative, got {sd}")
