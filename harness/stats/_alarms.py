"""How often the two tests of fresh values reject: false alarms of a check, and the power it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from harness.stats._acceptance import (
    ALPHA_LOCATION,
    ALPHA_SPREAD,
    CONFIRM,
    GATE_BASELINE,
    GATE_FRESH,
    Moments,
    check_level,
    location_fails,
    moments,
    spread_confirm,
    spread_fails,
    t_critical,
)
from harness.stats._distributions import chi2_upper_quantile, normal_cdf
from harness.stats._paired import FloatArray

DRAWS = 4_000  # simulated baselines
ROLLS = 64  # fresh samples that each simulated baseline meets at each look
SEED = 20_190_509

Draw = Callable[[np.random.Generator, tuple[int, int]], FloatArray]


@dataclass(frozen=True, kw_only=True)
class FalseAlarm:
    """Chances, for one recipe that did not change, that a first look rejects and that both looks do."""

    location_first: float
    location_both: float
    spread_first: float
    spread_both: float


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
        half = t_critical(m + size - 2, alpha) * np.sqrt(ss / (m + size - 2) * (1 / m + 1 / size))
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
    base = moments(normal(random, (draws, m)))
    chance = np.ones(draws)
    for size in (n, confirm)[:looks]:
        fresh = moments(ratio * normal(random, (draws, size)))
        chance *= _fails(base, fresh, lambda b, f: spread_fails(b, f, alpha))
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
    check_level(alpha_spread)
    random = np.random.default_rng(SEED)
    base = moments(draw(random, (draws, m)))

    def rates(rule: Callable[[Moments, Moments], npt.NDArray[np.bool_]], second: int) -> tuple[FloatArray, FloatArray]:
        first, again = (_fails(base, moments(draw(random, (draws, size))), rule) for size in (n, second))
        return first, first * again

    shift, shift_both = rates(lambda b, f: location_fails(b, f, alpha_location), confirm)
    width, width_both = rates(lambda b, f: spread_fails(b, f, alpha_spread), spread_confirm(n))
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


def _fails(base: Moments, fresh: Moments, rule: Callable[[Moments, Moments], npt.NDArray[np.bool_]]) -> FloatArray:
    """Share of fresh samples that fail against each baseline, (baselines,)."""
    counts = np.zeros(base.mean.shape)
    for by in range(ROLLS):
        counts += rule(base, fresh.rolled(by))
    return counts / ROLLS


@cache
def _gauss_legendre() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(96)
    return nodes, weights


def _design(m: int, n: int, confirm: int, looks: int, alpha: float) -> None:
    check_level(alpha)
    if min(m, n, confirm) < 2:
        raise ValueError(f"a spread needs at least 2 values a sample, got m {m}, n {n} and {confirm} to confirm")
    if looks not in (1, 2):
        raise ValueError(f"expected 1 or 2 looks, got {looks}")
