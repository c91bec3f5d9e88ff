"""A claim read in every other way that its rows allow: which readings there are, and which keep the side.

Also tests `report._readings`.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, matches, slope
from harness.design._lock import Registry
from harness.design._parts import Band, percent_kept
from harness.report import _report as report
from harness.verdict._judge import judge_results
from harness.verdict._results import Results
from harness.verdict._specifications import specifications
from harness.verdict._tested import compare_part
from tests import synthetic
from tests.synthetic import CATALOGUE, HALVES, around, claim, design

SPARSEST = beats("a", "b", on=DIGITS, band=percent_kept("12.5"))
AT = {float(density): mean for density, mean in zip(HALVES, (-0.5, 0.25, 2.0), strict=True)}


def values(arm, at):
    return 80 + (around(AT[at], 0.5, 10) if arm == "a" else np.zeros(10))


def results(made, stopped=lambda x: x):
    """Rows at the last step, and at the early stop what `stopped` makes of them."""
    last = synthetic.results((made, values))
    early = last.frame.assign(metric="early_stop_accuracy", value=stopped(last.frame["value"]))
    return Results(pd.concat([last.frame, early[early["arm"] != "dense"]], ignore_index=True), last.meta)


def told(made, rows):
    return {(each.band, each.metric): each for each in specifications(made, rows)}


def test_every_band_and_step_is_read(monkeypatch):
    """The locked band, each density, and all of them together, twice each; what was locked is marked, once."""
    made = claim(design(SPARSEST))
    rows = results(made)
    found = told(made, rows)
    single = [Band(low=each, high=each) for each in HALVES]
    every = Band(low=HALVES[-1], high=HALVES[0])
    assert set(found) == {(band, m) for band in (*single, every) for m in ("test_accuracy", "early_stop_accuracy")}
    assert [key for key, each in found.items() if each.locked] == [(SPARSEST.band, "test_accuracy")]
    locked, again = found[SPARSEST.band, "test_accuracy"], compare_part(rows, made.id, SPARSEST)
    assert (locked.mean, locked.interval.lower) == pytest.approx((again.mean, again.lower))
    assert [found[band, "test_accuracy"].mean for band in single] == pytest.approx(list(AT.values()))
    assert found[every, "test_accuracy"].mean == pytest.approx(np.mean(list(AT.values())))
    two = claim(design(replace(SPARSEST, band=percent_kept("12.5", "25"))))
    (marked,) = [each for each in specifications(two, results(two)) if each.locked]
    assert (marked.band, marked.mean) == (percent_kept("12.5", "25"), pytest.approx(1.125))


def test_a_reading_that_points_the_other_way_says_so():
    """Where it is negative, and where it is exactly nothing; a margin is kept by what lies within it."""
    made = claim(design(SPARSEST))
    rows = results(made, stopped=lambda x: x * 0 + 0.8)
    found = told(made, rows)
    assert [found[Band(low=d, high=d), "test_accuracy"].keeps for d in HALVES] == [False, True, True]
    assert not any(found[Band(low=d, high=d), "early_stop_accuracy"].keeps for d in HALVES)
    within = claim(design(matches("a", "b", on=DIGITS, band=percent_kept("12.5"), floors=("dense",))))
    kept = told(within, results(within))
    assert [kept[Band(low=d, high=d), "test_accuracy"].keeps for d in HALVES] == [False, True, True]
    assert {each.missed for key, each in kept.items() if key[1] == "test_accuracy"} == {("dense",)}
    assert {each.missed for key, each in kept.items() if key[1] != "test_accuracy"} == {()}  # no early stop of a floor


def test_arms_without_an_early_stop_are_read_at_the_last_step():
    """And a slope, another metric, a part without a band or with one pruned density has no other reading."""
    made = claim(design(SPARSEST))
    assert {key[1] for key in told(made, synthetic.results((made, values)))} == {"test_accuracy"}
    for part in (
        slope("a", "b", on=DIGITS, band=percent_kept("12.5", "50")),
        beats("a", "b", on=DIGITS),
        replace(SPARSEST, metric="validation_accuracy"),
    ):
        other = claim(design(part))
        assert specifications(other, results(other)) == []
    arms = {name: synthetic.arm(draw, (Fraction(1, 8),)) for draw, name in enumerate("ab")}
    one = claim(design(SPARSEST, arms=arms))
    assert specifications(one, results(one)) == []


def test_the_report_prints_all_of_them(monkeypatch, tmp_path):
    """With what was locked in bold, and how many keep the side."""
    made = claim(design(SPARSEST))
    synthetic.register(monkeypatch, made)
    rows, registry = results(made), Registry(tmp_path / "lock")
    synthetic.lock(registry, made)
    text = report.report_text(rows, judge_results(rows, registry, CATALOGUE), registry, CATALOGUE, [], {})
    assert "Read otherwise: 6 of 8 keep their side" in text
    assert "| a beats b | **12.5 %**, as locked | +2.00 pp (+1.64 to +2.36) | +2.00 pp (+1.64 to +2.36) |" in text
    assert "| a beats b | 50 % | −0.50 pp (−0.86 to −0.14); **not that side** |" in text
    assert "| a beats b | 12.5 to 50 % | +0.58 pp" in text
