"""An interval of a mean over replicates and images: pure functions of one number a replicate and image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.stats._distributions import t_quantile
from harness.stats._paired import Interval


def two_way_interval(differences: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Return an interval of the mean of `differences` (replicates, images) that speaks of other images too.

    nan is an image that a replicate was not tested on. A number is the sum of an effect of its replicate, one of its
    image and a rest, all random; their variances v_R, v_N and v_E follow from the sums of squares between replicates,
    between images and in all (Henderson 1953, "Estimation of variance and covariance components", Biometrics 9, method
    1; for a full grid the analysis of variance). The mean over M numbers, m_r of a replicate and c_n of an image, has
    the variance (v_R sum m_r^2 + v_N sum c_n^2) / M^2 + v_E / M, which for a full grid is (MS_R + MS_N - MS_E) / M. It
    is taken to be at least that of the replicates' means alone, and the interval is mean +- t(R-1; (1 + level)/2) times
    its root. Assumes nearly normal effects.

    Raises ValueError for fewer than 2 replicates or images, a replicate without an image, or a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    d_RN = np.asarray(differences, dtype=np.float64)
    seen_RN = np.isfinite(d_RN)
    if d_RN.ndim == 2:
        d_RN, seen_RN = d_RN[:, seen_RN.any(axis=0)], seen_RN[:, seen_RN.any(axis=0)]
    if d_RN.ndim != 2 or min(d_RN.shape) < 2 or not bool(seen_RN.any(axis=1).all()):
        raise ValueError(f"expected numbers, (replicates, images) of at least 2 each, got shape {d_RN.shape}")
    mean, variance = _mean_and_variance(np.where(seen_RN, d_RN, 0.0), seen_RN)
    half = float(t_quantile(len(d_RN) - 1, (1 + level) / 2)) * variance**0.5
    return Interval(mean - half, mean + half)


def _mean_and_variance(d_RN: npt.NDArray[np.float64], seen_RN: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return the mean of what was seen, 0 elsewhere, and its variance over other replicates and images."""
    m_R, c_N, M = seen_RN.sum(axis=1), seen_RN.sum(axis=0), int(seen_RN.sum())
    R, N = d_RN.shape
    mean = float(d_RN.sum()) / M
    means_R, means_N = d_RN.sum(axis=1) / m_R, d_RN.sum(axis=0) / c_N
    k_R, k_N = float((m_R**2).sum()) / M, float((c_N**2).sum()) / M
    squares = np.array(
        [
            float(m_R @ (means_R - mean) ** 2),
            float(c_N @ (means_N - mean) ** 2),
            float(((d_RN - mean) ** 2)[seen_RN].sum()),
        ]
    )
    expected = np.array([[M - k_R, R - k_N, R - 1], [N - k_R, M - k_N, N - 1], [M - k_R, M - k_N, M - 1]])
    v_R, v_N, v_E = np.linalg.solve(expected, squares)
    both = (v_R * k_R + v_N * k_N + v_E) / M
    return mean, float(max(both, means_R.var(ddof=1) / R))
