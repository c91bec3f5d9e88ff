"""Both tests of fresh values reject at the error rates and with the power that are stated."""

from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.stats._acceptance import (
    ALPHA_LOCATION,
    ALPHA_SPREAD,
    CONFIRM,
    FRESH,
    GATE_BASELINE,
    GATE_FRESH,
    location,
    spread,
)
from harness.stats._alarms import check_false_alarm, false_alarm, location_power, spread_power

DESIGNS = [(m, n, confirm) for m in (50, 100) for n, confirm in ((FRESH, CONFIRM), (GATE_FRESH, GATE_FRESH))]
REPEATS = 2000


def close_to(p, *, repeats, sigmas=4):
    """The binomial error around a rate of `p`."""
    return pytest.approx(p, abs=sigmas * (p * (1 - p) / repeats) ** 0.5)


@cache
def shares(*, m, n, shift=0.0, ratio=1.0):
    """Share of simulated samples that the public functions reject, for location and for spread."""
    red = rejected = 0
    for values in np.random.default_rng(8).normal(size=(REPEATS, m + n)):
        fresh = shift + ratio * values[m:]
        red += location(values[:m], fresh, margin=0.0, alpha=0.05).red
        rejected += spread(values[:m], fresh, alpha=0.05).rejected
    return red / REPEATS, rejected / REPEATS


@pytest.mark.parametrize(("m", "n"), [(50, 5), (50, 20)])
def test_levels_are_kept(m, n):
    """Unchanged, location rejects at its level, and spread, which needs two tests, below it."""
    red, rejected = shares(m=m, n=n)
    assert red == close_to(0.05, repeats=REPEATS)
    assert rejected < 0.05
    assert rejected == close_to(spread_power(m=m, n=n, ratio=1.0, looks=1, alpha=0.05), repeats=REPEATS, sigmas=5)


@pytest.mark.parametrize(("m", "n"), [(50, 5), (50, 20)])
def test_power_is_as_stated(m, n):
    """A shift and a wider spread are rejected as often as computed."""
    shifted = shares(m=m, n=n, shift=0.8)[0]
    assert shifted == close_to(location_power(shift=0.8, sd=1, m=m, n=n, looks=1, alpha=0.05), repeats=REPEATS)
    widened = shares(m=m, n=n, ratio=1.7)[1]
    assert widened == close_to(spread_power(m=m, n=n, ratio=1.7, looks=1, alpha=0.05), repeats=REPEATS, sigmas=5)


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0, 3),
    st.floats(0.1, 2),
    st.integers(10, 100),
    st.integers(3, 30),
    st.sampled_from([0.001, ALPHA_LOCATION, 0.05]),
)
def test_location_power_of_one_look_is_noncentral_t(shift, sd, m, n, alpha):
    """Without a margin one look has the power of the pooled t-test, whose law is known."""
    df, moved = m + n - 2, shift / sd / (1 / m + 1 / n) ** 0.5
    assume(moved < 30)
    critical = scipy_stats.t.ppf(1 - alpha / 2, df)
    law_of_t = scipy_stats.nct(df, moved) if moved > 0 else scipy_stats.t(df)
    oracle = law_of_t.sf(critical) + np.nan_to_num(law_of_t.cdf(-critical))  # nan far below its mean
    power = location_power(shift=shift, sd=sd, m=m, n=n, looks=1, alpha=alpha)
    assert power == pytest.approx(oracle, abs=2e-4, rel=1e-3)


def test_margin_and_second_look_only_lower_power():
    """More to be shown is shown less often, and a shift well short of the margin hardly ever."""
    one, two = (location_power(shift=1, sd=1, m=50, n=5, looks=looks) for looks in (1, 2))
    assert location_power(shift=1, sd=1, m=50, n=5, margin=0.9) < two < one
    assert location_power(shift=0.2, sd=1, m=50, n=20, confirm=20, margin=1.5) < 1e-6
    wide, confirmed = (spread_power(m=50, n=20, looks=looks) for looks in (1, 2))
    assert confirmed < wide


@pytest.mark.parametrize(("m", "n", "confirm"), DESIGNS)
def test_both_looks_fail_as_often_as_integrated(m, n, confirm):
    """Simulation and quadrature agree on how often two looks at one baseline fail, which alpha squared understates."""
    rate = false_alarm(m=m, n=n, confirm=confirm)
    integrated = location_power(shift=0, sd=1, m=m, n=n, confirm=confirm)
    assert rate.location_both == pytest.approx(integrated, rel=0.25)
    assert rate.location_first == pytest.approx(ALPHA_LOCATION, rel=0.25)
    assert integrated > 1.2 * ALPHA_LOCATION**2


@pytest.mark.parametrize(("m", "n", "confirm"), DESIGNS)
def test_nine_recipes_are_seldom_red_by_mistake(m, n, confirm):
    """A first look fires about 1 % of the time a test, and a confirmed check of nine recipes less than 1 % in all."""
    rate = false_alarm(m=m, n=n, confirm=confirm)
    assert rate.location_first < 0.0125
    assert rate.spread_first < ALPHA_SPREAD
    assert check_false_alarm(recipes=9, m=m, n=n, confirm=confirm) <= 0.01


def test_check_counts_spread_only_where_it_gates():
    """Below the gating sizes a check can only be red by location; the bound is never above 1."""
    for n, gates in ((GATE_FRESH - 1, False), (GATE_FRESH, True)):
        rate = false_alarm(m=50, n=n, confirm=20)
        counted = rate.location_both + (rate.spread_both if gates else 0)
        assert check_false_alarm(recipes=3, m=50, n=n, confirm=20) == pytest.approx(3 * counted)
    assert check_false_alarm(recipes=10**6, m=50, n=20, confirm=20) == 1.0


def test_power_of_spread_at_the_gate():
    """A doubled sd is seen on a first look most of the time at the gate, and not with five values."""
    assert spread_power(m=GATE_BASELINE, n=GATE_FRESH, looks=1) > 0.7
    assert spread_power(m=100, n=FRESH, looks=1) < 0.5


@pytest.mark.parametrize(
    "call",
    [
        lambda: location_power(shift=1, sd=0, m=50, n=5),
        lambda: location_power(shift=1, sd=1, m=50, n=1),
        lambda: location_power(shift=1, sd=1, m=50, n=5, looks=3),
        lambda: location_power(shift=1, sd=1, m=50, n=5, margin=-0.1),
        lambda: spread_power(m=1, n=5),
        lambda: spread_power(m=50, n=5, ratio=0.0),
        lambda: false_alarm(m=50, n=5, confirm=1),
        lambda: check_false_alarm(recipes=0, m=50, n=5, confirm=10),
    ],
)
def test_impossible_designs_are_refused(call):
    """A design outside its range is a ValueError, not a number."""
    with pytest.raises(ValueError, match="got"):
        call()
