"""Do fresh values of a training still come from the baseline's distribution? Pure functions of two samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from harness.stats._assessment import NOISE_DECIMALS
from harness.stats._distributions import chi2_upper_quantile, f_cdf, f_quantile, f_upper, normal_cdf, t_cdf, t_quantile
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

DRAWS = 4_000  # simulated baselines
ROLLS = 64  # fresh samples that each simulated baseline meets at each look
SEED = 20_190_509

Draw = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


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


@dataclass(frozen=True, kw_only=True)
class FalseAlarm:
    """Chances, for one recipe that did not change, that a first look rejects and that both looks do."""

    location_first: float
    location_both: float
    spread_first: float
    spread_both: float


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
    _level(alpha)
    if not 0 <= margin < np.inf:
        raise ValueError(f"the margin must be finite and not negative, got {margin}")
    base, new = _moments(_sample(baseline, "baseline")), _moments(_sample(fresh, "fresh"))
    error = float(_error(base, new))
    difference = round(float(new.mean - base.mean), NOISE_DECIMALS)
    half = _t_critical(base.size + new.size - 2, alpha) * error
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
    _level(alpha)
    base, new = _moments(_sample(baseline, "baseline")), _moments(_sample(fresh, "fresh"))
    m, n = base.size, new.size
    between, within = float(_between(base, new)), float((base.z_ss + new.z_ss) / (m + n - 2))
    f = _ratio(float(new.ss) / (n - 1), float(base.ss) / (m - 1), neither=1.0)
    bf = _ratio(between, within, neither=0.0)
    rejected = bool(_spread_fails(base, new, alpha))
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


def location_power(
    *,
    shift: float,
    sd: float,
    m: int,
    n: int,
    confirm: int = CONFIRM,
    looks: int = 2,
    margin: float = 0.0,
    alpha: float = ALPHA_LOCATION,
) -> float:
    """Return the chance that `location` is red on a first look of `n` values and again on `confirm` others.

    `shift` of the true mean, `sd` and `margin` share a unit; looks=1 stops after the first. Given the baseline's mean
    and sd the looks are independent, and given its own sd the chance that a look fails is a normal probability; both
    are integrated by Gauss-Legendre quadrature over the normal law of the mean and the chi-squared laws of the
    variances, so the shared baseline is accounted for. For one look and no margin it equals the noncentral t power.
    With shift = 0 it is the false-alarm rate. A look counts in whichever direction it fails. Assumes normal values.

    Raises ValueError for samples below 2, an sd or margin that is not positive (margin: negative), or other looks.
    """
    _design(m, n, confirm, looks, alpha)
    if not sd > 0 or not margin >= 0:
        raise ValueError(f"expected a positive sd and a margin of at least 0, got sd {sd} and margin {margin}")
    nodes, weights = _gauss_legendre()
    z, z_weight = 8 * nodes, 8 * weights * np.exp(-32 * nodes**2) / (2 * np.pi) ** 0.5
    q, q_weight = (nodes + 1) / 2, weights / 2
    mean = z[:, None, None] / m**0.5
    base_ss = chi2_upper_quantile(m - 1, q)[:, None]
    both = np.ones((z.size, q.size))
    for size in (n, confirm)[:looks]:
        ss = base_ss + chi2_upper_quantile(size - 1, q)
        half = _t_critical(m + size - 2, alpha) * np.sqrt(ss / (m + size - 2) * (1 / m + 1 / size))
        half = np.maximum(half, margin / sd)
        above = normal_cdf((shift / sd - mean - half) * size**0.5)
        below = normal_cdf((mean - half - shift / sd) * size**0.5)
        both *= (above + below) @ q_weight
    return float(np.clip(z_weight @ both @ q_weight, 0, 1))


@cache
def spread_power(
    *,
    m: int,
    n: int,
    ratio: float = 2.0,
    confirm: int | None = None,
    looks: int = 2,
    alpha: float = ALPHA_SPREAD,
    draws: int = DRAWS,
) -> float:
    """Return the chance that `spread` rejects fresh values whose sd is `ratio` times the baseline's.

    Both tests must reject, on a first look of `n` values and on `confirm` others (default `spread_confirm`) against the
    same baseline; looks=1 stops after the first. Whether samples of this size gate is not asked. Simulated: `draws`
    normal baselines from a fixed seed, each met by `ROLLS` fresh samples a look. Assumes normal values.

    Raises ValueError for samples below 2, a ratio that is not positive, or other looks.
    """
    confirm = spread_confirm(n) if confirm is None else confirm
    _design(m, n, confirm, looks, alpha)
    if not 0 < ratio < np.inf:
        raise ValueError(f"expected a positive ratio of sds, got {ratio}")
    random = np.random.default_rng(SEED)
    base = _moments(normal(random, (draws, m)))
    chance = np.ones(draws)
    for size in (n, confirm)[:looks]:
        fresh = _moments(ratio * normal(random, (draws, size)))
        chance *= _fails(base, fresh, lambda b, f: _spread_fails(b, f, alpha))
    return float(chance.mean())


def normal(random: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draw standard normal values."""
    return random.standard_normal(shape)


@cache
def false_alarm(
    *,
    m: int,
    n: int,
    confirm: int,
    alpha_location: float = ALPHA_LOCATION,
    alpha_spread: float = ALPHA_SPREAD,
    draw: Draw = normal,
    draws: int = 5 * DRAWS,
) -> FalseAlarm:
    """Return how often an unchanged recipe fails each test, on a first look of `n` values and on both looks.

    Location is confirmed on `confirm` values, spread on `spread_confirm(n)`; no margin helps, so a margin only lowers
    the location's rates. Simulated: `draws` baselines of `m` values from a fixed seed, all values by `draw` (a
    function of generator and shape). Each baseline meets `ROLLS` fresh samples a look; given the baseline the looks
    are independent, so the rate of both is the mean product of the two rates, which is far more precise than
    counting. What is returned is an average over baselines: a committed baseline is one draw, met by every later check.

    Raises ValueError for samples below 2 or alpha outside (0, 1).
    """
    _design(m, n, confirm, 2, alpha_location)
    _level(alpha_spread)
    random = np.random.default_rng(SEED)
    base = _moments(draw(random, (draws, m)))

    def rates(
        rule: Callable[[_Moments, _Moments], npt.NDArray[np.bool_]], second: int
    ) -> tuple[FloatArray, FloatArray]:
        first, again = (_fails(base, _moments(draw(random, (draws, size))), rule) for size in (n, second))
        return first, first * again

    shift, shift_both = rates(lambda b, f: _location_fails(b, f, alpha_location), confirm)
    width, width_both = rates(lambda b, f: _spread_fails(b, f, alpha_spread), spread_confirm(n))
    return FalseAlarm(
        location_first=float(shift.mean()),
        location_both=float(shift_both.mean()),
        spread_first=float(width.mean()),
        spread_both=float(width_both.mean()),
    )


def check_false_alarm(*, recipes: int, m: int, n: int, confirm: int, draw: Draw = normal) -> float:
    """Return an upper bound of the chance that a check of `recipes` unchanged recipes is red, confirmation counted.

    recipes x (location + spread, where samples of this size gate), by the union bound: correct whatever the
    dependence between recipes and between the two tests. Rates as in `false_alarm`.

    Raises ValueError for no recipe, or as `false_alarm` does.
    """
    if recipes < 1:
        raise ValueError(f"expected at least one recipe, got {recipes}")
    rate = false_alarm(m=m, n=n, confirm=confirm, draw=draw)
    gated = rate.spread_both if m >= GATE_BASELINE and n >= GATE_FRESH else 0.0
    return min(1.0, recipes * (rate.location_both + gated))


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """What the tests read off samples of `size` values: one number each, or one a simulated sample.

    `ss` is the sum of squares about the mean, `z` the absolute deviation from the sample's median.
    """

    size: int
    mean: FloatArray
    ss: FloatArray
    z_mean: FloatArray
    z_ss: FloatArray

    def rolled(self, by: int) -> _Moments:
        """The same simulated samples, dealt to other baselines."""
        mean, ss, z_mean, z_ss = (np.roll(x, by) for x in (self.mean, self.ss, self.z_mean, self.z_ss))
        return _Moments(size=self.size, mean=mean, ss=ss, z_mean=z_mean, z_ss=z_ss)


def _moments(x: FloatArray) -> _Moments:
    """Moments of samples along the last axis."""
    x = np.round(x, NOISE_DECIMALS)
    z = np.abs(x - np.median(x, axis=-1, keepdims=True)).astype(np.float64).round(NOISE_DECIMALS)
    mean, ss = _mean_and_ss(x)
    z_mean, z_ss = _mean_and_ss(z)
    return _Moments(size=x.shape[-1], mean=mean, ss=ss, z_mean=z_mean, z_ss=z_ss)


def _mean_and_ss(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and sum of squares about it; exact where all values are equal, where numpy's own sums round."""
    mean = np.where(np.ptp(x, axis=-1) == 0, x[..., 0], x.mean(axis=-1))
    return mean, np.asarray(np.square(x - mean[..., None]).sum(axis=-1))


# The rules are written without a division, so that samples without spread need no special case.


def _location_fails(base: _Moments, fresh: _Moments, alpha: float) -> npt.NDArray[np.bool_]:
    critical = _t_critical(base.size + fresh.size - 2, alpha)
    return np.asarray(np.abs(fresh.mean - base.mean) > critical * _error(base, fresh))


def _spread_fails(base: _Moments, fresh: _Moments, alpha: float) -> npt.NDArray[np.bool_]:
    low, high, critical = _spread_critical(base.size, fresh.size, alpha)
    s_base, s_fresh = base.ss / (base.size - 1), fresh.ss / (fresh.size - 1)
    by_f = (s_fresh < low * s_base) | (s_fresh > high * s_base)
    within = (base.z_ss + fresh.z_ss) / (base.size + fresh.size - 2)
    return np.asarray(by_f & (_between(base, fresh) > critical * within))


def _error(base: _Moments, fresh: _Moments) -> FloatArray:
    """Standard error of the difference of means, from the pooled variance."""
    pooled = (base.ss + fresh.ss) / (base.size + fresh.size - 2)
    return np.asarray(np.sqrt(pooled * (1 / base.size + 1 / fresh.size)))


def _between(base: _Moments, fresh: _Moments) -> FloatArray:
    """Brown and Forsythe's mean square between the two samples, on one degree of freedom."""
    return np.asarray((fresh.z_mean - base.z_mean) ** 2 / (1 / base.size + 1 / fresh.size))


def _fails(base: _Moments, fresh: _Moments, rule: Callable[[_Moments, _Moments], npt.NDArray[np.bool_]]) -> FloatArray:
    """Share of fresh samples that fail against each baseline, (baselines,)."""
    counts = np.zeros(base.mean.shape)
    for by in range(ROLLS):
        counts += rule(base, fresh.rolled(by))
    return counts / ROLLS


@cache
def _t_critical(df: int, alpha: float) -> float:
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


@cache
def _gauss_legendre() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(96)
    return nodes, weights


def _sample(x: npt.ArrayLike, name: str) -> FloatArray:
    x_R = np.asarray(x, dtype=np.float64)
    if x_R.ndim != 1 or x_R.size < 2:
        raise ValueError(f"{name}: expected at least 2 values, shape (replicates,), got shape {x_R.shape}")
    if not bool(np.isfinite(x_R).all()):
        raise ValueError(f"{name}: expected finite numbers, got {x_R!r}")
    return x_R


def _level(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")


def _design(m: int, n: int, confirm: int, looks: int, alpha: float) -> None:
    _level(alpha)
    if min(m, n, confirm) < 2:
        raise ValueError(f"a spread needs at least 2 values a sample, got m {m}, n {n} and {confirm} to confirm")
    if looks not in (1, 2):
        raise ValueError(f"expected 1 or 2 looks, got {looks}")
