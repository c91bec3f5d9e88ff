"""Laws of every kind of comparison, and a kind of this module's own that is taken from p-values to words.

Also tests `stats._sides`.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.data._tasks import DIGITS
from harness.design._assertions import asserts
from harness.design._lock import Registry
from harness.errors import DesignError
from harness.report import _report as report
from harness.stats._assessment import Assessment, Comparison, assess, decided_with
from harness.stats._kinds import BEATS, EQUALS, KINDS, MATCHES, NO_GAIN, Bound, Decision, Kind, Outcome, add_kind, kind
from harness.stats._paired import ALPHA, Interval, mean_interval, t_greater, t_less, t_power
from harness.stats._power import Held, needs, power_at_bound
from harness.stats._rule import decide
from harness.stats._sides import above, below
from harness.verdict import _judge as judging
from tests import synthetic
from tests.synthetic import CATALOGUE, around, claim, design

law = settings(deadline=None, max_examples=60)
TRAILS = Kind(  # arm is worse than reference by more than the sesoi: nothing under harness/ knows this one
    name="trails",
    held_to=Bound.SESOI,
    reproduced=(below(-1),),
    refuted=(above(-1),),
    floor=0,
    planned_at=-2,
    shown="below -{bound}",
    asserted="< −{bound}",
    drawn="sesoi −{bound}",
)
EVERY = (BEATS, MATCHES, EQUALS, NO_GAIN, TRAILS)
every_kind = pytest.mark.parametrize("each", EVERY, ids=str)
bounds = st.integers(1, 200).map(lambda x: x / 100)
ends = st.tuples(st.integers(-400, 400), st.integers(0, 400)).map(lambda x: Interval(x[0] / 100, (x[0] + x[1]) / 100))
samples = st.lists(st.integers(-300, 300), min_size=2, max_size=12).map(lambda x: np.array(x) / 100)


@pytest.fixture
def trails():
    """The kind of this module, registered for one test."""
    yield add_kind(TRAILS)
    KINDS.remove("trails")


def assessed(each, x, bound, floors=None):
    return assess(Comparison(name="a vs b", kind=each, bound=bound, differences=np.asarray(x), floors=floors or {}))


# --- laws ------------------------------------------------------------------------------------------------------------


def test_the_laws_cover_what_is_registered():
    """A kind that the harness registers has to be added here."""
    assert set(KINDS.values()) == {BEATS, MATCHES, EQUALS, NO_GAIN}


@every_kind
@law
@given(interval=ends, bound=bounds)
def test_inside_and_outside_exclude_each_other(each, interval, bound):
    """No interval both reproduces and refutes, unless the kind is sized: then such an effect is too small."""
    both = each.inside(interval, bound) and each.outside(interval, bound)
    assert not both or each.too_small(interval, bound)
    assert not (each.opposite(interval, bound) and each.inside(interval, bound))
    assert not (each.large_enough(interval, bound) and each.outside(interval, bound))


@every_kind
@law
@given(x_R=samples, bound=bounds)
def test_a_test_rejects_where_the_interval_excludes(each, x_R, bound):
    """A test rejects at ALPHA exactly where the 95 % interval is inside, or outside, what the kind asserts."""
    assume(np.ptp(x_R) > 0)
    tested = assessed(each, x_R, bound)
    edges = [abs(side.value(bound) - end) for side in (*each.reproduced, *each.refuted)
             for end in (tested.lower, tested.upper)]  # fmt: skip
    assume(min(edges) > 1e-9)
    assert (tested.p_rep < ALPHA) is each.inside(mean_interval(x_R), bound)
    assert (tested.p_ref < ALPHA) is each.outside(mean_interval(x_R), bound)
    assert decided_with([(tested, tested.interval)], Outcome.REPRODUCED) is each.inside(tested.interval, bound)
    assert decided_with([(tested, tested.interval)], Outcome.REFUTED) is each.outside(tested.interval, bound)


@every_kind
@law
@given(
    effect=st.integers(-300, 300).map(lambda x: x / 100),
    bound=bounds,
    sd=st.integers(1, 300).map(lambda x: x / 100),
    n=st.integers(2, 60),
)
def test_power_is_a_chance_that_grows_with_replicates(each, effect, bound, sd, n):
    """Power lies between 0 and 1, to decide is at least to reproduce, and where it is stated it grows with n.

    Below ALPHA it need not: a margin far within the spread is shown by chance alone, and by three less often than two.
    """
    given = {"bound": bound, "sd": sd, "alpha": ALPHA}
    reproduce, decides = each.power(effect, n=n, **given), each.power_to_decide(effect, n=n, **given)
    assert 0 <= reproduce <= decides <= 1
    at = each.planned_at * bound
    now = each.power(at, n=n, **given)
    assert now <= max(each.power(at, n=n + 1, **given), ALPHA) + 1e-9


@every_kind
def test_replicates_needed_are_the_fewest_with_enough_power(each):
    """At the effect for which a kind states its power; 5 at least."""
    n = needs(each, bound=0.5, sd=0.7, held=Held(3))
    enough, fewer = (power_at_bound(each, bound=0.5, sd=0.7, n=m, held=Held(3)) for m in (n, n - 1))
    assert enough >= 0.8 > fewer


@every_kind
def test_words_name_the_bound(each):
    """Cause, table and figure give the bound with its unit; causes in two decimals."""
    assert "0.50 pp" in each.to_show(0.5, "pp")
    assert "0.5 log points" in each.asserts(0.5, "log points")
    assert "0.5 pp" in each.holds_to(0.5, "pp")
    assert each.held_to in each.holds_to(0.5, "pp")
    assert "0.5 pp" in each.registers(0.5, "pp")
    assert each.registers(0.5, "pp").startswith("is ")


@every_kind
@law
@given(mean=st.integers(-200, 200).map(lambda x: x / 100), bound=bounds)
def test_every_mean_keeps_its_own_side_or_is_not_asserted(each, mean, bound):
    """A setting that changes nothing keeps the side, unless the claim asserted another one; nan keeps none."""
    assert each.keeps_side(mean, mean, bound) is (each.sized or each.inside(Interval(mean, mean), bound))
    assert not each.keeps_side(float("nan"), float("nan"), bound)


@pytest.mark.parametrize(
    ("each", "mean", "locked", "keeps"),
    [
        (BEATS, 0.1, 2.0, True),
        (BEATS, -0.1, 2.0, False),
        (BEATS, -0.1, -2.0, True),  # it came out the other way, and does again
        (MATCHES, -0.4, 2.0, True),
        (MATCHES, -0.6, -2.0, False),
        (EQUALS, 0.4, -0.4, True),
        (EQUALS, 0.6, 2.0, False),
        (TRAILS, -0.6, 2.0, True),
        (TRAILS, -0.4, -2.0, False),
    ],
    ids=str,
)
def test_a_side_is_the_locked_effects_or_the_claims(each, mean, locked, keeps):
    """A sized kind keeps the sign of the effect as locked, the others the side of the bound that they assert."""
    assert each.keeps_side(mean, locked, 0.5) is keeps


# --- the registry ----------------------------------------------------------------------------------------------------


def test_a_kind_is_found_by_name_and_version(trails):
    """The first version is its plain name; a later one says so, and both can be registered."""
    assert kind("beats") is BEATS
    assert kind("trails") is trails
    later = add_kind(replace(trails, version=2))
    try:
        assert (str(trails), str(later)) == ("trails", "trails@2")
        assert (kind("trails"), kind("trails@2")) == (trails, later)
    finally:
        KINDS.remove("trails@2")


def test_an_unknown_kind_is_refused_with_the_nearest():
    """The error names what it may have been, what there is, and the next step."""
    with pytest.raises(
        DesignError, match=r"'match'; did you mean matches.*Known: beats, matches, equals, no_gain\. Next: "
    ):
        kind("match")


def test_a_name_is_used_once(trails):
    """The same kind may be registered again, as when a module is read twice; another of its name may not."""
    assert add_kind(replace(trails)) == trails
    with pytest.raises(DesignError, match=r"'trails' is twice a kind of comparison: .* Next: "):
        add_kind(replace(trails, floor=2))


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "beats@2"},
        {"name": "a b"},
        {"version": 0},
        {"reproduced": ()},
        {"reproduced": (above(0), above(1))},
        {"reproduced": (above(1), below(-1))},
        {"refuted": ()},
    ],
    ids=str,
)
def test_a_kind_that_cannot_be_tested_is_refused(bad):
    """A name that is no word, no version, nothing to show, two sides that are no interval, nothing that refutes."""
    with pytest.raises(DesignError, match="Next: correct the kind where it is registered"):
        replace(TRAILS, **bad)


# --- one more kind, without a change to the harness ------------------------------------------------------------------


@pytest.mark.parametrize("field", ["shown", "asserted", "drawn", "registered"])
@pytest.mark.parametrize("words", ["in {0, {bound}}", "{margin}", "{"])
def test_words_that_cannot_be_filled_in_are_refused(words, field):
    """They would fail in the report, after all the training."""
    with pytest.raises(DesignError, match=r"its words .* cannot be filled in .* Next: write .bound."):
        replace(TRAILS, **{field: words})


def test_a_further_kind_is_tested_and_decided(trails):
    """Its p-values are those of its sides; plain data reproduce, refute, and leave it open in its own words."""
    x = np.array([-0.9, -0.2, -0.8, -0.3, -0.7, -0.6])
    tested = assessed(trails, x, 0.4)
    assert (tested.p_rep, tested.p_ref) == (t_less(x, null=-0.4), t_greater(x, null=-0.4))

    def judged(mean, sd):
        part = assessed(trails, around(mean, sd, 10), 0.4)
        return decide({"claim": Assessment(parts=(part,), decision=Decision.T)})["claim"]

    assert (judged(-1.0, 0.1).outcome, judged(-1.0, 0.1).qualifier) == (Outcome.REPRODUCED, "")
    assert judged(0.0, 0.1).outcome is Outcome.REFUTED
    left = judged(-0.5, 1.0)
    assert left.outcome is Outcome.INCONCLUSIVE
    assert "is not shown to be below -0.40 pp (adjusted" in left.cause
    assert t_power(effect=0.4, sd=1.0, n=left.needed, alpha=ALPHA) >= 0.8


def test_a_claim_of_a_further_kind_is_locked_judged_and_reported(trails, monkeypatch, tmp_path):
    """From its name in a claim to the lock's text, the verdict, the report's table and its figures."""
    part = asserts("trails", "a", "b", on=DIGITS)
    made = claim(design(part))
    synthetic.register(monkeypatch, made)
    assert (part.name, part.bound) == ("a trails b", DIGITS.sesoi_pp)
    assert made.locked_content(synthetic.MICRO)["hypothesis"][0]["kind"] == "trails"
    second = replace(part, kind=replace(trails, version=2))
    assert claim(design(second)).locked_content(synthetic.MICRO)["hypothesis"][0]["kind"] == "trails@2"
    rows = synthetic.results((made, lambda arm, at: 60 + (around(-2, 0.2, 10) if arm == "a" else np.zeros(10))))
    registry = Registry(tmp_path / "lock")
    verdicts = judging.judge_results(rows, registry, CATALOGUE)
    judged = verdicts.claims[made.id]
    assert (judged.outcome, judged.parts[0].kind) == (Outcome.REPRODUCED, "trails")
    report.write_report(rows, verdicts, registry, CATALOGUE, [], tmp_path / "report", {})
    text = (tmp_path / "report" / "report.md").read_text()
    assert "< −0.4 pp" in text
    assert list((tmp_path / "report" / "figures").glob("*.svg"))
