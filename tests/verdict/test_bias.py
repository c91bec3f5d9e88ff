"""Trainings that two runs computed: which are compared, their mean with its interval, and the spread of each recipe."""

from dataclasses import replace

import numpy as np
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.stats._paired import mean_interval
from harness.verdict._bias import bias
from tests import synthetic
from tests.synthetic import claim, design

CLAIM, OTHER = (claim(design(beats("a", "b", on=DIGITS)), id=f"paper/{name}") for name in "xy")
TRAININGS = 4 * 3 + 1  # four arms at three densities, and a dense net
N = 8


def run(of, *claims, record="000001-aaaaaaaa", program="digits: weights", first=0):
    """Rows of claims whose arms have the accuracies `of(arm, density)`, as computed in one record."""
    made = synthetic.results(*((each, of) for each in claims or (CLAIM,)), first=first)
    made.frame["record"] = record
    (known,) = made.meta.records.values()
    return replace(made, meta=replace(made.meta, records={record: replace(known, program=program)}))


def base(arm, at):
    """Accuracies with a spread between replicates of exactly 1 pp."""
    return synthetic.around(80 + 10 * at, 1.0, N)


def moved(shift_R):
    """A second run, in which each replicate's trainings moved by so many pp."""
    return run(lambda arm, at: base(arm, at) + shift_R, record="000002-bbbbbbbb")


def test_the_interval_takes_replicates_as_independent_and_nothing_else():
    """All trainings of a replicate moved alike: there are eight numbers, not 104."""
    shift_R = np.random.default_rng(1).normal(0.3, 0.2, N)
    found = bias(run(base), moved(shift_R))
    student = mean_interval(shift_R)
    assert (found.trainings, found.replicates) == (TRAININGS * N, N)
    assert (found.mean, found.lower, found.upper) == pytest.approx((shift_R.mean(), student.lower, student.upper))


def test_a_training_counts_once_however_many_claims_read_it():
    """Two claims of the same arms have the same trainings."""
    shift_R = np.arange(N) / 10
    one = bias(run(base), moved(shift_R))
    both = run(lambda arm, at: base(arm, at) + shift_R, CLAIM, OTHER, record="000002-bbbbbbbb")
    assert bias(run(base, CLAIM, OTHER), both) == one


def test_what_was_computed_once_is_no_comparison():
    """Rows of the same record on both sides are one training; without others there is nothing to say."""
    assert bias(run(base), run(base)) is None
    one = run(base, record="000002-bbbbbbbb")
    one.frame.loc[one.frame["replicate"] < 6, "record"] = "000001-aaaaaaaa"
    assert bias(run(base), one).replicates == 2


def test_other_replicates_are_no_comparison():
    """Trainings of other seeds, or of one replicate only, have no bias that could be told."""
    assert bias(run(base), run(base, record="000002-bbbbbbbb", first=N)) is None
    assert bias(run(base), run(base, record="000002-bbbbbbbb", first=N - 1)) is None
    assert bias(run(base), run(base, record="000002-bbbbbbbb", first=N - 2)).replicates == 2


def test_the_spread_is_compared_with_that_between_replicates():
    """Of a spread of .5 pp where replicates differ by 1 pp the ratio is a half; a shift of a whole arm is no spread."""
    half_R = synthetic.around(0, 0.5, N)
    arms = {"a": 3.0, "b": -2.0}
    second = run(lambda arm, at: base(arm, at) + half_R + arms.get(arm, 0), record="000002-bbbbbbbb")
    (spread,) = bias(run(base), second).recipes
    assert (spread.recipe, spread.n) == ("digits: weights", TRAININGS * N)
    assert (spread.sd, spread.ratio) == pytest.approx((0.5, 0.5))
    assert spread.mean == pytest.approx((3 * 3.0 - 3 * 2.0) / TRAININGS)


def test_without_spread_there_is_no_ratio():
    """Where A's replicates are all alike, or there is one of each training, nothing can be divided by."""
    (spread,) = bias(run(lambda arm, at: np.full(N, 80.0)), moved(np.arange(N) / 10)).recipes
    assert (spread.ratio, spread.equal) == (None, 0.0)
    assert spread.sd > 0


def test_equal_trainings_have_the_same_accuracy():
    """To the last test example."""
    again = run(base, record="000002-bbbbbbbb")
    assert bias(run(base), again).recipes[0].equal == 1.0
    again.frame.loc[again.frame["replicate"] == 1, "value"] += 0.01
    assert bias(run(base), again).recipes[0].equal == pytest.approx(1 - 1 / N)


def test_recipes_are_told_apart_by_what_was_run():
    """Rows of two records have two programs; one that was not recorded says so."""
    first = run(base)
    first.frame.loc[first.frame["arm"] == "dense", "record"] = "000003-cccccccc"
    known = first.meta.records["000001-aaaaaaaa"]
    records = {**first.meta.records, "000003-cccccccc": replace(known, program="")}
    found = bias(replace(first, meta=replace(first.meta, records=records)), moved(np.zeros(N)))
    assert {each.recipe: each.n for each in found.recipes} == {
        "digits: weights": (TRAININGS - 1) * N,
        "not recorded": N,
    }
