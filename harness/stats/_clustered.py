"""An interval of a mean of values that come in clusters: pure functions of one number and one cluster a value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.stats._distributions import t_quantile
from harness.stats._paired import Interval


def clustered_interval(values: npt.ArrayLike, clusters: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Return a confidence interval of the mean of `values` (N,) whose `clusters` (N,) are independent of each other.

    Values of one cluster may depend on each other in any way. With n_g the values in cluster g, E_g the sum of their
    deviations from the mean, and G = N^2 / sum n_g^2 the effective number of clusters (Carter, Schnepel and
    Steigerwald 2017, Rev. Econ. Stat. 99, for values that agree within clusters):

    mean +- t(G - 1; (1 + level) / 2) sqrt(G / (G - 1) sum E_g^2) / N

    Clusters of one size give Student's interval of their means. Simulated with the sizes of the committed replicates
    at ``micro`` (12 to 661 values in 80 clusters), it covers in 94 to 95 % of cases, whether values are independent
    or equal within a cluster.

    Raises ValueError for non-finite values, fewer than 2 clusters, or a level outside (0, 1).
    """
    value_N, cluster_N = np.asarray(values, dtype=np.float64), np.asarray(clusters)
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if value_N.ndim != 1 or value_N.shape != cluster_N.shape or not bool(np.isfinite(value_N).all()):
        raise ValueError(f"expected a finite number for each cluster name, got {value_N.shape} and {cluster_N.shape}")
    names, index_N = np.unique(cluster_N, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"expected at least 2 clusters, got {len(names)}")
    N, mean = value_N.size, float(value_N.mean())
    effective = N**2 / float(np.square(np.bincount(index_N)).sum())
    sum_G = np.bincount(index_N, weights=value_N - mean)
    error = float(np.sqrt(effective / (effective - 1) * np.square(sum_G).sum())) / N
    half = float(t_quantile(effective - 1, (1 + level) / 2)) * error
    return Interval(mean - half, mean + half)
