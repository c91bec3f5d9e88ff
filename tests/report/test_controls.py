"""Controls: equal arms raise alarms at the protocol's level, planted effects are found, floors and nulls are listed."""

import numpy as np
import pytest

from harness.report import _controls as controls
from harness.stats._kinds import Outcome
from harness.stats._paired import ALPHA, binomial_range, effect_of_power, t_power
from harness.verdict._verdicts import Alone, ClaimVerdict, FloorVerdict, PartVerdict, Status

RNG = np.random.default_rng(3)
EQUAL = RNG.normal(0, 0.3, 60)
TIED = np.round(RNG.normal(0, 0.25, 60) / 0.2) * 0.2  # accuracies out of 500 images differ by fifths of a point


@pytest.mark.parametrize("differences", [EQUAL, TIED])
def test_equal_arms_pass(differences):
    """Paired differences around 0, smooth or tied: rejections within binomial error of 5 %, planted effects of 80 %."""
    in_order, swapped, planted = controls.equal_arms("a/a", differences)
    assert [c.passed for c in (in_order, swapped, planted)] == [True, True, True]
    assert in_order.control == "a/a: 6 disjoint samples of 10 replicates, in order"
    assert swapped.expected.startswith("5.0% rejected, ")
    assert planted.expected.startswith("80.0% found, ")
    effect = effect_of_power(power=0.8, sd=float(differences.std(ddof=1)), n=10, alpha=ALPHA)
    assert f"{effect:.2f} pp planted in each of 1200 samples of 10" in planted.control


def test_arms_that_are_not_equal_are_noticed():
    """A difference in every replicate, hidden by no swap, is rejected in more samples than chance allows."""
    in_order, *_ = controls.equal_arms("a/a", EQUAL + 0.5)
    assert not in_order.passed
    assert in_order.observed == "6 rejected"


def test_a_test_that_rejects_too_often_is_noticed(monkeypatch):
    """Were the p-values half of what they are, the rate over swapped samples would leave its binomial range."""
    for name in ("t_greater", "t_less"):
        real = getattr(controls, name)
        monkeypatch.setattr(controls, name, lambda x, null, real=real: real(x, null=null) / 2)
    _, swapped, planted = controls.equal_arms("a/a", EQUAL)
    assert not swapped.passed
    assert not planted.passed


def test_samples_are_disjoint():
    """Each division uses every replicate at most once; swaps change signs and nothing else."""
    values = np.arange(1.0, 64.0)
    in_order = controls.samples(values, swap=False)
    assert np.concatenate(in_order).tolist() == values[:60].tolist()
    swapped = controls.samples(values, swap=True)
    assert len(swapped) == 6 * controls.PARTITIONS
    for first in range(0, len(swapped), 6):
        division = np.abs(np.concatenate(swapped[first : first + 6]))
        assert len(set(division)) == 60
        assert set(division) <= set(values)


def test_floors_and_null_settings_are_listed():
    """A claim's floors are counted with those not beaten; a null setting should be reproduced by itself."""

    def part(name, *, beaten=(), null=False, outcome="reproduced"):
        floors = tuple(
            FloorVerdict(name=f"floor {i}", mean=1.0, lower=0.5, needed=0.0, beaten=each)
            for i, each in enumerate(beaten)
        )
        return PartVerdict(
            name=name, kind="matches", bound=0.5, n=10, mean=-0.2, sd=0.1, lower=-0.3, upper=-0.1, p_rep=0.0, p_ref=1.0,
            flip_rep=0.0, flip_ref=1.0, floors=floors, null_setting=null, needed=2,
            alone=Alone(outcome=Outcome(outcome), qualifier="", cause=""),
        )  # fmt: skip

    def judged(parts, beside=()):
        return ClaimVerdict(
            version=1, outcome=Outcome.REPRODUCED, qualifier="", cause="", n=10, decision="t", needed=None,
            status=Status.EXPLORATORY, status_reason="not locked", predicted=Outcome.REPRODUCED, p_rep=0.0, p_ref=1.0,
            family=("p/a",), diverged=0, parts=parts, beside=beside,
        )  # fmt: skip

    verdicts = {
        "p/a": judged((part("x", beaten=(True, True)),), beside=(part("y", beaten=(False,)),)),
        "p/b": judged((part("z", null=True), part("w", null=True, outcome="inconclusive"))),
    }
    floors, kept, lost = controls.of_claims(verdicts)
    assert (floors.control, floors.expected) == ("p/a: floor arms", "3 beaten by what is needed")
    assert (floors.observed, floors.passed) == ("2 beaten, not floor 0", False)
    assert (kept.passed, lost.passed) == (True, False)
    assert kept.expected == "> −0.5 pp"
    assert kept.observed == "−0.20 pp (−0.30 to −0.10), and below 0"  # it holds, and is an effect all the same
    assert lost.observed == "−0.20 pp (−0.30 to −0.10), and below 0, inconclusive by itself"


@pytest.mark.parametrize(("n", "p"), [(6, 0.05), (200, 0.01), (1200, 0.8)])
def test_binomial_range_holds_what_it_says(n, p):
    """At most 2.5 % of counts lie beyond either end, and one step further in would leave more."""
    from scipy.stats import binom

    low, high = binomial_range(n, p)
    assert binom.cdf(low - 1, n, p) <= 0.025 < binom.cdf(low, n, p)
    assert binom.sf(high, n, p) <= 0.025 < binom.sf(high - 1, n, p)


@pytest.mark.parametrize(("n", "power"), [(10, 0.8), (20, 0.99)])
def test_effect_of_power_is_the_inverse_of_power(n, power):
    """At the effect returned the t-test has the power asked for, in any unit."""
    effect = effect_of_power(power=power, sd=0.3, n=n, alpha=ALPHA)
    assert t_power(effect=effect, sd=0.3, n=n, alpha=ALPHA) == pytest.approx(power, abs=1e-4)
    assert effect_of_power(power=power, sd=3.0, n=n, alpha=ALPHA) == pytest.approx(10 * effect)
    with pytest.raises(ValueError, match="between alpha and 1"):
        effect_of_power(power=0.01, sd=1.0, n=n, alpha=ALPHA)
