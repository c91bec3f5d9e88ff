"""Fresh values are accepted and rejected as scipy's tests say, at the error rates and the power that are stated."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from harness.stats._acceptance import (
    ALPHA_LOCATION,
    FRESH,
    GATE_BASELINE,
    GATE_FRESH,
    location,
    spread,
    spread_confirm,
)
from tests.project import loaded_by

law = settings(deadline=None, max_examples=60)
levels = st.sampled_from([0.001, ALPHA_LOCATION, 0.05])


def accuracies(least=2, most=12):
    """Accuracies in steps of a 500-image test set, so that ties and constant samples come up."""
    return st.lists(st.integers(470, 500), min_size=least, max_size=most).map(lambda hits: np.array(hits) / 5)


def draws(shape, *, seed, mean=97.0, sd=0.5):
    return np.random.default_rng(seed).normal(mean, sd, shape)


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
    ],
)
def test_impossible_designs_are_refused(call):
    """A design outside its range is a ValueError, not a number."""
    with pytest.raises(ValueError, match="got"):
        call()


def test_import_is_light():
    """The check imports neither scipy.stats nor torch."""
    assert loaded_by("harness.stats._acceptance", "scipy.stats", "scipy.integrate", "torch") == []
