"""Samples that are known by mean, spread and size alone, against the same computed from their values by scipy."""

import numpy as np
import pytest
from scipy import stats

from harness.stats._paired import mean_interval
from harness.stats._samples import Sample, heterogeneity, pooled


def drawn(*of, seed=3):
    rng = np.random.default_rng(seed)
    return [rng.normal(mean, sd, n) for mean, sd, n in of]


def sample(x):
    return Sample(float(x.mean()), float(x.std(ddof=1)), len(x))


def test_an_interval_gives_its_sample_back():
    """Mean, lower end and size are enough."""
    (x,) = drawn((1, 2, 12))
    interval = mean_interval(x)
    again = Sample.of_interval(float(x.mean()), interval.lower, 12)
    assert again.sd == pytest.approx(x.std(ddof=1))
    assert (again.interval.lower, again.interval.upper) == pytest.approx((interval.lower, interval.upper))


def test_pooled_is_what_all_values_give():
    """Three samples of other sizes and spreads."""
    xs = drawn((0, 1, 8), (0.5, 2, 20), (1, 0.5, 11))
    together = pooled([sample(x) for x in xs])
    every = np.concatenate(xs)
    assert (together.mean, together.sd, together.n) == pytest.approx((every.mean(), every.std(ddof=1), 39))


def test_of_two_samples_it_is_welchs_t_test():
    """The same p as scipy's, from the values."""
    x, y = drawn((0, 1, 20), (0.6, 2, 30))
    expected = stats.ttest_ind(x, y, equal_var=False).pvalue
    assert heterogeneity([sample(x), sample(y)]) == pytest.approx(expected)


def test_of_three_samples_it_is_welchs_analysis_of_variance():
    """The same p as scipy's, from the values."""
    xs = drawn((0, 1, 5), (0.6, 2, 9), (1, 0.5, 7))
    assert heterogeneity([sample(x) for x in xs]) == pytest.approx(stats.f_oneway(*xs, equal_var=False).pvalue)


def test_three_equal_means_are_called_unlike_as_often_as_the_level_says():
    """With spreads and sizes that differ, in which a test of equal variances is wrong."""
    rng, repeats = np.random.default_rng(4), 4000
    found = sum(
        heterogeneity([sample(rng.normal(0, sd, n)) for sd, n in ((1, 10), (3, 20), (0.5, 30))]) <= 0.05
        for _ in range(repeats)
    )
    assert 0.04 <= found / repeats <= 0.06
    assert heterogeneity([sample(x) for x in drawn((0, 1, 10), (0, 1, 10), (4, 1, 10))]) < 1e-4


def test_what_cannot_be_compared():
    """One sample, or one without spread."""
    with pytest.raises(ValueError, match="1 sample cannot"):
        heterogeneity([Sample(0, 1, 5)])
    assert np.isnan(heterogeneity([Sample(0, 0, 5), Sample(1, 1, 5)]))
