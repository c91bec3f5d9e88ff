"""Holm's adjustment agrees with statsmodels and keeps order, bounds and monotony."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from harness.stats._holm import holm

law = settings(deadline=None, max_examples=60)
p_values = st.lists(st.integers(0, 1000).map(lambda i: i / 1000), max_size=12)


@settings(deadline=None, max_examples=8)  # statsmodels takes 60 ms a call
@given(p_values.filter(bool))
def test_holm_matches_statsmodels(p):
    """Adjusted p-values are those of statsmodels, in the order given."""
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)


@law
@given(st.data(), p_values)
def test_holm_is_equivariant(data, p):
    """Reordering the tests reorders the adjusted p-values and changes none."""
    order = data.draw(st.permutations(range(len(p))))
    np.testing.assert_array_equal(holm([p[i] for i in order]), holm(p)[list(order)])


@law
@given(st.data(), p_values.filter(bool))
def test_holm_is_monotone(data, p):
    """Raising one p-value lowers no adjusted p-value; and none is below its own p or above Bonferroni's."""
    i = data.draw(st.integers(0, len(p) - 1))
    raised = [*p]
    raised[i] = data.draw(st.floats(p[i], 1))
    assert np.all(holm(raised) >= holm(p))
    assert np.all(holm(p) >= p)
    assert np.all(holm(p) <= np.minimum(1, len(p) * np.array(p)))


@pytest.mark.parametrize("p", [[-0.1], [1.1], [np.nan], [[0.5]]])
def test_holm_refuses_what_is_no_p_value(p):
    """Numbers outside [0, 1], nan and matrices are a ValueError."""
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        holm(p)


def test_holm_of_nothing_is_nothing():
    """An empty family has no adjusted p-values."""
    assert holm([]).shape == (0,)
