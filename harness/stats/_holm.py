"""Holm's adjustment of the p-values of a family of tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.stats._paired import FloatArray


def holm(p: npt.ArrayLike) -> FloatArray:
    """Return Holm's adjusted p-values of `p` (tests,), in the order given.

    The i-th smallest becomes the running maximum of (m - i + 1) p_(i), at most 1; rejecting those <= alpha keeps the
    chance of any false rejection at alpha under any dependence (Holm 1979, Scand. J. Stat. 6).

    Raises ValueError for anything but a vector of numbers in [0, 1].
    """
    p_M = np.asarray(p, dtype=np.float64)
    if p_M.ndim != 1 or not bool(np.all((p_M >= 0) & (p_M <= 1))):
        raise ValueError(f"p-values must be a vector of numbers in [0, 1], got {p_M!r}")
    order = np.argsort(p_M, kind="stable")
    adjusted_M = np.empty_like(p_M)
    adjusted_M[order] = np.minimum(np.maximum.accumulate(p_M[order] * np.arange(p_M.size, 0, -1)), 1.0)
    return adjusted_M
