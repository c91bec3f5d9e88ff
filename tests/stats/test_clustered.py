"""The interval over clusters is Student's where it should be, covers, and refuses what has no clusters."""

import numpy as np
import pytest

from harness.stats._clustered import clustered_interval
from harness.stats._paired import binomial_range, mean_interval

SIZES = [60] * 4 + [5] * 16  # some replicates have many more trainings than others


def test_clusters_of_one_size_give_students_interval_of_their_means():
    """Ten clusters of four values are ten numbers, however the values lie within a cluster."""
    x_GN = np.random.default_rng(1).normal(3, 1, (10, 4))
    found = clustered_interval(x_GN.ravel(), np.repeat(np.arange(10), 4))
    student = mean_interval(x_GN.mean(axis=1))
    assert (found.lower, found.upper) == pytest.approx((student.lower, student.upper))


def test_the_order_and_the_names_of_clusters_are_nothing():
    """Values in another order under other names have the same interval."""
    x_N, cluster_N = np.random.default_rng(2).normal(size=60), np.repeat(np.arange(12), 5)
    one, order = clustered_interval(x_N, cluster_N), np.random.default_rng(3).permutation(60)
    other = clustered_interval(x_N[order], [f"replicate {7 * i}" for i in cluster_N[order]])
    assert (other.lower, other.upper) == pytest.approx((one.lower, one.upper))


@pytest.mark.parametrize("shared", [0.0, 0.2, 1.0])
def test_it_covers_whatever_values_of_a_cluster_share(shared):
    """Clusters of very unlike sizes: the mean is inside in 91 to 96 % of cases, where plain values are far too sure."""
    rng, runs = np.random.default_rng(4), 1000
    cluster_N = np.repeat(np.arange(len(SIZES)), SIZES)
    covered = plain = 0
    for _ in range(runs):
        common_N = rng.standard_normal(len(SIZES))[cluster_N]
        x_N = shared**0.5 * common_N + (1 - shared) ** 0.5 * rng.standard_normal(len(cluster_N))
        found, naive = clustered_interval(x_N, cluster_N), mean_interval(x_N)
        covered += found.lower <= 0 <= found.upper
        plain += naive.lower <= 0 <= naive.upper
    assert 0.9 <= covered / runs <= binomial_range(runs, 0.96, level=0.999)[1] / runs
    assert plain / runs < (0.5 if shared else 0.97)


def test_a_higher_level_is_wider():
    """99 % contains 95 %."""
    x_N, cluster_N = np.random.default_rng(5).normal(size=40), np.repeat(np.arange(8), 5)
    narrow, wide = (clustered_interval(x_N, cluster_N, level=level) for level in (0.95, 0.99))
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


@pytest.mark.parametrize(
    ("values", "clusters", "level", "told"),
    [
        ([1.0, 2.0], [1, 1], 0.95, "at least 2 clusters"),
        ([1.0, np.nan], [1, 2], 0.95, "a finite number"),
        ([1.0, 2.0], [1], 0.95, "for each cluster name"),
        ([1.0, 2.0], [1, 2], 1.0, "level"),
    ],
)
def test_what_has_no_interval_is_refused(values, clusters, level, told):
    """One cluster has no spread; a value without a cluster, or none at all, is a mistake."""
    with pytest.raises(ValueError, match=told):
        clustered_interval(values, clusters, level=level)
