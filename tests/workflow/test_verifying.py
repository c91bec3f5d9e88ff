"""What `verify` makes of verdicts that are not given again: its status, and what it says."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.recomputed import show_verified
from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._lock import Registry
from harness.verdict import Losses, Lost
from harness.verdict._judge import judge_results
from harness.workflow import Judged, Ran, Turned, Verified
from tests import synthetic
from tests.synthetic import CATALOGUE, ahead, claim, design, lock

CLAIM = claim(design(beats("a", "b", on=DIGITS)))


def verdict(mean, registry):
    """The verdict on the claim where a is ahead by `mean`."""
    return judge_results(synthetic.results((CLAIM, ahead(mean))), registry, CATALOGUE).claims[CLAIM.id]


@pytest.fixture
def verified(monkeypatch, tmp_path):
    """Make a run in which the claim, once reproduced, comes out as a mean says, by a chance, of so many explained."""
    synthetic.register(monkeypatch, CLAIM)
    registry = Registry(tmp_path / "registry.lock")
    lock(registry, CLAIM)

    def made(mean, *, chance, most):
        was, now = verdict(2.0, registry), verdict(mean, registry)
        judged = Judged((), judge_results(synthetic.results((CLAIM, ahead(mean))), registry, CATALOGUE))
        lost = Lost(claim=CLAIM.id, was=was, now=now, chance=chance)
        turned = (Turned(CLAIM.id, was.outcome, now.outcome),) if lost.turned else ()
        found = Losses(decided=3, lost=(lost,), most=most)
        return Verified(Ran(), judged, turned=turned, report=Path("report.md"), losses=found)

    return made


def said(verified):
    """What is printed, without line ends."""
    text = StringIO()
    show_verified(verified, Path(), Console(file=text, width=200))
    return " ".join(text.getvalue().split())


def test_a_loss_is_named_with_both_effects_and_changes_no_status(verified):
    """One verdict is lost, where rounding explains one."""
    found = verified(0.3, chance=0.12, most=1)
    assert found.as_recorded
    assert (
        "paper/claim is lost: committed reproduced (+2.00 pp, +1.28 to +2.72), now inconclusive (+0.30 pp, −0.42 to "
        "+1.02); rounding alone does that in 12.00% of runs"
    ) in said(found)
    assert "decided verdicts are lost" not in said(found)


def test_more_losses_than_rounding_explains_are_red(verified):
    """The same where it explains none."""
    found = verified(0.3, chance=0.0, most=0)
    assert not found.as_recorded
    assert "1 of 3 decided verdicts are lost, where rounding explains 0. Next: harness variance" in said(found)


def test_a_turn_is_red_but_where_rounding_turns_it(verified):
    """A turn that rounding makes in 1 % of runs is named; one that it makes in none is red."""
    rounded, red = (verified(-2.0, chance=chance, most=1) for chance in (0.01, 0.0))
    assert (rounded.as_recorded, red.as_recorded) == (True, False)
    assert (rounded.unexplained, red.unexplained) == ((), red.turned)
    assert "paper/claim turned: committed reproduced (+2.00 pp" in said(rounded)
    assert "turned: recorded reproduced, now refuted" not in said(rounded)
    assert "turned: recorded reproduced, now refuted" in said(red)


def test_a_turn_that_the_rows_do_not_show_is_red(verified):
    """Recorded as refuted, although the committed rows say reproduced, as the fresh ones do: rounding has no part."""
    turned = (Turned(CLAIM.id, "refuted", "reproduced"),)
    found = replace(verified(2.0, chance=0.0, most=0), turned=turned, losses=Losses(decided=1))
    assert found.unexplained == turned
    assert not found.as_recorded


def test_claims_without_a_jolted_pass_are_named(verified):
    """Where something is lost, and what rounding does is known from this run alone."""
    found = verified(0.3, chance=0.5, most=1)
    alone = replace(found, losses=replace(found.losses, by_this_run=(CLAIM.id,)))
    assert "how far rounding moves paper/claim is not known but from this run" in said(alone)
    assert "not known" not in said(found)
