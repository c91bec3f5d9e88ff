"""Power and sample size, before a run in the plan and after it in verdicts and report.

Also tests `design._pilots` and `workflow._deciding`.
"""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from harness.cli.tables import power_cells, show_work
from harness.data._tasks import DIGITS
from harness.design import _pilots as piloting
from harness.design._assertions import beats, equals, matches
from harness.design._claim import Scale
from harness.design._lock import Registry
from harness.design._pilots import Pilot
from harness.report import _report as report
from harness.stats._kinds import BEATS, EQUALS, MATCHES, Decision, Outcome
from harness.stats._paired import ALPHA, sd_upper, t_power, tost_power
from harness.stats._power import MOST_PLANNED, Held, planned_needs, power_at_bound, power_planned
from harness.streams import Replicate
from harness.verdict import _judge as judging
from harness.workflow import _deciding as deciding
from harness.workflow._deciding import Family
from harness.workflow._planning import Request, plan
from harness.workflow._session import Session
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, around, claim, design

FAMILY = 3
HELD = Held(FAMILY)
NAMES = ("first", "second", "third")
PARTS = {
    BEATS: beats("a", "b", on=DIGITS),
    MATCHES: matches("a", "b", on=DIGITS, floors=("d",)),
    EQUALS: equals("a", "b", on=DIGITS, floors=("d",)),
}


def planned(part, *, mean, sd=0.5, n=10, decision=Decision.T, held=HELD):
    """What the plan says of `part` after a pilot of 5 replicates with this mean and sd."""
    built = design(part, replicates=n, decision=decision)
    request = Request(claim(built), built, tuple(Replicate(11, i) for i in range(n)))
    pilot = Pilot("today", "none", "micro", "paper/claim", 1, "digits", "", part.name, 5, mean, sd)
    return power_cells(deciding.power_of(request, part, [pilot], held))


def power(kind, effect, n, alpha, sd):
    """Power to reproduce a part of `kind` where the true effect is `effect` pp; its margin is the sesoi."""
    if kind is EQUALS:
        return tost_power(effect=effect, margin=DIGITS.sesoi_pp, sd=sd, n=n, alpha=alpha)
    return t_power(effect=effect + (DIGITS.sesoi_pp if kind is MATCHES else 0), sd=sd, n=n, alpha=alpha)


@pytest.mark.parametrize("kind", PARTS, ids=str)
def test_the_plan_uses_each_kinds_own_power(kind):
    """At the pilot's upper sd and Holm's first step: find the sesoi, or confirm a true 0 by t or by TOST."""
    upper, alpha = sd_upper(sd=0.5, n=5), ALPHA / FAMILY
    at = DIGITS.sesoi_pp if kind is BEATS else 0.0
    spread, at_bound, needs, _ = planned(PARTS[kind], mean=0.1)
    assert spread == f"0.50 ({upper:.2f})"
    half = -DIGITS.sesoi_pp / 2
    told = "" if kind is BEATS else f" at 0, {power(kind, half, 10, alpha, upper):.2f} half way to the margin"
    assert at_bound.startswith(f"{power(kind, at, 10, alpha, upper):.2f}{told};")
    n, at = int(needs), at if kind is BEATS else half
    if kind is BEATS:
        assert power(kind, at, n, alpha, upper) >= 0.8 > power(kind, at, n - 1, alpha, upper)
    else:
        assert (n, power(kind, at, n, alpha, upper) < 0.8) == (MOST_PLANNED, True)


def test_no_difference_is_planned_half_way_to_the_margin():
    """A true 0 is the best case: 36 replicates would do there, 129 half way, and sixty is the most that is planned."""
    held, given = Held(18, ALPHA / 2), {"bound": 0.4, "sd": 0.55}
    at = {n: (power_at_bound(MATCHES, n=n, held=held, **given), power_planned(MATCHES, n=n, held=held, **given))
          for n in (35, 36, 60, 128, 129)}  # fmt: skip
    assert at[35][0] < 0.8 <= at[36][0]
    assert at[128][1] < 0.8 <= at[129][1]
    assert [round(each, 2) for each in at[60]] == [0.99, 0.31]
    assert planned_needs(MATCHES, held=held, **given) == MOST_PLANNED
    assert planned_needs(MATCHES, bound=0.4, sd=0.2, held=held) == 22
    assert power_planned(MATCHES, bound=0.4, sd=0.2, n=21, held=held) < 0.8
    assert planned_needs(BEATS, held=held, **given) == 36
    assert planned_needs(BEATS, bound=0.4, sd=0.0, held=held) is None


def test_equals_needs_more_than_matches():
    """Two sides cost more than one: the power and the replicates of equals are not those of the t-test."""
    one, two = planned(PARTS[MATCHES], mean=0.0), planned(PARTS[EQUALS], mean=0.0)
    assert (one[2], two[2]) == ("60", "60")
    assert float(two[1].split()[0]) < float(one[1].split()[0])


@pytest.mark.parametrize(
    ("kind", "mean", "decides"),
    [
        (BEATS, 2.0, "yes"),
        (BEATS, -2.0, "yes"),
        (BEATS, 0.2, "perhaps not"),
        (MATCHES, 2.0, "yes"),
        (MATCHES, -2.5, "yes"),
        (MATCHES, -0.5, "perhaps not"),
        (EQUALS, 2.5, "yes"),
        (EQUALS, -2.5, "yes"),
        (EQUALS, 0.5, "perhaps not"),
    ],
)
def test_a_pilot_that_points_either_way_can_decide(kind, mean, decides):
    """Far on either side of the bound something is decided, refuted included; at the bound nothing is."""
    assert planned(PARTS[kind], mean=mean)[3] == decides


@pytest.mark.parametrize("decision", Decision)
def test_too_few_replicates_for_sign_flip_is_said(decision):
    """Whichever test decides, 10 replicates cannot serve a family of 26 by sign-flip."""
    assert planned(PARTS[BEATS], mean=9.0, decision=decision, held=Held(26))[3].startswith("no: sign-flip")


def test_verdicts_and_report_say_what_each_part_needs(monkeypatch, tmp_path):
    """Every part has its own number: enough, too few for the sesoi, too few for the margin, hopeless, no spread."""
    parts = (
        beats("a", "b", on=DIGITS, label="enough"),
        beats("c", "b", on=DIGITS, label="wide"),
    )
    beside = (
        matches("c", "b", on=DIGITS, floors=("dense",), label="wide margin", bound=DIGITS.margin_pp),
        beats("d", "b", on=DIGITS, label="hopeless"),
        beats("dense", "b", on=DIGITS, label="still"),
    )
    made = claim(design(*parts, beside=beside))
    synthetic.register(monkeypatch, made)
    sd = {"a": 0.2, "c": 0.7, "d": 20.0}
    rows = synthetic.results((made, lambda arm, at: 60 + (around(1, sd[arm], 10) if arm in sd else np.zeros(10))))
    registry = Registry(tmp_path / "lock")
    judged = judging.judge_results(rows, registry, CATALOGUE)
    verdict = judged.claims[made.id]
    enough, wide = (part.needed for part in verdict.parts)
    margin, hopeless, still = (part.needed for part in verdict.beside)
    assert (enough, hopeless, still) == (5, None, None)
    for needed, bound in ((wide, DIGITS.sesoi_pp), (margin, DIGITS.margin_pp)):
        assert t_power(effect=bound, sd=0.7, n=needed, alpha=ALPHA) >= 0.8
        assert t_power(effect=bound, sd=0.7, n=needed - 1, alpha=ALPHA) < 0.8
    text = report.report_text(rows, judged, registry, CATALOGUE, [], {})
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


# --- the plan's table ------------------------------------------------------------------------------------------------


def shown(tmp_path, *claims):
    """What ``harness plan`` prints for these claims in an empty project."""
    known = replace(CATALOGUE, folder=tmp_path / "claims")
    session = Session(root=tmp_path, catalogue=known, scale=MICRO, claims=claims, store=tmp_path / "store")
    told = Console(record=True, width=160, file=io.StringIO())
    show_work(plan(session), told)
    return told.export_text()


def test_power_is_planned_for_the_family_that_will_be(monkeypatch, tmp_path):
    """What was locked together, whether still defined or not; else all that is not locked, at half the level.

    Exact claims, other papers' and scales' count in neither.
    """
    tested, other = design(beats("a", "b", on=DIGITS)), design(beats("a", "c", on=DIGITS))
    first, second, third = (
        claim(each, id=f"paper/{name}") for each, name in zip((tested, other, other), NAMES, strict=True)
    )
    standard = replace(claim(tested, id="paper/standard"), predicted={Scale.STANDARD: Outcome.REPRODUCED})
    outside = (standard, claim(synthetic.counted(), id="paper/exact"), claim(tested, id="elsewhere/first"))
    synthetic.register(monkeypatch, first, second, third, *outside, claim(synthetic.counted(), id="paper/counted"))
    (tmp_path / "claims").mkdir()
    registry = Registry(tmp_path / "claims" / "registry.lock")
    synthetic.lock(registry, first, claim(tested, id="paper/gone"), outside[1])
    synthetic.lock(registry, standard, scale=Scale.STANDARD)
    families = [deciding.family(registry, CATALOGUE, each, MICRO) for each in (first, second, outside[2])]
    assert families == [
        Family(frozenset({"paper/first", "paper/gone"}), ALPHA, 0),
        Family(frozenset({"paper/second", "paper/third"}), ALPHA / 2, 1),
        Family(frozenset({"elsewhere/first"}), ALPHA, 1),
    ]
    pilot = Pilot("today", "none", "micro", first.id, 1, "digits", "", "a beats b", 5, 1.0, 0.5)
    piloting.append_pilots(tmp_path / "docs" / "pilots.csv", [pilot, replace(pilot, claim=second.id, what="a beats c")])
    for each, told, held in (
        (first, "in Holm's families of paper 2\n", Held(2)),
        (second, "in Holm's families of paper 2 at level 0.0125\n", Held(2, ALPHA / 2)),
    ):
        text = "\n".join(line.strip() for line in shown(tmp_path, each).splitlines())
        assert told in text
        others = [Held(1), Held(2), Held(2, ALPHA / 2), Held(3)]
        cells = {held: planned(PARTS[BEATS], mean=1.0, held=held) for held in others}
        fits = [h for h, cell in cells.items() if cell[1].split(";")[0] in text and f" {cell[2]} " in text]
        assert fits == [held]


def test_a_plan_ends_with_its_totals(monkeypatch, tmp_path):
    """The last sentence is what all claims together come to, and what of it is guessed on an empty store.

    A claim of counts alone has no table of power, and takes no time that could be guessed.
    """
    tested = claim(design(beats("a", "b", on=DIGITS)))
    synthetic.register(monkeypatch, tested)
    *_, last = shown(tmp_path, tested).rpartition("\n130 different of 130 trainings and evaluations needed: ")
    assert " ".join(last.split()).endswith(" core, guessed: nothing like it was measured here yet")
    text = shown(tmp_path, claim(synthetic.counted()))
    assert text.splitlines()[-1].startswith("0 different of 0 trainings and evaluations needed: 0% shared")
    assert "can the replicates decide?" not in text
