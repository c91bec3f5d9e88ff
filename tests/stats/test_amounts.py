"""A number has the decimals that its unit needs."""

import pytest

from harness.report import interval
from harness.stats._amounts import decimals
from harness.stats._kinds import MATCHES
from harness.verdict._verdicts import MeanInterval


@pytest.mark.parametrize(("unit", "places"), [("pp", 2), ("log points", 2), ("nats a token", 3), ("bits a token", 3)])
def test_hundredths_are_enough_but_for_nats_and_bits(unit, places):
    """A margin of .02 nats would otherwise be told like a third of itself, or like half as much again."""
    assert decimals(unit) == places


def test_an_effect_in_nats_is_told_in_thousandths():
    """As is the margin that it is held to."""
    effect = MeanInterval(mean=-0.0142, lower=-0.02, upper=-0.0014, unit="nats a token")
    assert interval(effect) == "−0.014 nats a token (−0.020 to −0.001)"
    assert "0.015 nats a token" in MATCHES.to_show(0.015, "nats a token")
