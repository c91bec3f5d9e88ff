"""What is read of a curve: its mean, its slope, how high its peak is and where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DesignError
from harness.stats._curves import DIP, DIP_PLACE, MEAN, PEAK, PEAK_PLACE, READINGS, SLOPE, Reading
from tests.project import ROOT

PLACES = np.log([4, 8, 16, 64])


@given(st.lists(st.integers(0, 100), min_size=4, max_size=4))
def test_peak_and_dip_are_what_a_loop_finds(curve):
    """The largest value between the ends over the larger end, the smallest under the smaller; the first such place."""
    height = max(curve[1:-1]) - max(curve[0], curve[-1])
    depth = min(curve[0], curve[-1]) - min(curve[1:-1])
    values = np.array([curve], float)
    assert PEAK.read(PLACES, values) == [height]
    assert DIP.read(PLACES, values) == [depth]
    for found, wanted in ((PEAK_PLACE, max(curve)), (DIP_PLACE, min(curve))):
        first = next(place for place, value in zip(PLACES, curve, strict=True) if value == wanted)
        assert found.read(PLACES, values) == [first]


@given(st.lists(st.integers(0, 100), min_size=4, max_size=4), st.integers(-50, 50))
def test_a_peak_turned_over_is_a_dip_and_a_shift_moves_neither(curve, shift):
    """Error and accuracy say the same; a monotone curve has neither."""
    values = np.array([curve], float)
    assert PEAK.read(PLACES, 100 - values) == DIP.read(PLACES, values) == DIP.read(PLACES, values + shift)
    assert PEAK.read(PLACES, np.sort(values)) <= 0
    assert DIP.read(PLACES, np.sort(values)) <= 0


def test_an_arm_at_one_point_has_no_peak_and_is_where_it_is():
    """So it is what a curve is compared with that should have a peak, and the place beyond which it should be."""
    values = np.array([[50.0], [60.0]])
    assert PEAK.read(np.array([2.0]), values).tolist() == [0, 0]
    assert SLOPE.read(np.array([2.0]), values).tolist() == [0, 0]
    assert PEAK_PLACE.read(np.array([2.0]), values).tolist() == [2, 2]


def test_a_mean_is_over_points_and_not_over_the_axis():
    """Each point counts once, however far it is from the next."""
    assert MEAN.read(PLACES, np.array([[1.0, 2.0, 3.0, 10.0]])) == [4.0]


def test_a_slope_is_the_fitted_change_in_the_order_of_the_axis():
    """Numpy's fit times the way from the first place to the last; turned round it has the other sign."""
    values = np.array([[10.0, 20.0, 60.0, 65.0]])
    fitted = np.polyfit(PLACES, values[0], 1)[0] * (PLACES[-1] - PLACES[0])
    assert SLOPE.read(PLACES, values) == pytest.approx([fitted])
    assert SLOPE.read(PLACES[::-1], values[:, ::-1]) == -SLOPE.read(PLACES, values)


def test_a_reading_that_cannot_be_is_refused():
    """Words with other braces, no points, and a name that another has."""
    with pytest.raises(DesignError, match=r"words cannot be filled in .* Next: write \{arm\}"):
        Reading(name="bad", of=MEAN.of, each="{name}")
    with pytest.raises(DesignError, match=r"of 0 points. Next: fewest=1"):
        Reading(name="bad", of=MEAN.of, fewest=0)
    with pytest.raises(DesignError, match="'peak' is twice a reading"):
        READINGS.add("peak", DIP)


def test_a_slope_is_the_change_over_the_band_and_not_per_decade():
    """The simulated rates are per decade: over their densities what a part reads is 1.7 times as much, as is said."""
    densities = np.array([1, 0.5, 0.2, 0.1, 0.05, 0.02])
    per_decade = -np.log10(densities)[None]
    (change,) = SLOPE.read(np.log(densities), per_decade)
    assert change == pytest.approx(1.7, abs=0.005)
    assert "1.7 times as much" in (ROOT / "docs" / "statistics.md").read_text()
