"""The statistics agree with statsmodels, with brute force, with simulation, and with the laws they stand on.

Also tests `stats._distributions`.
"""

import itertools

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import integrate, special
from scipy import stats as scipy_stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from harness.stats._paired import (
    ALPHA,
    FLIP_DRAWS,
    flip_greater,
    flip_least,
    flip_less,
    mean_interval,
    prediction_interval,
    replicates_needed,
    sd_upper,
    t_greater,
    t_less,
    t_power,
    tost_power,
    welch_interval,
)
from tests.project import loaded_by

law = settings(deadline=None, max_examples=60)
hundredths = st.integers(-500, 500)
nulls = hundredths.map(lambda i: i / 100)
p_values = st.lists(st.integers(0, 1000).map(lambda i: i / 1000), max_size=12)


def samples(least=2, most=12):
    """Differences in hundredths of a point, so that ties, zeros and constant samples come up."""
    return st.lists(hundredths, min_size=least, max_size=most).map(lambda x: np.array(x) / 100)


def spread(x):
    return np.ptp(x) > 0


def brute_flip(hundredths_R, null_hundredths):
    """Share of all sign patterns with a sum at least the observed one, in integers: no float, no tolerance."""
    d = [int(i) - null_hundredths for i in hundredths_R]
    patterns = list(itertools.product((1, -1), repeat=len(d)))
    return sum(sum(s * v for s, v in zip(signs, d, strict=True)) >= sum(d) for signs in patterns) / len(patterns)


def draws(*, mean, sd, n, repeats, seed):
    return np.random.default_rng(seed).normal(mean, sd, (repeats, n))


def close_to(p, *, repeats, sigmas=4):
    """The binomial error around a rate of `p`."""
    return pytest.approx(p, abs=sigmas * (p * (1 - p) / repeats) ** 0.5)


# --- t -----------------------------------------------------------------------------------------------------------


@law
@given(samples().filter(spread), nulls)
def test_t_matches_statsmodels(x, null):
    """Both one-sided p-values and the 95 % interval are those of statsmodels."""
    oracle = DescrStatsW(x)
    assert t_greater(x, null=null) == pytest.approx(oracle.ttest_mean(null, "larger")[1], rel=1e-9)
    assert t_less(x, null=null) == pytest.approx(oracle.ttest_mean(null, "smaller")[1], rel=1e-9)
    interval = mean_interval(x)
    assert (interval.lower, interval.upper) == pytest.approx(oracle.tconfint_mean(0.05), rel=1e-9, abs=1e-9)


@law
@given(samples(3).filter(spread), st.integers(1, 300).map(lambda i: i / 100))
def test_two_one_sided_tests_match_statsmodels(x, margin):
    """The larger of the two one-sided p-values is the p of statsmodels' paired TOST."""
    oracle = ttost_paired(x, np.zeros_like(x), -margin, margin)[0]
    assert max(t_greater(x, null=-margin), t_less(x, null=margin)) == pytest.approx(oracle, rel=1e-9)


@law
@given(samples().filter(spread), nulls)
def test_interval_excludes_what_the_test_rejects(x, null):
    """The 95 % interval lies above a null exactly where the one-sided test rejects it at ALPHA."""
    assert (mean_interval(x).lower > null) == (t_greater(x, null=null) < ALPHA)
    assert (mean_interval(x).upper < null) == (t_less(x, null=null) < ALPHA)


@pytest.mark.parametrize("value", [0.1, 0.0, -3.7, 1e-300])
@pytest.mark.parametrize("n", [2, 3, 10])
def test_no_spread_gives_the_limit(value, n):
    """Equal values have an interval of zero width, p = 0 beyond the null, p = 1 at it or short of it, no warning."""
    x = np.full(n, value)
    assert mean_interval(x).lower == mean_interval(x).upper == value
    assert t_greater(x, null=value - 1) == 0.0
    assert t_greater(x, null=value) == t_less(x, null=value) == 1.0
    assert t_less(x, null=value - 1) == 1.0


@pytest.mark.parametrize("test", [t_greater, t_less, flip_greater, flip_less])
@pytest.mark.parametrize("x", [[], [1.0], [1.0, np.nan], [np.inf, 1.0], [[1.0, 2.0]]])
def test_bad_samples_are_refused(test, x):
    """Fewer than two, non-finite or stacked values are a ValueError that says what was expected."""
    with pytest.raises(ValueError, match=r"at least 2 replicates|finite|one number a replicate"):
        test(x, null=0)


def test_p_is_uniform_at_its_null():
    """Over samples at the null, p <= q happens q of the time, for several q."""
    p = np.array([t_greater(x, null=0.7) for x in draws(mean=0.7, sd=2, n=6, repeats=3000, seed=1)])
    for q in (0.025, 0.1, 0.5, 0.9):
        assert np.mean(p <= q) == close_to(q, repeats=3000)


# --- sign-flip ---------------------------------------------------------------------------------------------------


@law
@given(st.lists(hundredths, min_size=2, max_size=8), hundredths)
@example([10, 20, -30, 5, 0, -5], 0)  # .1 + .2 > .3 in floats
def test_flip_matches_brute_force(x, null):
    """The exact test counts what an enumeration in integers counts, so float noise drops no tie."""
    assert flip_greater(np.array(x) / 100, null=null / 100) == brute_flip(x, null)
    assert flip_less(np.array(x) / 100, null=null / 100) == brute_flip([-i for i in x], -null)


@law
@given(st.lists(hundredths, min_size=2, max_size=8), st.floats(60, 99))
def test_flip_sees_through_float_noise(x, accuracy):
    """Differences of accuracies carry rounding of 1e-14; ties among them still count as ties."""
    noisy = np.array([(accuracy + i / 100) - accuracy for i in x])
    assert flip_greater(noisy, null=0) == brute_flip(x, 0)


@law
@given(samples(most=14), nulls)
def test_flip_is_between_its_least_and_one(x, null):
    """The identity always counts, so p is never below 2^-n; opposite tests share only the ties, so they add to >= 1."""
    p, q = flip_greater(x, null=null), flip_less(x, null=null)
    assert flip_least(n=x.size) <= p <= 1
    assert p + q >= 1


@pytest.mark.parametrize("n", [2, 5, 20])
def test_flip_reaches_its_least(n):
    """Differences all beyond the null give 2^-n exactly, also at the largest enumerated n."""
    assert flip_greater(np.linspace(0.1, 1, n), null=0) == flip_least(n=n) == 2.0**-n
    assert flip_greater(-np.linspace(0.1, 1, n), null=0) == 1.0


def test_flip_of_zeros_is_one():
    """Differences that all equal the null carry no evidence: every pattern ties."""
    assert flip_greater(np.full(6, 0.3), null=0.3) == flip_less(np.full(6, 0.3), null=0.3) == 1.0


def test_flip_with_many_replicates_draws_patterns():
    """Beyond the exact range p is within Monte Carlo error of the normal limit, repeatable, and never 0."""
    x = np.random.default_rng(5).normal(0.2, 1, 200)
    p = flip_greater(x, null=0)
    assert p == flip_greater(x, null=0)
    limit = special.ndtr(-x.sum() / np.sqrt((x**2).sum()))
    assert p == pytest.approx(limit, abs=4 * (limit / FLIP_DRAWS) ** 0.5 + 2e-4)
    assert flip_greater(np.ones(30), null=0) == flip_least(n=30) == 1 / (1 + FLIP_DRAWS)


def test_drawn_and_counted_flips_agree():
    """A 21st replicate that hardly matters changes p from counted to drawn by no more than Monte Carlo error."""
    x = np.random.default_rng(6).normal(0.15, 1, 20)
    counted, drawn = flip_greater(x, null=0), flip_greater(np.append(x, 1e-4), null=0)
    assert drawn == pytest.approx(counted, abs=4 * (counted / FLIP_DRAWS) ** 0.5)
    assert drawn != counted


def test_flip_keeps_its_level_with_heavy_tails():
    """Over Cauchy samples centred at the null, p <= q happens at most q of the time, and not much less."""
    x_NR = np.random.default_rng(7).standard_cauchy((3000, 8))
    p = np.array([flip_greater(x, null=0) for x in x_NR])
    for q in (2 / 256, 6 / 256, 0.5):
        assert np.mean(p <= q) == close_to(q, repeats=3000)


@pytest.mark.parametrize(("n", "further", "level"), [(5, 5, 0.95), (10, 3, 0.95), (5, 40, 0.95), (20, 20, 0.5)])
def test_a_fresh_mean_lies_where_it_is_predicted(n, further, level):
    """The mean of further replicates, few or many, lies in its interval as often as is said, whatever mean and sd."""
    repeats, rng = 4000, np.random.default_rng(12)
    first, fresh = rng.normal(3.0, 0.7, (repeats, n)), rng.normal(3.0, 0.7, (repeats, further))
    inside = 0
    for x, y in zip(first, fresh, strict=True):
        found = prediction_interval(x.mean(), x.std(ddof=1), n, further=further, level=level)
        inside += found.lower <= y.mean() <= found.upper
    assert abs(inside / repeats - level) <= 4 * (level * (1 - level) / repeats) ** 0.5


def test_nothing_is_predicted_of_no_replicate():
    """A mean over none is no number."""
    with pytest.raises(ValueError, match="at least one further replicate, got 0"):
        prediction_interval(0.0, 1.0, 5, further=0)


# --- power -------------------------------------------------------------------------------------------------------


@law
@given(st.floats(0.01, 3), st.floats(0.1, 5), st.integers(3, 60), st.sampled_from([0.025, 0.005, 0.001]))
def test_power_matches_statsmodels(effect, sd, n, alpha):
    """The power of the one-sided paired t-test is that of statsmodels."""
    oracle = TTestPower().power(effect / sd, n, alpha, alternative="larger")
    assume(np.isfinite(oracle))  # statsmodels gives up on a few far effects, which the next test covers
    assert t_power(effect=effect, sd=sd, n=n, alpha=alpha) == pytest.approx(oracle, abs=1e-7)


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
@pytest.mark.parametrize("shift", [-300.0, -40.0, 38.0, 39.5, 300.0])
def test_power_survives_extreme_effects(n, shift):
    """Where the noncentral t of scipy gives up, power is still a number in [0, 1] on the right side."""
    power = t_power(effect=shift / n**0.5, sd=1.0, n=n, alpha=ALPHA)
    assert 0 <= power <= 1
    assert power < 1e-6 if shift < 0 else power > 0.9


@law
@given(st.floats(-0.6, 0.6), st.floats(0.2, 2), st.floats(0.05, 3), st.integers(2, 60), st.sampled_from([0.025, 0.002]))
def test_tost_power_matches_adaptive_integration(effect, margin, sd, n, alpha):
    """The fixed quadrature agrees with adaptive integration over the sd, written from scipy's distributions."""
    critical, df, error = scipy_stats.t.ppf(1 - alpha, n - 1), n - 1, sd / n**0.5

    def given_ratio(u):
        half = margin - critical * u * error
        inside = scipy_stats.norm.cdf((half - effect) / error) - scipy_stats.norm.cdf((-half - effect) / error)
        return inside * scipy_stats.chi.pdf(u * df**0.5, df) * df**0.5

    last = margin / (critical * error)
    spots = [u for u in (0.25, 0.5, 0.8, 1.0, 1.2, 1.5) if u < last]
    oracle = integrate.quad(given_ratio, 0, min(last, 12), points=spots or None, limit=400)[0]
    assert tost_power(effect=effect, margin=margin, sd=sd, n=n, alpha=alpha) == pytest.approx(oracle, abs=1e-6)


@law
@given(st.floats(0, 0.4), st.floats(0.1, 1), st.integers(2, 40))
def test_tost_power_is_bounded_by_each_test(effect, sd, n):
    """Both tests must reject, so TOST has at most the power of the harder one, and at least both minus one."""
    tost = tost_power(effect=effect, margin=0.5, sd=sd, n=n, alpha=ALPHA)
    near, far = (t_power(effect=0.5 - e, sd=sd, n=n, alpha=ALPHA) for e in (effect, -effect))
    assert near + far - 1 - 1e-8 <= tost <= near + 1e-8


def test_tost_finds_equivalence_at_its_power():
    """Simulated pairs of t-tests both reject as often as computed."""
    repeats, sd, n, margin = 3000, 0.55, 12, 0.5
    hits = [
        max(t_greater(x, null=-margin), t_less(x, null=margin)) <= ALPHA
        for x in draws(mean=0.1, sd=sd, n=n, repeats=repeats, seed=8)
    ]
    power = tost_power(effect=0.1, margin=margin, sd=sd, n=n, alpha=ALPHA)
    assert 0.2 < power < 0.8
    assert np.mean(hits) == close_to(power, repeats=repeats)


def test_power_without_spread_is_certain():
    """With sd = 0 an effect beyond the null is found and any other is not."""
    assert t_power(effect=0.1, sd=0.0, n=5, alpha=ALPHA) == 1.0
    assert t_power(effect=0.0, sd=0.0, n=5, alpha=ALPHA) == 0.0
    assert tost_power(effect=0.1, margin=0.2, sd=0.0, n=5, alpha=ALPHA) == 1.0
    assert tost_power(effect=0.2, margin=0.2, sd=0.0, n=5, alpha=ALPHA) == 0.0


@law
@given(st.floats(0.15, 2), st.sampled_from([0.5, 0.8, 0.99]), st.sampled_from([ALPHA, ALPHA / 20]))
def test_replicates_needed_is_the_smallest(effect, power, alpha):
    """One replicate fewer falls short of the power, the number returned does not."""

    def power_at(n):
        return t_power(effect=effect, sd=1.0, n=n, alpha=alpha)

    n = replicates_needed(power=power, power_at=power_at, most=5000)
    assert power_at(n) >= power
    assert n == 2 or power_at(n - 1) < power


def test_replicates_needed_keeps_to_its_range():
    """Not below `fewest`, and None where even `most` replicates fall short."""
    assert replicates_needed(power=0.8, power_at=lambda n: 1.0, fewest=5) == 5
    assert replicates_needed(power=0.8, power_at=lambda n: n / 1000, most=799) is None
    assert replicates_needed(power=0.8, power_at=lambda n: n / 1000, most=800) == 800


def test_replicates_needed_matches_the_textbook():
    """Half a standard deviation, power .8, one-sided .025: 34 pairs (Cohen's tables, and G*Power)."""
    assert replicates_needed(power=0.8, power_at=lambda n: t_power(effect=0.5, sd=1.0, n=n, alpha=0.025)) == 34


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_sd_upper_covers_at_its_level(level):
    """The true sd lies below the limit in `level` of the samples."""
    repeats, n = 4000, 6
    sds = draws(mean=0, sd=1.5, n=n, repeats=repeats, seed=9).std(axis=1, ddof=1)
    assert np.mean([sd_upper(sd=sd, n=n, level=level) >= 1.5 for sd in sds]) == close_to(level, repeats=repeats)


@pytest.mark.parametrize(
    "call",
    [
        lambda: t_power(effect=1, sd=1, n=1, alpha=0.025),
        lambda: t_power(effect=1, sd=-1, n=5, alpha=0.025),
        lambda: t_power(effect=1, sd=1, n=5, alpha=0.0),
        lambda: tost_power(effect=0, margin=0, sd=1, n=5, alpha=0.025),
        lambda: tost_power(effect=0, margin=1, sd=1, n=5, alpha=0.5),
        lambda: replicates_needed(power=1.0, power_at=float),
        lambda: replicates_needed(power=0.8, power_at=float, fewest=9, most=8),
        lambda: sd_upper(sd=1, n=1),
        lambda: mean_interval([1, 2], level=1.0),
        lambda: flip_least(n=1),
    ],
)
def test_impossible_designs_are_refused(call):
    """A design outside its range is a ValueError, not a number."""
    with pytest.raises(ValueError, match="got"):
        call()


def test_import_is_light():
    """The judge's modules import neither scipy.stats nor scipy.integrate, which take longer than judging, nor torch."""
    assert loaded_by("harness.verdict", "scipy.stats", "scipy.integrate", "torch") == []


@law
@given(samples(), samples())
def test_welch_interval_is_scipys(x, y):
    """The interval is scipy's; a sample without spread is a constant taken off, and two of them leave no width."""
    ours = welch_interval(x, y)
    if spread(x) and spread(y):
        theirs = scipy_stats.ttest_ind(x, y, equal_var=False).confidence_interval()
        assert (ours.lower, ours.upper) == pytest.approx((theirs.low, theirs.high), rel=1e-6, abs=1e-9)
    elif spread(x):
        alone = mean_interval(x)
        assert (ours.lower, ours.upper) == pytest.approx((alone.lower - y[0], alone.upper - y[0]))
    elif not spread(y):
        assert ours.lower == ours.upper == pytest.approx(x[0] - y[0])
