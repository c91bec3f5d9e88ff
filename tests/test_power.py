"""Power and sample size, before a run in the plan and after it in verdicts and report."""

import numpy as np
import pytest

from harness import judge as judging
from harness import report
from harness.hypothesis import Decision, Kind, beats, equals, matches
from harness.lock import Registry
from harness.pilot import Pilot
from harness.plan import Request
from harness.planning import power_of
from harness.stats import ALPHA, sd_upper, t_power, tost_power
from harness.streams import Replicate
from harness.tasks import DIGITS
from tests import synthetic
from tests.synthetic import around, claim, design

FAMILY = 3
PARTS = {
    Kind.BEATS: beats("a", "b", on=DIGITS),
    Kind.MATCHES: matches("a", "b", on=DIGITS, floors=("d",)),
    Kind.EQUALS: equals("a", "b", on=DIGITS, floors=("d",)),
}


def planned(part, *, mean, sd=0.5, n=10, decision=Decision.T, family=FAMILY):
    """What the plan says of `part` after a pilot of 5 replicates with this mean and sd."""
    built = design(part, replicates=n, decision=decision)
    request = Request(claim(built), built, tuple(Replicate(11, i) for i in range(n)))
    pilot = Pilot("today", "none", "micro", "paper/claim", 1, "digits", "", part.name, 5, mean, sd)
    return power_of(request, part, [pilot], family)


def power(kind, effect, n, alpha, sd):
    """Power to reproduce a part of `kind` where the true effect is `effect` pp."""
    if kind is Kind.EQUALS:
        return tost_power(effect=effect, margin=DIGITS.margin_pp, sd=sd, n=n, alpha=alpha)
    return t_power(effect=effect + (DIGITS.margin_pp if kind is Kind.MATCHES else 0), sd=sd, n=n, alpha=alpha)


@pytest.mark.parametrize("kind", Kind)
def test_the_plan_uses_each_kinds_own_power(kind):
    """At the pilot's upper sd and Holm's first step: find the sesoi, or confirm a true 0 by t or by TOST."""
    upper, alpha = sd_upper(sd=0.5, n=5), ALPHA / FAMILY
    at = DIGITS.sesoi_pp if kind is Kind.BEATS else 0.0
    spread, at_bound, needs, _ = planned(PARTS[kind], mean=0.1)
    assert spread == f"0.50 ({upper:.2f})"
    assert at_bound.startswith(f"{power(kind, at, 10, alpha, upper):.2f};")
    assert power(kind, at, int(needs), alpha, upper) >= 0.8 > power(kind, at, int(needs) - 1, alpha, upper)


def test_equals_needs_more_than_matches():
    """Two sides cost more than one: the power and the replicates of equals are not those of the t-test."""
    one, two = planned(PARTS[Kind.MATCHES], mean=0.0), planned(PARTS[Kind.EQUALS], mean=0.0)
    assert int(two[2]) > int(one[2])
    assert float(two[1].split(";")[0]) < float(one[1].split(";")[0])


@pytest.mark.parametrize(
    ("kind", "mean", "decides"),
    [
        (Kind.BEATS, 2.0, "yes"),
        (Kind.BEATS, -2.0, "yes"),
        (Kind.BEATS, 0.2, "perhaps not"),
        (Kind.MATCHES, 2.0, "yes"),
        (Kind.MATCHES, -2.5, "yes"),
        (Kind.MATCHES, -0.5, "perhaps not"),
        (Kind.EQUALS, 2.5, "yes"),
        (Kind.EQUALS, -2.5, "yes"),
        (Kind.EQUALS, 0.5, "perhaps not"),
    ],
)
def test_a_pilot_that_points_either_way_can_decide(kind, mean, decides):
    """Far on either side of the bound something is decided, refuted included; at the bound nothing is."""
    assert planned(PARTS[kind], mean=mean)[3] == decides


@pytest.mark.parametrize("decision", Decision)
def test_too_few_replicates_for_sign_flip_is_said(decision):
    """Whichever test decides, 10 replicates cannot serve a family of 26 by sign-flip."""
    assert planned(PARTS[Kind.BEATS], mean=9.0, decision=decision, family=26)[3].startswith("no: sign-flip")


def test_verdicts_and_report_say_what_each_part_needs(monkeypatch, tmp_path):
    """Every part has its own number: enough, too few for the sesoi, too few for the margin, hopeless, no spread."""
    parts = (
        beats("a", "b", on=DIGITS, label="enough"),
        beats("c", "b", on=DIGITS, label="wide"),
    )
    beside = (
        matches("c", "b", on=DIGITS, floors=("dense",), label="wide margin"),
        beats("d", "b", on=DIGITS, label="hopeless"),
        beats("dense", "b", on=DIGITS, label="still"),
    )
    made = claim(design(*parts, beside=beside))
    synthetic.register(monkeypatch, made)
    sd = {"a": 0.2, "c": 0.7, "d": 20.0}
    rows = synthetic.results((made, lambda arm, at: 60 + (around(1, sd[arm], 10) if arm in sd else np.zeros(10))))
    registry = Registry(tmp_path / "lock")
    judged = judging.judge(rows, registry)
    verdict = judged["claims"][made.id]
    enough, wide = (part["needed"] for part in verdict["parts"])
    margin, hopeless, still = (part["needed"] for part in verdict["beside"])
    assert (enough, hopeless, still) == (5, None, None)
    for needed, bound in ((wide, DIGITS.sesoi_pp), (margin, DIGITS.margin_pp)):
        assert t_power(effect=bound, sd=0.7, n=needed, alpha=ALPHA) >= 0.8
        assert t_power(effect=bound, sd=0.7, n=needed - 1, alpha=ALPHA) < 0.8
    text = report.text(rows, judged, registry, [], {})
    table = text.split("| comparison | sd | n | needed |")[1]
    cells = {
        row.split("(")[1].split(")")[0]: row.split(" | ")[3]
        for row in table.splitlines()
        if row.startswith("| ") and " − " in row
    }
    assert cells == {
        "enough": "5",
        "wide": f"have 10, need {wide} for this sesoi",
        "wide margin": f"have 10, need {margin} for this margin",
        "hopeless": "have 10, need more than 1000 for this sesoi",
        "still": "–",
    }
