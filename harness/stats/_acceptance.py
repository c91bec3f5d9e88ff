"""Do fresh values of a training still come from the baseline's distribution? Pure functions of two samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from harness.stats._assessment import NOISE_DECIMALS
from harness.stats._distributions import f_cdf, f_quantile, f_upper, t_cdf, t_quantile
from harness.stats._paired import FloatArray

# Two looks against one shared baseline both fail more often than alpha squared, up to 4 times as often at a baseline of
# 50 values and looks of 20. At .01 a look of one test fires by mistake 1 % of the time (spread half of that, since two
# tests must agree), and a check of 9 recipes is red at most .5 % of the time after confirmation, for baselines of 50 or
# 100 values and looks of 5 + 10 or 20 + 20; even exponential values stay below 1 %. docs/statistics.md has the table.
ALPHA_LOCATION = 0.01
ALPHA_SPREAD = 0.01

FRESH = 5  # replicates of a first look
CONFIRM = 10  # further replicates that confirm a shift
GATE_BASELINE = 50  # baseline values from which spread can be red; an sd of 50 values is known to +-20 %
GATE_FRESH = 20  # fresh values from which spread can be red; 5 miss a doubled sd more often than they see it


@dataclass(frozen=True, kw_only=True)
class Location:
    """Fresh minus baseline mean in the unit of the data, and the region [low, high] where it is accepted.

    `red` is beyond both the region and the practical `margin`. `m` and `n` are the sizes of baseline and fresh sample.
    """

    baseline_mean: float
    fresh_mean: float
    difference: float
    low: float
    high: float
    p: float
    margin: float
    alpha: float
    m: int
    n: int
    red: bool


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Two tests of equal variance; `rejected` by both, and `red` where the samples are also large enough to gate.

    `f` is the fresh variance over the baseline's, `bf` Brown and Forsythe's statistic; both may be infinite, none nan.
    """

    baseline_sd: float
    fresh_sd: float
    f: float
    p_f: float
    bf: float
    p_bf: float
    alpha: float
    m: int
    n: int
    gates: bool
    rejected: bool
    red: bool


def location(
    baseline: npt.ArrayLike, fresh: npt.ArrayLike, *, margin: float, alpha: float = ALPHA_LOCATION
) -> Location:
    """Return whether the mean of `fresh` (n,) lies where that of n more values like `baseline` (m,) would.

    The difference of means is accepted within +-t(m+n-2; 1 - alpha/2) s sqrt(1/m + 1/n), s^2 the pooled variance; p is
    two-sided. Red asks in addition for a difference beyond `margin`, in the unit of the data, so that a long baseline
    does not make a harmless shift red. Where neither sample has any spread the region is the point 0: equal constants
    are accepted with p = 1, others have p = 0 and are red beyond the margin. Values and differences are rounded to
    `NOISE_DECIMALS`, since finer ones are float noise.

    Assumes independent, nearly normal values with one variance (Student 1908, Biometrika 6; the pooled form: Fisher
    1925, Statistical Methods for Research Workers, chapter V). A doubled variance in the smaller sample raises the
    level, and is what `spread` watches.

    Raises ValueError for fewer than 2 or non-finite values, a negative margin, or alpha outside (0, 1).
    """
    check_level(alpha)
    if not 0 <= margin < np.inf:
        raise ValueError(f"the margin must be finite and not negative, got {margin}")
    base, new = moments(_sample(baseline, "baseline")), moments(_sample(fresh, "fresh"))
    error = float(_error(base, new))
    difference = round(float(new.mean - base.mean), NOISE_DECIMALS)
    half = t_critical(base.size + new.size - 2, alpha) * error
    if error > 0:
        p = 2 * float(t_cdf(base.size + new.size - 2, -abs(difference) / error))
    else:
        p = 1.0 if difference == 0 else 0.0
    return Location(
        baseline_mean=float(base.mean),
        fresh_mean=float(new.mean),
        difference=difference,
        low=-half,
        high=half,
        p=p,
        margin=margin,
        alpha=alpha,
        m=base.size,
        n=new.size,
        red=abs(difference) > max(half, margin),
    )


def spread(baseline: npt.ArrayLike, fresh: npt.ArrayLike, *, alpha: float = ALPHA_SPREAD) -> Spread:
    """Return whether the variance of `fresh` (n,) differs from that of `baseline` (m,) by both of two tests.

    F = s_n^2 / s_m^2 on (n-1, m-1) degrees of freedom, two-sided with equal tails (Fisher 1925, chapter VII; Snedecor
    1934), is the sharper test of normal values and rejects too often when tails are heavy. Brown and Forsythe's is the
    one-way F statistic of |x - median of its sample| on (1, m+n-2), and keeps its level much better under skew and
    heavy tails (Brown & Forsythe 1974, J. Am. Stat. Assoc. 69). `rejected` needs both at `alpha`; `red` also needs
    `GATE_BASELINE` and `GATE_FRESH` values.

    Two constant samples have F = 1 and both p = 1. A constant baseline and fresh values that vary have F infinite and
    p_f = 0, the reverse F = 0 and p_f = 0, so that Brown and Forsythe's test decides; its statistic is infinite where
    the deviations differ between samples and not within. Values are rounded as in `location`. Assumes independent
    values.

    Raises ValueError for fewer than 2 or non-finite values, or alpha outside (0, 1).
    """
    check_level(alpha)
    base, new = moments(_sample(baseline, "baseline")), moments(_sample(fresh, "fresh"))
    m, n = base.size, new.size
    between, within = float(_between(base, new)), float((base.z_ss + new.z_ss) / (m + n - 2))
    f = _ratio(float(new.ss) / (n - 1), float(base.ss) / (m - 1), neither=1.0)
    bf = _ratio(between, within, neither=0.0)
    rejected = bool(spread_fails(base, new, alpha))
    gates = m >= GATE_BASELINE and n >= GATE_FRESH
    return Spread(
        baseline_sd=float(base.ss / (m - 1)) ** 0.5,
        fresh_sd=float(new.ss / (n - 1)) ** 0.5,
        f=f,
        p_f=_p_f(f, n - 1, m - 1) if base.ss > 0 or new.ss > 0 else 1.0,
        bf=bf,
        p_bf=float(f_upper(1, m + n - 2, bf)) if bf < np.inf else 0.0,
        alpha=alpha,
        m=m,
        n=n,
        gates=gates,
        rejected=rejected,
        red=rejected and gates,
    )


def spread_confirm(n: int) -> int:
    """Return how many further replicates confirm a spread rejected on `n`: as many again, and enough to gate."""
    return max(n, GATE_FRESH)


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What the tests read off samples of `size` values: one number each, or one a simulated sample.

    `ss` is the sum of squares about the mean, `z` the absolute deviation from the sample's median.
    """

    size: int
    mean: FloatArray
    ss: FloatArray
    z_mean: FloatArray
    z_ss: FloatArray

    def rolled(self, by: int) -> Moments:
        """The same simulated samples, dealt to other baselines."""
        mean, ss, z_mean, z_ss = (np.roll(x, by) for x in (self.mean, self.ss, self.z_mean, self.z_ss))
        return Moments(size=self.size, mean=mean, ss=ss, z_mean=z_mean, z_ss=z_ss)


def moments(x: FloatArray) -> Moments:
    """Moments of samples along the last axis."""
    x = np.round(x, NOISE_DECIMALS)
    z = np.abs(x - np.median(x, axis=-1, keepdims=True)).astype(np.float64).round(NOISE_DECIMALS)
    mean, ss = _mean_and_ss(x)
    z_mean, z_ss = _mean_and_ss(z)
    return Moments(size=x.shape[-1], mean=mean, ss=ss, z_mean=z_mean, z_ss=z_ss)


def _mean_and_ss(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and sum of squares about it; exact where all values are equal, where numpy's own sums round."""
    mean = np.where(np.ptp(x, axis=-1) == 0, x[..., 0], x.mean(axis=-1))
    return mean, np.asarray(np.square(x - mean[..., None]).sum(axis=-1))


# The rules are written without a division, so that samples without spread need no special case.


def location_fails(base: Moments, fresh: Moments, alpha: float) -> npt.NDArray[np.bool_]:
    critical = t_critical(base.size + fresh.size - 2, alpha)
    return np.asarray(np.abs(fresh.mean - base.mean) > critical * _error(base, fresh))


def spread_fails(base: Moments, fresh: Moments, alpha: float) -> npt.NDArray[np.bool_]:
    low, high, critical = _spread_critical(base.size, fresh.size, alpha)
    s_base, s_fresh = base.ss / (base.size - 1), fresh.ss / (fresh.size - 1)
    by_f = (s_fresh < low * s_base) | (s_fresh > high * s_base)
    within = (base.z_ss + fresh.z_ss) / (base.size + fresh.size - 2)
    return np.asarray(by_f & (_between(base, fresh) > critical * within))


def _error(base: Moments, fresh: Moments) -> FloatArray:
    """Standard error of the difference of means, from the pooled variance."""
    pooled = (base.ss + fresh.ss) / (base.size + fresh.size - 2)
    return np.asarray(np.sqrt(pooled * (1 / base.size + 1 / fresh.size)))


def _between(base: Moments, fresh: Moments) -> FloatArray:
    """Brown and Forsythe's mean square between the two samples, on one degree of freedom."""
    return np.asarray((fresh.z_mean - base.z_mean) ** 2 / (1 / base.size + 1 / fresh.size))


@cache
def t_critical(df: int, alpha: float) -> float:
    return float(t_quantile(df, 1 - alpha / 2))


@cache
def _spread_critical(m: int, n: int, alpha: float) -> tuple[float, float, float]:
    """Both ends of the F ratio's acceptance region, and the upper end of Brown and Forsythe's."""
    low, high = (float(f_quantile(n - 1, m - 1, q)) for q in (alpha / 2, 1 - alpha / 2))
    return low, high, float(f_quantile(1, m + n - 2, 1 - alpha))


def _p_f(f: float, above: int, below: int) -> float:
    if f == np.inf:
        return 0.0
    return min(1.0, 2 * min(float(f_cdf(above, below, f)), float(f_upper(above, below, f))))


def _ratio(above: float, below: float, *, neither: float) -> float:
    """`above` over `below`, infinite where only the latter is 0, and `neither` where both are."""
    if below > 0:
        return above / below
    return np.inf if above > 0 else neither


def _sample(x: npt.ArrayLike, name: str) -> FloatArray:
    x_R = np.asarray(x, dtype=np.float64)
    if x_R.ndim != 1 or x_R.size < 2:
        raise ValueError(f"{name}: expected at least 2 values, shape (replicates,), got shape {x_R.shape}")
    if not bool(np.isfinite(x_R).all()):
        raise ValueError(f"{name}: expected finite numbers, got {x_R!r}")
    return x_R


def check_level(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
