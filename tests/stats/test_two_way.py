"""The interval over replicates and images follows what varies, covers, and refuses what is no grid."""

import numpy as np
import pytest

from harness.stats._distributions import t_quantile
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


@pytest.mark.parametrize("images", [None, 100], ids=["all tested on all", "each on its own"])
@pytest.mark.parametrize("effects", [(0.3, 1, 1), (0, 3, 0.1), (0.1, 0.3, 1), (0, 0, 1), (1, 0, 1)], ids=str)
def test_it_covers_the_mean_over_both(effects, images):
    """Whatever varies, on a full grid and where each replicate is tested on images of its own out of one pool."""
    rng, repeats, covered = np.random.default_rng(3), 600, 0
    replicate, image, rest = effects
    for _ in range(repeats):
        x = crossed(rng, shape=(8, 300), replicates=replicate, images=image, rest=rest)
        if images is not None:
            for row in x:
                row[rng.permutation(300)[images:]] = np.nan
        both = two_way_interval(x)
        covered += both.lower <= 0 <= both.upper
    assert 0.92 <= covered / repeats <= 0.995


def test_replicates_alone_fall_short():
    """Where images matter, Student's interval over replicates covers far less often than it says."""
    rng, repeats = np.random.default_rng(7), 150
    found = [mean_interval(crossed(rng, shape=(8, 30), replicates=0.3).mean(axis=1)) for _ in range(repeats)]
    assert sum(each.lower <= 0 <= each.upper for each in found) / repeats < 0.85


def test_of_a_full_grid_it_is_the_analysis_of_variance():
    """The variance of the mean is (MS_R + MS_N - MS_E) / (R N), from the textbook's sums of squares."""
    x = crossed(np.random.default_rng(8), shape=(7, 20))
    R, N = x.shape
    rows, columns = x.mean(axis=1, keepdims=True), x.mean(axis=0, keepdims=True)
    ms_r = N * ((rows - x.mean()) ** 2).sum() / (R - 1)
    ms_n = R * ((columns - x.mean()) ** 2).sum() / (N - 1)
    ms_e = ((x - rows - columns + x.mean()) ** 2).sum() / ((R - 1) * (N - 1))
    half = t_quantile(R - 1, 0.975) * ((ms_r + ms_n - ms_e) / (R * N)) ** 0.5
    both = two_way_interval(x)
    assert (both.lower, both.upper) == pytest.approx((x.mean() - half, x.mean() + half))


def test_it_is_never_narrower_than_over_replicates():
    """Where the images' share comes out below 0, as it may by chance, the replicates' means stand."""
    for seed in range(40):
        x = crossed(np.random.default_rng(seed), shape=(5, 12), images=0.0)
        both, student = two_way_interval(x), mean_interval(x.mean(axis=1))
        assert both.upper - both.lower >= (student.upper - student.lower) * (1 - 1e-9)


def test_images_that_nobody_was_tested_on_change_nothing():
    """A column without a number is no image; the mean is over what was seen, however many each replicate saw."""
    x = crossed(np.random.default_rng(9), shape=(6, 30))
    x[:, ::3] = np.nan
    one, two = two_way_interval(x), two_way_interval(x[:, [i for i in range(30) if i % 3]])
    assert (one.lower, one.upper) == pytest.approx((two.lower, two.upper))
    assert (one.lower + one.upper) / 2 == pytest.approx(np.nanmean(x))


def test_it_is_the_same_each_time_and_moves_with_the_data():
    """Equal data give equal bits; a shift and a factor move both ends with them."""
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


@pytest.mark.parametrize(
    "bad",
    [np.zeros(5), np.zeros((1, 5)), np.zeros((5, 1)), np.full((3, 3), np.nan), np.array([[1.0, 2.0], [np.nan] * 2])],
)
def test_bad_input_is_refused(bad):
    """One row, one column, no grid, or no numbers."""
    with pytest.raises(ValueError, match=r"\(replicates, images\) of at least 2 each, got shape"):
        two_way_interval(bad)


def test_a_level_outside_0_to_1_is_refused():
    """A level is a probability."""
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        two_way_interval(np.zeros((3, 3)), level=1.0)
