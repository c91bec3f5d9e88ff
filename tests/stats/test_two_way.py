"""The interval over replicates and images follows what varies, covers, and refuses what is no grid."""

import numpy as np
import pytest
from scipy import special

from harness.stats import _two_way as two_way
from harness.stats._paired import mean_interval
from harness.stats._two_way import two_way_interval


def crossed(rng, *, theta=0.0, replicates=1.0, images=1.0, rest=1.0, shape=(10, 60)):
    """Differences with normal effects of replicates, of images, and of both together."""
    r, n = shape
    return (
        theta + replicates * rng.normal(size=(r, 1)) + images * rng.normal(size=(1, n)) + rest * rng.normal(size=shape)
    )


def test_without_image_effects_it_is_about_students():
    """Where all images agree, only replicates vary: the interval is near Student's of their means."""
    x = crossed(np.random.default_rng(1), theta=3.0, images=0.0, rest=0.0)
    both, student = two_way_interval(x), mean_interval(x.mean(axis=1))
    width = student.upper - student.lower
    assert both.upper - both.lower == pytest.approx(width, rel=0.15)
    assert (both.lower, both.upper) == pytest.approx((student.lower, student.upper), abs=0.1 * width)


def test_images_that_vary_widen_it():
    """Student's interval ignores which images were drawn; this one does not."""
    x = crossed(np.random.default_rng(2), replicates=0.1, images=3.0, rest=0.1)
    both, student = two_way_interval(x), mean_interval(x.mean(axis=1))
    assert both.upper - both.lower > 5 * (student.upper - student.lower)


def test_it_covers_the_mean_over_both():
    """Under both kinds of effects it covers the truth at least 95 % of the time, where Student's falls far short."""
    rng, repeats = np.random.default_rng(3), 150
    covered = naive = 0
    for _ in range(repeats):
        x = crossed(rng, shape=(8, 30), replicates=0.3)
        both, student = two_way_interval(x), mean_interval(x.mean(axis=1))
        covered += both.lower <= 0 <= both.upper
        naive += student.lower <= 0 <= student.upper
    assert covered / repeats >= 0.93
    assert naive / repeats < 0.85


def test_it_is_the_same_each_time_and_moves_with_the_data():
    """A fixed seed: equal data give equal bits; a shift and a factor move both ends with them."""
    x = crossed(np.random.default_rng(4))
    one = two_way_interval(x)
    assert two_way_interval(x) == one
    moved = two_way_interval(2 * x + 5)
    assert (moved.lower, moved.upper) == pytest.approx((2 * one.lower + 5, 2 * one.upper + 5))


def test_a_higher_level_is_wider():
    """99 % contains 95 % contains 50 %."""
    x = crossed(np.random.default_rng(5))
    low, middle, high = (two_way_interval(x, level=level) for level in (0.5, 0.95, 0.99))
    assert high.lower < middle.lower < low.lower < low.upper < middle.upper < high.upper


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((1, 5)), np.zeros((5, 1)), np.full((3, 3), np.nan)])
def test_bad_input_is_refused(bad):
    """One row, one column, no grid, or no numbers."""
    with pytest.raises(ValueError, match=r"\(replicates, images\) of at least 2 each, got shape"):
        two_way_interval(bad)


def test_a_level_outside_0_to_1_is_refused():
    """A level is a probability."""
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        two_way_interval(np.zeros((3, 3)), level=1.0)


def test_draws_are_counted():
    """Each draw takes as many replicates and images as there are, each by itself, and all data meet the same draws."""
    rows, images = two_way._draws(7, 30)
    assert rows.shape == (two_way.DRAWS, 7)
    assert images.shape == (two_way.DRAWS, 30)
    assert (rows.sum(axis=1) == 7).all()
    assert (images.sum(axis=1) == 30).all()
    for counts in (rows, images):  # of n values drawn n times, one is missed with chance (1 - 1/n)^n
        n = counts.shape[1]
        assert (counts == 0).mean() == pytest.approx((1 - 1 / n) ** n, abs=0.01)


def test_the_mean_of_a_draw_is_that_of_its_grid():
    """Counting gives the mean over the grid that repeats each drawn row and column."""
    x = crossed(np.random.default_rng(6), shape=(4, 9))
    draws = zip(*two_way._draws(4, 9), strict=True)
    means = [x.repeat(rows, axis=0).repeat(images, axis=1).mean() for rows, images in draws]
    level = 0.6
    share = special.ndtr(special.stdtrit(3, (1 + level) / 2) * (4 / 3) ** 0.5)
    both = two_way_interval(x, level=level)
    assert (both.lower, both.upper) == pytest.approx(tuple(np.quantile(means, [1 - share, share])))
