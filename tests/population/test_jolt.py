"""What a jolt does to a member."""

import numpy as np

from harness.population._jolt import jolted
from tests.members import PROGRAMS, member


def test_a_jolt_moves_weights_by_one_unit_in_the_last_place():
    """Every weight goes to a neighbouring float, zeros stay; the same seed gives the same jolt."""
    one = member(PROGRAMS["edge-popup, odd widths"], 1)
    moved = jolted(4)(one)
    for before, after in ((one.start, moved.start), (one.scores, moved.scores)):
        assert after.dtype == np.float32
        assert ((before == 0) == (after == before)).all()
        assert (np.abs(after - before) <= np.spacing(np.abs(before))).all()
    np.testing.assert_array_equal(jolted(4)(one).start, moved.start)
    assert (jolted(5)(one).start != moved.start).any()
