"""Fresh values are accepted and rejected as scipy's tests say, at the error rates and the power that are stated."""

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
    check_false_alarm,
    false_alarm,
    location,
    location_power,
    spread,
    spread_confirm,
    spread_power,
)
from tests.project import loaded_by

law = settings(deadline=None, max_examples=60)
levels = st.sampled_from([0.001, ALPHA_LOCATION, 0.05])
DESIGNS = [(m, n, confirm) for m in (50, 100) for n, confirm in ((FRESH, CONFIRM), (GATE_FRESH, GATE_FRESH))]


def accuracies(least=2, most=12):
    """Accuracies in steps of a 500-image test set, so that ties and constant samples come up."""
    return st.lists(st.integers(470, 500), min_size=least, max_size=most).map(lambda hits: np.array(hits) / 5)


def draws(shape, *, seed, mean=97.0, sd=0.5):
    return np.random.default_rng(seed).normal(mean, sd, shape)


def close_to(p, *, repeats, sigmas=4):
    """The binomial error around a rate of `p`."""
    return pytest.approx(p, abs=sigmas * (p * (1 - p) / repeats) ** 0.5)


# --- oracles -------------------------------------------------------------------------------------------------------


@law
@given(accuracies(), accuracies(), levels)
def test_location_matches_scipy(baseline, fresh, alpha):
    """Scipy's pooled t-test has the same p, and its interval moved to 0 is the acceptance region."""
    assume(np.ptp(baseline) > 0 and np.ptp(fresh) > 0)  # scipy warns of a constant sample
    looked = location(baseline, fresh, margin=0.0, alpha=alpha)
    oracle = scipy_stats.ttest_ind(fresh, baseline)
    interval = oracle.confidence_interval(1 - alpha)
    assert looked.p == pytest.approx(oracle.pvalue, rel=1e-6)
    assert (looked.low, looked.high) == pytest.approx(
        (interval.low - looked.difference, interval.high - looked.difference), rel=1e-6
    )
    assert looked.difference == pytest.approx(looked.fresh_mean - looked.baseline_mean)
    assert looked.red == (looked.p < alpha)
    assert (looked.m, looked.n) == (baseline.size, fresh.size)


@law
@given(accuracies(3), accuracies(3), levels)
def test_spread_matches_scipy(baseline, fresh, alpha):
    """Both statistics and p-values are scipy's, and the rule rejects exactly where both p-values do."""
    assume(np.ptp(baseline) > 0 and np.ptp(fresh) > 0)
    assume(any(np.ptp(np.abs(x - np.median(x))) > 1e-9 for x in (baseline, fresh)))  # else scipy divides by noise
    looked = spread(baseline, fresh, alpha=alpha)
    f = fresh.var(ddof=1) / baseline.var(ddof=1)
    law_of_f = scipy_stats.f(fresh.size - 1, baseline.size - 1)
    assert looked.f == pytest.approx(f)
    assert looked.p_f == pytest.approx(min(1, 2 * min(law_of_f.cdf(f), law_of_f.sf(f))), rel=1e-6)
    oracle = scipy_stats.levene(baseline, fresh, center="median")
    assert looked.bf == pytest.approx(oracle.statistic, rel=1e-6, abs=1e-12)
    assert looked.p_bf == pytest.approx(oracle.pvalue, rel=1e-6)
    assert looked.rejected == (looked.p_f < alpha and looked.p_bf < alpha)
    assert (looked.baseline_sd, looked.fresh_sd) == pytest.approx((baseline.std(ddof=1), fresh.std(ddof=1)))


# --- the rule --------------------------------------------------------------------------------------------------------


def test_red_needs_the_region_and_the_margin():
    """A shift that is certain and small is accepted, as is one that is large and may be chance."""
    baseline = draws(100, seed=1, sd=0.05)
    shifted = draws(20, seed=2, sd=0.05) + 0.2
    assert location(baseline, shifted, margin=0.0).red
    assert not location(baseline, shifted, margin=0.5).red
    assert location(baseline, shifted, margin=0.1).red
    wide = location(draws(100, seed=1, sd=3), draws(5, seed=3, sd=3) + 1, margin=0.5)
    assert abs(wide.difference) > wide.margin
    assert not wide.red


def test_spread_gates_from_its_sizes_on():
    """A plain rejection only warns below `GATE_BASELINE` and `GATE_FRESH` values, and is red from there."""
    baseline, fresh = draws(GATE_BASELINE, seed=4), draws(GATE_FRESH, seed=5, sd=5)
    assert spread(baseline, fresh).red
    for few, some in ((baseline[1:], fresh), (baseline, fresh[1:])):
        warned = spread(few, some)
        assert (warned.rejected, warned.gates, warned.red) == (True, False, False)


def test_spread_confirmation_is_large_enough_to_gate():
    """A spread is confirmed on as many values again, and on no fewer than gate."""
    assert (spread_confirm(FRESH), spread_confirm(GATE_FRESH), spread_confirm(50)) == (GATE_FRESH, GATE_FRESH, 50)


@pytest.mark.parametrize("n", [2, 5, 20])
@pytest.mark.parametrize("value", [97.4, 100.0, 0.1])
def test_equal_constants_are_accepted(value, n):
    """A baseline and fresh values that are all the same have nothing to reject, also with float noise."""
    noisy = np.full(n, value) + 1e-13 * np.arange(n)
    for fresh in (np.full(n, value), noisy):
        looked, width = location(np.full(60, value), fresh, margin=0.0), spread(np.full(60, value), fresh)
        assert (looked.difference, looked.low, looked.high, looked.p, looked.red) == (0.0, 0.0, 0.0, 1.0, False)
        assert (width.f, width.p_f, width.bf, width.p_bf, width.rejected) == (1.0, 1.0, 0.0, 1.0, False)


def test_different_constants_are_red_beyond_the_margin():
    """Without spread any difference is certain, and only the margin accepts it; spread has nothing to say."""
    baseline, fresh = np.full(60, 97.0), np.full(20, 96.6)
    assert location(baseline, fresh, margin=0.3).red
    assert location(baseline, fresh, margin=0.3).p == 0.0
    assert not location(baseline, fresh, margin=0.4).red
    assert not spread(baseline, fresh).rejected


def test_constant_baseline_meets_values_that_vary():
    """F is infinite, so Brown and Forsythe's test decides: one odd value in 20 is accepted, 20 odd values are not."""
    baseline = np.full(60, 100.0)
    one = spread(baseline, [99.8, *[100.0] * 19])
    assert (one.f, one.p_f, one.rejected) == (np.inf, 0.0, False)
    assert spread(baseline, draws(20, seed=6)).red
    assert not location(baseline, [99.8, *[100.0] * 19], margin=0.0).red


def test_constant_fresh_values_are_too_narrow():
    """Twenty equal values against a baseline that varies are a rejected spread, with F = 0."""
    looked = spread(draws(60, seed=7), np.full(20, 97.0))
    assert (looked.f, looked.p_f, looked.fresh_sd, looked.red) == (0.0, 0.0, 0.0, True)
    assert np.isfinite(looked.bf)


def test_pairs_leave_no_nan():
    """Two values deviate equally from their median, so the statistic is 0 or infinite, and the decision still one."""
    same, wider = spread([97.0, 98.0], [96.1, 97.1]), spread([97.0, 97.2], [90.0, 99.0])
    assert (same.bf, same.p_bf, same.rejected) == (0.0, 1.0, False)
    assert (wider.bf, wider.p_bf) == (np.inf, 0.0)
    assert 0 < wider.p_f < 1


@law
@given(accuracies(), accuracies(), st.sampled_from([0.0, 0.3]))
def test_mirrored_data_are_judged_alike(baseline, fresh, margin):
    """Swapping the sign of all values swaps the difference's sign and changes no decision."""
    here, there = location(baseline, fresh, margin=margin), location(-baseline, -fresh, margin=margin)
    assert there.difference == pytest.approx(-here.difference, abs=1e-9)
    assert (there.red, there.p) == (here.red, pytest.approx(here.p, rel=1e-6))
    assert spread(-baseline, -fresh).rejected == spread(baseline, fresh).rejected


@law
@given(accuracies(), accuracies(), st.sampled_from([0.0, 0.3]), st.integers(0, 100))
def test_moving_away_never_turns_red_to_green(baseline, fresh, margin, steps):
    """Fresh values moved further from the baseline's mean stay red."""
    here = location(baseline, fresh, margin=margin)
    away = np.sign(here.difference) or 1.0
    there = location(baseline, fresh + away * steps / 5, margin=margin)
    assert there.red or not here.red
    assert there.p <= here.p * (1 + 1e-9)


# --- error rates and power -------------------------------------------------------------------------------------------

REPEATS = 2000


@cache
def shares(*, m, n, shift=0.0, ratio=1.0):
    """Share of simulated samples that the public functions reject, for location and for spread."""
    red = rejected = 0
    for values in draws((REPEATS, m + n), seed=8, mean=0, sd=1):
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


@law
@given(st.floats(0, 3), st.floats(0.1, 2), st.integers(10, 100), st.integers(3, 30), levels)
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


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [[], [1.0], [1.0, np.nan], [np.inf, 1.0], [[1.0, 2.0]]])
def test_bad_samples_are_refused(bad):
    """Too few, non-finite or stacked values are a ValueError that names the sample."""
    good = [1.0, 2.0]
    for name, samples in (("baseline", (bad, good)), ("fresh", (good, bad))):
        with pytest.raises(ValueError, match=name):
            location(*samples, margin=0.5)
        with pytest.raises(ValueError, match=name):
            spread(*samples)


@pytest.mark.parametrize(
    "call",
    [
        lambda: location([1, 2], [1, 2], margin=-1),
        lambda: location([1, 2], [1, 2], margin=np.nan),
        lambda: location([1, 2], [1, 2], margin=0, alpha=0.0),
        lambda: spread([1, 2], [1, 2], alpha=1.0),
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


def test_import_is_light():
    """The check imports neither scipy.stats nor torch."""
    assert loaded_by("harness.stats._acceptance", "scipy.stats", "scipy.integrate", "torch") == []
