"""What a section says of each comparison: within which margin it would have held, what a fresh run would give.

Tests `report._comparisons` too.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, equals, matches, no_gain
from harness.design._claim import Design
from harness.design._known import KnownBefore
from harness.design._pilots import Pilot
from harness.expression import Scores, evaluate, train
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Drops, Recipe
from harness.report._comparisons import _again, _alone, _margin, binds, compared
from harness.report._section import _known, _looked, _trained
from harness.stats._kinds import Outcome
from harness.stats._paired import ALPHA, t_greater, t_less
from harness.verdict import _judge as judging
from harness.verdict._verdicts import FloorVerdict
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, claim, design

SAMPLE = np.array([-0.31, -0.12, 0.05, -0.22, -0.4, -0.08, -0.17, -0.29, 0.02, -0.2])


def judged(monkeypatch, tmp_path, part, x):
    """A part of the design and its verdict, of these differences."""
    made = claim(design(part))
    synthetic.register(monkeypatch, made)
    values = {part.arm: 80 + x, "dense": np.full(len(x), 60.0)}
    rows = synthetic.results((made, lambda arm, at: values.get(arm, np.full(len(x), 80.0))))
    verdict = judging.judge_results(rows, judging.Registry(tmp_path / "lock"), CATALOGUE).claims[made.id]
    return made.design(MICRO).parts[0], verdict.parts[0], verdict


@pytest.mark.parametrize("kind", [matches, equals])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_smallest_margin_is_where_the_test_turns(monkeypatch, tmp_path, kind, sign):
    """At that margin the p-value is the level: with less the part does not hold, with more it does."""
    part, result, _ = judged(monkeypatch, tmp_path, kind("a", "b", on=DIGITS, floors=("dense",)), sign * SAMPLE)
    margin = float(_margin(part, result, ALPHA).removesuffix(" pp"))
    x = sign * SAMPLE

    def p(m):
        return max(t_greater(x, null=-m), t_less(x, null=m) if kind is equals else 0.0)

    assert p(margin - 0.01) > ALPHA > p(margin + 0.01) or (margin == 0 and p(0) < ALPHA)
    assert _margin(part, result, ALPHA / 10) >= _margin(part, result, ALPHA)


def test_a_floor_far_below_does_not_bind():
    """By ten times what is needed; one that need not be beaten by anything is never far."""
    floor = FloorVerdict(name="random", mean=5.0, lower=4.0, needed=0.8, beaten=True)
    assert binds(floor) == "yes"
    assert binds(replace(floor, lower=8.0)) == "yes, by 10 times that: it does not bind"
    assert binds(replace(floor, lower=0.5, beaten=False)) == "no"
    assert binds(replace(floor, lower=40.0, needed=0.0)) == "yes"
    assert binds(replace(floor, lower=40.0, needed=-0.8)) == "yes"


def test_a_bound_of_its_own_says_so(monkeypatch, tmp_path):
    """Neither that of the task nor of the metric: it stands in the table of comparisons."""
    own, usual = beats("a", "b", on=DIGITS, bound=0.1), beats("a", "b", on=DIGITS)
    part, result, verdict = judged(monkeypatch, tmp_path, own, SAMPLE)
    assert compared(part, result, verdict, design(own), decides=True).asserts == "> 0, sesoi 0.1 pp, its own"
    assert compared(usual, result, verdict, design(usual), decides=True).asserts == "> 0, sesoi 0.4 pp"
    near = beats("a", "b", on=DIGITS, metric="near_zero/fc1")
    assert compared(near, result, verdict, design(usual), decides=True).asserts == "> 0, sesoi 2 pp"


def test_a_part_of_size_has_no_margin(monkeypatch, tmp_path):
    """What asserts a direction is held to another bound."""
    part, result, _ = judged(monkeypatch, tmp_path, beats("a", "b", on=DIGITS), SAMPLE + 1)
    assert _margin(part, result, ALPHA) == "–"


def test_what_is_worse_within_its_margin_says_so(monkeypatch, tmp_path):
    """It holds, and the interval excludes 0 on the side that is worse; one that reaches 0 only holds."""
    part, result, _ = judged(monkeypatch, tmp_path, matches("a", "b", on=DIGITS, floors=("dense",)), SAMPLE)
    assert result.alone.outcome is Outcome.REPRODUCED
    assert _alone(part, result) == "reproduced (worse, within the margin)"
    part, result, _ = judged(monkeypatch, tmp_path, matches("a", "b", on=DIGITS, floors=("dense",)), SAMPLE + 0.1)
    assert _alone(part, result) == "reproduced"
    part, result, _ = judged(monkeypatch, tmp_path, beats("a", "b", on=DIGITS), SAMPLE + 1)
    assert _alone(part, result) == "reproduced (at least sesoi)"
    part, result, _ = judged(monkeypatch, tmp_path, no_gain("a", "b", near=("dense",), on=DIGITS), SAMPLE - 5)
    assert _alone(part, result) == "reproduced (worse)"  # no gain has no lower end


def test_what_has_no_spread_says_so(monkeypatch, tmp_path):
    """Equal differences give no p-value; the table has what they all equal, with the sign that every number has."""
    for value, printed in ((-0.2, "−0.20"), (0.0, "+0.00"), (-0.001, "+0.00")):
        part, result, _ = judged(monkeypatch, tmp_path, beats("a", "b", on=DIGITS), np.full(10, value))
        assert _alone(part, result) == f"inconclusive (all 10 differences equal {printed} pp)"


def test_a_fresh_run_says_whether_it_would_decide(monkeypatch, tmp_path):
    """Wholly on one side of what the part asserts, or on both; nothing where there is no spread."""
    part, result, verdict = judged(monkeypatch, tmp_path, beats("a", "b", on=DIGITS), SAMPLE + 1)
    assert _again(part, result) == compared(part, result, verdict, design(part), decides=True).again == "+0.68 to +0.97"
    part, result, _ = judged(monkeypatch, tmp_path, beats("a", "b", on=DIGITS), SAMPLE * 5 + 1)
    assert _again(part, result).endswith(", on both sides")
    part, result, _ = judged(monkeypatch, tmp_path, beats("a", "b", on=DIGITS), np.full(10, 0.2))
    assert _again(part, result) == "–"


def test_what_was_known_before_the_lock_is_said(monkeypatch, tmp_path):
    """Of round 0, part by part, where anything was; of later rounds nothing can have been."""
    _, _, verdict = judged(monkeypatch, tmp_path, beats("a", "b", on=DIGITS), SAMPLE + 1)
    given = {"claim": "paper/claim", "version": 1, "scale": "micro", "pairs": 40}
    one = KnownBefore(part=1, name="a beats b", known=10, **given)
    other = KnownBefore(part=2, name="c beats d", known=0, **given)
    before = replace(verdict, round=0)
    assert _known([one, other], before, "paper/claim", MICRO) == [
        "a beats b: 10 of 40 (25 %)",
        "c beats d: 0 of 40 (0 %)",
    ]
    assert _known([other], before, "paper/claim", MICRO) == []
    assert _known([one], replace(verdict, round=1), "paper/claim", MICRO) == []
    assert _known([one], before, "paper/other", MICRO) == []


def test_a_pilot_in_the_second_of_the_lock_is_told():
    """The lock has counted it; what came later was no look before."""
    dates = ("2026-01-01T10:00:00Z", "2026-01-01T10:00:05Z", "2026-01-01T10:00:06Z")
    pilots = [Pilot(date, "none", "micro", "paper/claim", 1, "digits", "", "a beats b", 5, 0.0, 1.0) for date in dates]
    assert _looked(pilots, dates[1]) == pilots[:2]
    assert _looked(pilots, "") == pilots


def test_what_was_run_is_told_with_all_its_settings():
    """Momentum, penalties, a schedule and what a way to learn is given; of round 0 as it has been printed."""
    recipe = Recipe(optimiser=SGD(0.1, momentum=0.9), steps=30, batch=20, schedule=Drops((Fraction(2, 3),)))
    net = mlp(64, 12, 10)
    learned = train(net, DIGITS, recipe, learn=Scores(Fraction(1, 2)))
    arms = {"a": learned, "b": evaluate(net, DIGITS), "c": train(net, DIGITS, replace(recipe, l2=0.001))}
    made = Design(arms=arms)
    scores, evaluated, weights = _trained(made, settings=True)
    whole = "SGD 0.1, 30 steps, batch 20, momentum 0.9, schedule Drops (at 2/3), "
    assert scores.endswith(f"scores, {whole}keep 1/2")
    assert weights.endswith(f"weights, {whole}l2 0.001")
    assert evaluated.endswith(": evaluate")
    bare = _trained(made, settings=False)
    assert bare == [scores.partition(", momentum")[0], evaluated, weights.partition(", momentum")[0]]
