"""Distribution functions under their usual names, by scipy.special, which is loaded when the first of them is called.

Designs are made and claims listed without it: it takes longer to import than all else that these need. `scipy.stats`
would take longer still. Arguments may be arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Number = float | npt.NDArray[np.float64] | npt.NDArray[np.int64]


def t_cdf(df: Number, t: Number) -> Any:
    """Student's t with `df` degrees of freedom: P(T <= t)."""
    from scipy import special

    return special.stdtr(df, t)


def t_quantile(df: Number, p: Number) -> Any:
    """The t with P(T <= t) = p, T Student's t with `df` degrees of freedom."""
    from scipy import special

    return special.stdtrit(df, p)


def noncentral_t_cdf(df: Number, shift: Number, t: Number) -> Any:
    """P(T <= t), T the noncentral t with `df` degrees of freedom; nan where scipy gives up."""
    from scipy import special

    return special.nctdtr(df, shift, t)


def normal_cdf(z: Number) -> Any:
    """P(Z <= z), Z standard normal."""
    from scipy import special

    return special.ndtr(z)


def chi2_upper_quantile(df: Number, p: Number) -> Any:
    """The x that a chi-squared of `df` degrees of freedom exceeds with probability p."""
    from scipy import special

    return special.chdtri(df, p)


def f_cdf(above: Number, below: Number, f: Number) -> Any:
    """P(F <= f), F with (above, below) degrees of freedom."""
    from scipy import special

    return special.fdtr(above, below, f)


def f_upper(above: Number, below: Number, f: Number) -> Any:
    """P(F > f), F with (above, below) degrees of freedom."""
    from scipy import special

    return special.fdtrc(above, below, f)


def f_quantile(above: Number, below: Number, p: Number) -> Any:
    """The f with P(F <= f) = p, F with (above, below) degrees of freedom."""
    from scipy import special

    return special.fdtri(above, below, p)


def binomial_cdf(k: Number, n: int, p: float) -> Any:
    """P(K <= k), K binomial (n, p)."""
    from scipy import special

    return special.bdtr(k, n, p)


def log_gamma(x: Number) -> Any:
    """The logarithm of the gamma function."""
    from scipy import special

    return special.gammaln(x)
