"""An interval of a mean over replicates and images: pure functions of one number a replicate and image."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.stats._distributions import normal_cdf, t_quantile
from harness.stats._paired import Interval

DRAWS = 9_999
SEED = 20_070_901
CHUNK = 99  # draws at a time

_Counts = npt.NDArray[np.integer[Any]]


def two_way_interval(differences: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Return an interval of the mean of `differences` (replicates, images) that speaks of other images too.

    The pigeonhole bootstrap (Owen 2007, Ann. Appl. Stat. 1): replicates and images are drawn with replacement, each by
    itself, and d*_b is the mean over the grid of drawn rows and columns, `DRAWS` times from a fixed seed. In
    expectation its variance is about var_R/R + var_N/N + 3 var_RN/(R N), with var_R between replicates, var_N between
    images, var_RN the rest: too large only in the last term, so conservative. The ends are the quantiles of d* at
    Phi(-+t sqrt(R/(R-1))), t = t(R-1; (1 + level)/2), which undoes the narrowness of a bootstrap of few replicates
    (expanded percentiles: Hesterberg 2015, Am. Statistician 69). Assumes that replicates and images are two
    independent samples, and at least 5 replicates for a useful tail.

    Raises ValueError for fewer than 2 replicates or images, non-finite values, or a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    d_RN = np.asarray(differences, dtype=np.float64)
    if d_RN.ndim != 2 or min(d_RN.shape) < 2 or not bool(np.isfinite(d_RN).all()):
        raise ValueError(f"expected finite numbers, (replicates, images) of at least 2 each, got shape {d_RN.shape}")
    R, N = d_RN.shape
    chunks = zip(*map(_chunks, _draws(R, N)), strict=True)
    sums = [np.einsum("br,br->b", rows_BR, images_BN @ d_RN.T) for rows_BR, images_BN in chunks]
    means_B = np.concatenate(sums) / (R * N)
    z = float(t_quantile(R - 1, (1 + level) / 2)) * (R / (R - 1)) ** 0.5
    lower, upper = np.quantile(means_B, [normal_cdf(-z), normal_cdf(z)])
    return Interval(float(lower), float(upper))


@lru_cache(maxsize=1)
def _draws(replicates: int, images: int) -> tuple[_Counts, _Counts]:
    """Return how often each draw holds each replicate and each image, (draws, replicates) and (draws, images).

    All differences on a test set share them, so the last ones are kept: 100 MB for 10,000 images. A byte is enough: of
    n values drawn n times, the odds that one comes up 256 times are below 1e-500.
    """
    draws = np.random.default_rng(SEED)
    rows_BR = draws.multinomial(replicates, np.full(replicates, 1 / replicates), size=DRAWS)
    images_BN = np.empty((DRAWS, images), np.uint8)
    for counts in _chunks(images_BN):
        drawn = draws.integers(0, images, counts.shape) + images * np.arange(len(counts))[:, None]
        counts[:] = np.bincount(drawn.ravel(), minlength=counts.size).reshape(counts.shape)
    return rows_BR, images_BN


def _chunks(draws: _Counts) -> list[_Counts]:
    """Return the draws a few at a time, to keep memory flat where they are computed with."""
    return np.split(draws, range(CHUNK, len(draws), CHUNK))
