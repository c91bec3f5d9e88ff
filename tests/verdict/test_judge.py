"""From rows to verdicts: families of what is locked, exploratory runs, amended claims, predictions.

Also tests `verdict._tested`, `verdict._stated` and `verdict._verdicts`.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, matches
from harness.design._lock import Registry
from harness.report import _report as report
from harness.stats._kinds import Outcome
from harness.verdict import _judge as judging
from harness.verdict._files import verdicts_json
from harness.verdict._scoreboard import scoreboard
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, WHEN, ahead, claim, counted, design, lock

BEATS = beats("a", "b", on=DIGITS)


@pytest.fixture
def registry(tmp_path):
    """An empty registry."""
    return Registry(tmp_path / "registry.lock")


def judge(registry, *values, **more):
    return judge_rows(synthetic.results(*values, **more), registry)


def judge_rows(rows, registry):
    return judging.judge_results(rows, registry, CATALOGUE).claims


# --- families --------------------------------------------------------------------------------------------------------


def test_locked_claims_without_rows_count_in_the_family(monkeypatch, registry):
    """One claim of four locked ones was run: its p is multiplied by four, and what was shown alone is open."""
    ran, *unrun = (claim(design(BEATS), id=f"paper/{name}") for name in "wxyz")
    synthetic.register(monkeypatch, ran, *unrun)
    lock(registry, ran)
    alone = judge(registry, (ran, ahead(0.8)))["paper/w"]
    lock(registry, *unrun)
    among = judge(registry, (ran, ahead(0.8)))
    assert among.keys() == {"paper/w"}
    assert (alone.outcome, alone.family) == (Outcome.REPRODUCED, ("paper/w",))
    assert among["paper/w"].p_rep == pytest.approx(4 * alone.p_rep)
    assert among["paper/w"].family == tuple(f"paper/{name}" for name in "wxyz")
    assert among["paper/w"].outcome == Outcome.INCONCLUSIVE
    assert among["paper/w"].cause.startswith("multiplicity")


def test_exact_claims_stand_outside_the_family(monkeypatch, registry):
    """An exact claim of the paper, run or only locked, changes no p-value, and has none."""
    tested, counts, more = claim(design(BEATS)), claim(counted(), id="paper/count"), claim(counted(), id="paper/more")
    synthetic.register(monkeypatch, tested, counts, more)
    lock(registry, tested, counts, more)
    judged = judge(registry, (tested, ahead(0.8)), (counts, None))
    assert judged[tested.id].family == (tested.id,)
    assert judged[tested.id].p_rep == judged[tested.id].parts[0].p_rep
    assert (judged[counts.id].family, judged[counts.id].p_rep) == ((), None)
    assert registry.family("paper", MICRO, 0) == [tested.id]


# --- what is confirmatory --------------------------------------------------------------------------------------------


def test_as_locked_is_confirmatory(monkeypatch, registry):
    """The locked design on the locked block of replicates, under the suite seed."""
    made = claim(design(BEATS))
    synthetic.register(monkeypatch, made)
    lock(registry, made)
    verdict = judge(registry, (made, ahead(2.0)))[made.id]
    assert (verdict.status, verdict.status_reason) == ("confirmatory", f"locked {WHEN}")


@pytest.mark.parametrize(
    ("locked", "run", "more", "reason"),
    [
        (None, design(BEATS), {}, "not locked"),
        (design(beats("a", "c", on=DIGITS)), design(BEATS), {}, "changed since version 1 was locked"),
        (design(BEATS), design(BEATS), {"n": 12}, "12 replicates were run, not the 10 that are locked"),
        (design(BEATS), design(BEATS), {"first": 10}, "replicates 10 to 19 were run, not the locked 0 to 9"),
        (design(BEATS), design(BEATS), {"suite_seed": 3}, "suite seed 3 was used, not the locked 20190506"),
    ],
    ids=["not locked", "changed", "more replicates", "another block", "another seed"],
)
def test_all_else_is_exploratory(monkeypatch, registry, tmp_path, locked, run, more, reason):
    """Unlocked, changed, or on other replicates: judged, labelled in words and in the report, and no prediction."""
    made = claim(run)
    synthetic.register(monkeypatch, made)
    if locked is not None:
        lock(registry, claim(locked))
    rows = synthetic.results((made, ahead(2.0, n=more.pop("n", 10))), **more)
    judged = judging.judge_results(rows, registry, CATALOGUE)
    verdict = judged.claims[made.id]
    assert (verdict.outcome, verdict.status) == (Outcome.REPRODUCED, "exploratory")
    assert reason in verdict.status_reason
    assert verdict.in_words(MICRO).endswith(", exploratory")
    assert scoreboard(rows, judged, registry, CATALOGUE).first.of == 0
    text = report.report_text(rows, judged, registry, CATALOGUE, [], {})
    assert f"*Exploratory: {verdict.status_reason}.* Such a verdict never replaces a confirmatory one." in text


def test_rows_of_another_design_are_exploratory(monkeypatch, registry):
    """Rows whose digest is not the locked one do not become confirmatory when the claim is changed back."""
    made = claim(design(BEATS))
    synthetic.register(monkeypatch, made)
    lock(registry, made)
    rows = synthetic.known(synthetic.results((made, ahead(2.0))), made.id, digest="0" * 64)
    verdict = judging.judge_results(rows, registry, CATALOGUE).claims[made.id]
    assert verdict.status == "exploratory"
    assert "another version of the design" in verdict.status_reason


def test_rows_of_an_earlier_version_keep_its_number(monkeypatch, registry):
    """Before an amended claim is run, the rows that are there stay version 1's and are exploratory."""
    first, second = claim(design(BEATS)), claim(design(BEATS), version=2)
    synthetic.register(monkeypatch, second)
    lock(registry, first, second)
    verdict = judge(registry, (first, ahead(2.0)))[first.id]
    assert (verdict.version, verdict.status) == (1, "exploratory")
    assert verdict.status_reason == "the rows are of version 1, the claim is version 2"


def test_an_amended_claim_does_not_turn(monkeypatch, registry):
    """Reproduced and then refuted is a turn within one version, and none between two."""
    made = claim(design(BEATS))
    synthetic.register(monkeypatch, made)
    one, other = (
        judging.judge_results(synthetic.results((made, ahead(mean))), registry, CATALOGUE) for mean in (5.0, -5.0)
    )
    assert other.turned(one) == [made.id]
    amended = replace(other, claims={made.id: replace(other.claims[made.id], version=2)})
    assert amended.turned(one) == []


def test_a_reproduced_claim_rests_on_what_qualifies_it(monkeypatch, registry):
    """Of one that asserts a direction and one that asserts no difference, the first: its size is the qualifier."""
    made = claim(design(BEATS, matches("c", "d", on=DIGITS, floors=("dense",))))
    synthetic.register(monkeypatch, made)
    spread = np.linspace(-1, 1, 10)
    values = {"a": 85 + spread, "c": 79.9 + spread * 0.2, "dense": np.full(10, 60.0)}
    verdict = judge(registry, (made, lambda arm, at: values.get(arm, np.full(10, 80.0))))[made.id]
    assert (verdict.outcome, verdict.qualifier) == (Outcome.REPRODUCED, "at least sesoi")
    assert verdict.parts[0].p_rep < verdict.parts[1].p_rep
    assert (verdict.deciding.name, verdict.rests_on) == ("a beats b", "a beats b (both parts hold)")


def test_rows_of_an_earlier_design_are_named(monkeypatch, registry):
    """Of a claim that is not locked nothing binds the design: rows from before it changed say so."""
    first, now = claim(design(BEATS)), claim(design(beats("a", "c", on=DIGITS)))
    synthetic.register(monkeypatch, first)
    rows = synthetic.results((first, ahead(3.0)))
    assert judge_rows(rows, registry)["paper/claim"].status_reason == "not locked"
    synthetic.register(monkeypatch, now)
    verdict = judge_rows(rows, registry)["paper/claim"]
    assert verdict.status_reason == "not locked, and its design changed since these rows were computed"


def test_a_draw_that_is_missing_is_missed(monkeypatch, registry):
    """Where a replicate lacks one of several draws, their mean would be of other nets than in the other replicates."""
    drawn = claim(design(BEATS, arms=design().arms | {"a": [*synthetic.arm(0), *synthetic.arm(9)]}))
    synthetic.register(monkeypatch, drawn)
    rows = synthetic.results((drawn, ahead(3.0)))
    assert judge_rows(rows, registry)["paper/claim"].outcome is Outcome.REPRODUCED
    first = rows.frame.index[(rows.frame["arm"] == "a") & (rows.frame["draw"] == 1) & (rows.frame["replicate"] == 4)][0]
    verdict = judge_rows(replace(rows, frame=rows.frame.drop(index=first)), registry)["paper/claim"]
    assert verdict.outcome is Outcome.ERROR
    assert "no value for replicates [4]" in verdict.cause


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_file_keeps_its_names(monkeypatch, registry):
    """Whatever fields are called and whatever their unit is, the file names a part's numbers as it always has."""
    made = claim(design(matches("b", "dense", on=DIGITS, floors=("a",))))
    synthetic.register(monkeypatch, made)
    judged = judging.judge_results(synthetic.results((made, ahead(0.8))), registry, CATALOGUE)
    (part,) = json.loads(verdicts_json(judged))["claims"][made.id]["parts"]
    assert [name for name in part if name.endswith("_pp")] == ["bound_pp", "lower_pp", "mean_pp", "sd_pp", "upper_pp"]
    assert list(part["floors"][0]) == ["beaten", "lower_pp", "mean_pp", "name", "needed_pp"]
    assert part["kind"] == "matches"
