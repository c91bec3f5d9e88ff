"""What a report comes to: first attempts, evidence that claims share, exact claims apart."""

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._lock import Registry
from harness.stats._kinds import Outcome
from harness.verdict import _as_printed
from harness.verdict._as_printed import digest_of_printed
from harness.verdict._judge import judge_results
from harness.verdict._scoreboard import Attempts, scoreboard
from harness.verdict._verdicts import EarlierVersion
from tests import synthetic
from tests.synthetic import CATALOGUE, ahead, claim, counted, design, lock

BEATS = beats("a", "b", on=DIGITS)


@pytest.fixture
def registry(tmp_path):
    """An empty registry."""
    return Registry(tmp_path / "registry.lock")


def scored(registry, *values, **more):
    rows = synthetic.results(*values, **more)
    return scoreboard(rows, judge_results(rows, registry, CATALOGUE), registry, CATALOGUE)


def test_first_attempts_count_confirmatory_predictions_only(monkeypatch, registry):
    """Of three confirmatory verdicts two were predicted; an exploratory hit and a quick run count neither way."""
    right = claim(design(BEATS), id="paper/right")
    wrong = claim(design(BEATS), id="paper/wrong")
    refuted = claim(design(BEATS), id="paper/refuted", predicted=Outcome.REFUTED)
    unlocked = claim(design(BEATS), id="paper/unlocked")
    synthetic.register(monkeypatch, right, wrong, refuted, unlocked)
    lock(registry, right, wrong, refuted)
    values = (right, ahead(5.0)), (wrong, ahead(-5.0)), (refuted, ahead(-4.0)), (unlocked, ahead(5.0))
    found = scored(registry, *values)
    assert found.first == Attempts(came_out=2, of=3)
    assert (found.reproduced, found.refuted, found.open) == ((1, 1), (2, 2), 0)
    assert scored(registry, *values, quick=True).first == Attempts(came_out=0, of=0)


def test_a_claim_that_was_amended_counts_by_its_first_version(monkeypatch, registry):
    """Whatever the latest version came to; and where the first verdict is stored no more, it did not come out."""
    first = claim(design(BEATS), predicted=Outcome.REFUTED)
    second = claim(design(beats("a", "c", on=DIGITS)), version=2, predicted=Outcome.REPRODUCED)
    synthetic.register(monkeypatch, second)
    lock(registry, first, second)
    rows = synthetic.results((second, ahead(3.0)), first=10)
    told = {
        "version": 1,
        "qualifier": "",
        "n": 10,
        "decision": "t",
        "mean": 0.1,
        "lower": 0.0,
        "upper": 0.2,
        "name": "a",
    }
    for outcome, came_out in ((Outcome.REFUTED, 1), (Outcome.INCONCLUSIVE, 0)):
        earlier = {"paper/claim": (EarlierVersion(outcome=outcome, **told),)}
        monkeypatch.setattr(_as_printed, "PRINTED", {digest_of_printed("paper/claim", *earlier["paper/claim"])})
        carried = synthetic.replace(rows, meta=synthetic.replace(rows.meta, earlier=earlier))
        found = scoreboard(carried, judge_results(carried, registry, CATALOGUE), registry, CATALOGUE)
        assert (found.first, found.again) == (Attempts(came_out=came_out, of=1), ("paper/claim",))
    found = scoreboard(rows, judge_results(rows, registry, CATALOGUE), registry, CATALOGUE)
    assert found.first == Attempts(came_out=0, of=1)


def test_claims_of_the_same_numbers_are_one_finding(monkeypatch, registry):
    """Two refuted claims whose deciding comparison has the same differences, and one of its own."""
    same, again, other = (claim(design(BEATS), id=f"paper/{name}") for name in ("same", "again", "other"))
    synthetic.register(monkeypatch, same, again, other)
    lock(registry, same, again, other)
    found = scored(registry, (same, ahead(-5.0)), (again, ahead(-5.0)), (other, ahead(-4.0)))
    assert found.refuted == (3, 2)
    assert found.shared == (("paper/again", "paper/same"),)


def test_exact_claims_and_controls_stand_apart(monkeypatch, registry):
    """A count that is not the printed one is an erratum and no finding; a control is about the protocol."""
    right, wrong = claim(counted(), id="paper/right"), claim(counted(observed=887), id="paper/wrong")
    control = claim(design(BEATS), id="controls/equal")
    synthetic.register(monkeypatch, right, wrong, control)
    lock(registry, right, wrong, control)
    found = scored(registry, (right, None), (wrong, None), (control, ahead(5.0)))
    assert (found.exact, found.errata) == (("paper/right",), ("paper/wrong",))
    assert (found.reproduced, found.refuted, found.open) == ((0, 0), (0, 0), 0)
    assert found.first == Attempts(came_out=1, of=2)
