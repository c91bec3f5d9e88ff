"""Rows computed twice on the same replicates: what is told and what is red, how seldom wrongly, how small a shift."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, matches
from harness.errors import ResultsError
from harness.stats._paired import binomial_range
from harness.verdict._metadata import Cost
from harness.verdict._reruns import FALSE_ALARM, Shift, rerun, with_limits
from harness.verdict._rounding import Spread
from tests import synthetic
from tests.synthetic import CATALOGUE, claim, counted, design

A, B = (claim(design(beats("a", "b", on=DIGITS)), id=f"paper/{name}") for name in "xy")
HERE = {"instructions": "1234", "versions": {"numpy": "2", "torch": "2.9"}}


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Two claims of three densities and two arms that are read."""
    synthetic.register(monkeypatch, A, B)


def rows(shift=0.0, seed=0, spread=0.0, n=10, machine=HERE, **changed):
    """Rows of both claims; arm a is shifted by so many pp in the first, and every training moved by `spread` pp."""
    base, noise = np.random.default_rng(1), np.random.default_rng(seed)
    level = {}

    def of(moved):
        def values(arm, at):
            own = level.setdefault((moved is None, arm, at), base.normal(80, 1, n))
            return own + (moved or 0) * (arm == "a") + spread * noise.standard_normal(n)

        return values

    made = synthetic.results((A, of(shift)), (B, of(0.0)))
    records = {name: replace(record, **machine, **changed) for name, record in made.meta.records.items()}
    return replace(made, meta=replace(made.meta, records=records))


ELSEWHERE = HERE | {"instructions": "5678"}


def test_equal_rows_are_equal():
    """Every number and digest of both claims, with nothing moved."""
    found = rerun(rows(), rows(), CATALOGUE)
    assert found.as_committed
    assert (found.claims, found.machines) == (("paper/x", "paper/y"), ("paper/x", "paper/y"))
    assert (found.equal, found.rows) == (
        260,
        260,
    )  # four arms at three densities and a dense net, ten replicates, twice
    assert {shift.what for shift in found.shifts} == {"a beats b", "arm 'a' of a beats b", "arm 'b' of a beats b"}
    assert {shift.limit for shift in found.shifts} == {DIGITS.sesoi_pp / 2}


def test_on_the_same_machine_any_other_number_is_red():
    """One replicate's last digit: named with both numbers; on another machine it is rounding."""
    fresh = rows()
    place = fresh.frame.index[(fresh.frame["claim"] == "paper/y") & (fresh.frame["arm"] == "c")][3]
    fresh.frame.loc[place, "value"] += 0.002
    found = rerun(rows(), fresh, CATALOGUE)
    assert not found.as_committed
    (told,) = found.differing
    assert told.startswith("paper/y, arm 'c', replicate 3, test_accuracy: committed 0.78")
    assert found.equal == found.rows - 1
    elsewhere = replace(fresh, meta=rows(machine=ELSEWHERE).meta)
    assert rerun(rows(), elsewhere, CATALOGUE).as_committed
    assert rerun(rows(), elsewhere, CATALOGUE).machines == ()


@pytest.mark.parametrize("other", [{"instructions": ""}, {"versions": {"numpy": "3"}}, {"device": "a card"}])
def test_another_machine_is_one_that_may_round_otherwise(other):
    """Other instructions or none recorded, another version of a package, another device."""
    found = rerun(rows(), rows(machine=HERE | other), CATALOGUE)
    assert found.machines == ()


def test_a_digest_alone_is_another_number():
    """The same accuracy of other weights in one replicate: the training was another one, and the replicate is named."""
    kept = tuple(f"{replicate:016x}" for replicate in range(10))
    plain = rows()
    for each in (A, B):
        plain = synthetic.known(plain, each.id, digests=kept)
    fresh = synthetic.known(plain, B.id, digests=(*kept[:6], "f" * 16, *kept[7:]))
    found = rerun(plain, fresh, CATALOGUE)
    assert (found.equal, found.rows) == (260, 260)
    assert (found.alike, found.replicates) == (19, 20)
    assert found.differing == ("paper/y, replicate 6: equal numbers of other weights, by their digest",)
    elsewhere = replace(fresh, meta=replace(fresh.meta, records=rows(machine=ELSEWHERE).meta.records))
    assert rerun(plain, elsewhere, CATALOGUE).as_committed
    assert rerun(plain, plain, CATALOGUE).as_committed


def test_digests_that_were_not_kept_say_nothing():
    """Rows without them are compared by their numbers."""
    kept = synthetic.known(rows(), A.id, digests=("0" * 16,) * 10)
    assert rerun(rows(), kept, CATALOGUE).as_committed


@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_a_forged_arm_is_red_on_another_machine(spread):
    """An arm shifted by .4 pp moves its own mean and the comparison's, and nothing of the other claim."""
    found = rerun(rows(0.4), rows(0.0, spread=spread, machine=ELSEWHERE), CATALOGUE)
    assert {(shift.claim, shift.what) for shift in found.moved} == {
        ("paper/x", "a beats b"),
        ("paper/x", "arm 'a' of a beats b"),
    }
    assert all(shift.mean == pytest.approx(-0.4, abs=0.2) for shift in found.moved)
    assert not found.as_committed


def test_changed_code_is_named():
    """Where both sides know what code computed them, and it is not the same."""
    assert rerun(rows(code="a"), rows(code="b"), CATALOGUE).code == "a, now b"
    assert rerun(rows(code="a"), rows(code="a"), CATALOGUE).code == ""
    assert rerun(rows(), rows(code="b"), CATALOGUE).code == ""


def test_only_the_same_replicates_of_the_same_claim_are_compared():
    """Quick runs, variants, other rounds, versions, digests and replicates are no second run of what is committed."""
    plain = rows()
    others = [
        replace(plain, meta=replace(plain.meta, quick=True)),
        replace(plain, meta=replace(plain.meta, variant="half-rate")),
        *(
            synthetic.known(synthetic.known(plain, A.id, **changed), B.id, **changed)
            for changed in (
                {"suite_seed": 1},
                {"version": 2},
                {"digest": "0"},
                {"replicates": (0, 1)},
                {"suite_seed": 7},
            )
        ),
    ]
    assert [rerun(plain, other, CATALOGUE).claims for other in others] == [()] * len(others)


def test_a_jolted_pass_widens_what_chance_explains():
    """Replicates that stayed together by chance: a shift is taken for rounding where a jolt moves as much."""
    fresh = rows(0.0, spread=0.05, machine=ELSEWHERE)
    known = [
        Spread(claim=A.id, digest=fresh.claims[A.id].digest, what=what, n=10, sd=0.75, unit="pp")
        for what in ("a beats b", "arm 'a' of a beats b")
    ]
    assert rerun(rows(0.4), fresh, CATALOGUE).moved
    found = rerun(rows(0.4), fresh, CATALOGUE, known)
    assert found.moved == ()
    wide = {shift.what: shift for shift in found.shifts if shift.claim == A.id}
    assert [wide[each.what].rounding for each in known] == [0.75, 0.75]
    assert wide["a beats b"].visible > 2
    assert wide["arm 'b' of a beats b"].rounding is None


def test_differences_wider_than_rounding_are_named():
    """A jolted pass says that nets do not move: replicates that lie apart now were made otherwise."""
    known = [
        Spread(claim=A.id, digest=rows().claims[A.id].digest, what="a beats b", n=10, sd=sd, unit="pp")
        for sd in (0.0, 0.1, 0.2)
    ]
    far, near = rows(spread=0.6, machine=ELSEWHERE), rows(spread=0.05, machine=ELSEWHERE)
    cases = ((far, known[0], True), (far, known[1], True), (far, known[2], False), (near, known[0], False))
    for fresh, spread, wider in cases:
        shifts = {
            shift.what: shift for shift in rerun(rows(), fresh, CATALOGUE, [spread]).shifts if shift.claim == A.id
        }
        assert shifts["a beats b"].wider == wider
        assert not shifts["arm 'a' of a beats b"].wider  # of which no pass is known


def test_a_spread_that_cannot_be_rounding_is_refused():
    """Two draws of one law differ by 1.4 times the sd between replicates: a hundred points excuse nothing."""
    known = Spread(claim=A.id, digest=rows().claims[A.id].digest, what="a beats b", n=10, sd=100.0, unit="pp")
    with pytest.raises(ResultsError, match=r"rounding.csv says that rounding moves paper/x, a beats b, by 100 pp"):
        rerun(rows(), rows(machine=ELSEWHERE), CATALOGUE, [known])


@pytest.mark.parametrize("column", ["diverged", "correct"])
def test_answers_and_divergence_are_compared(column):
    """Equal numbers of other answers, or of a training that is said to have diverged, are other rows."""
    one, other = rows(), rows()
    for side in (one, other):
        side.frame["correct"] = [b"\x0f"] * len(side.frame)
    place = other.frame.index[(other.frame["claim"] == A.id) & (other.frame["arm"] == "a")][2]
    assert rerun(one, other, CATALOGUE).as_committed
    other.frame.at[place, column] = {"diverged": True, "correct": b"\xf0"}[column]
    (told,) = rerun(one, other, CATALOGUE).differing
    assert told.startswith("paper/x, arm 'a', replicate 2, test_accuracy: ")
    assert ("other answers" in told) == (column == "correct")


def test_exact_quantities_are_compared_on_any_machine():
    """A count is not rounded: another one is red, also where only the verdict's words would stay."""
    exact = claim(counted(), id="paper/exact")
    with pytest.MonkeyPatch.context() as patch:
        synthetic.register(patch, A, B, exact)
        made = synthetic.results((exact, None))
        other = synthetic.known(made, exact.id, exact={"weights": "2500", "inputs": "64"})
        assert rerun(made, made, CATALOGUE).as_committed
        assert rerun(other, made, CATALOGUE).differing == ("paper/exact, weights: committed 2500, now 888",)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"examples": {"digits": 500}}, "test examples: committed {'digits': 500}, now {}"),
        ({"cost": Cost(trainings=7, shared=0, member_steps=0, worker_s=9.0)}, "trainings: committed 7, now 0"),
    ],
)
def test_what_follows_from_the_design_is_compared_on_any_machine(changed, told):
    """How many trainings there are, and of what answers are told; what it took is of the machine."""
    found = rerun(synthetic.known(rows(), A.id, **changed), rows(machine=ELSEWHERE), CATALOGUE)
    assert found.differing == (f"paper/x, {told}",)
    slower = {"cost": Cost(trainings=0, shared=3, member_steps=0, worker_s=9.0)}
    assert rerun(synthetic.known(rows(), A.id, **slower), rows(), CATALOGUE).as_committed


def test_floors_are_among_the_means_that_may_move(monkeypatch):
    """A floor that was moved on another machine makes a part look safer than it is."""
    made = claim(design(matches("a", "b", on=DIGITS, floors=("d",))), id="paper/floor")
    synthetic.register(monkeypatch, made)
    sides = [
        synthetic.results((made, lambda arm, at, low=low: np.linspace(79, 81, 10) - low * (arm == "d")))
        for low in (20.0, 5.0)
    ]
    found = rerun(*sides, CATALOGUE)
    assert [shift.what for shift in found.moved] == ["arm 'd' of a matches b"]


def test_the_same_weights_have_the_same_accuracy_anywhere():
    """By their digest they are the same: an answer or two may be rounded otherwise on another machine, and no more."""
    digests = ("d" * 16,) * 10
    one = synthetic.known(rows(), A.id, digests=digests)
    validated = one.frame.assign(metric="validation_loss")
    one = replace(one, frame=pd.concat([one.frame, validated], ignore_index=True))
    for shift, red in ((0.004, False), (0.02, True)):
        other = synthetic.known(rows(machine=ELSEWHERE), A.id, digests=digests)
        other = replace(other, frame=pd.concat([other.frame, validated], ignore_index=True))
        place = other.frame.index[(other.frame["claim"] == A.id) & (other.frame["arm"] == "a")][2]
        other.frame.loc[place, "value"] -= shift
        found = rerun(one, other, CATALOGUE)
        assert found.as_committed != red
        assert [told.endswith("of the same weights by their digest") for told in found.differing] == [True] * red


# --- error rates, simulated ------------------------------------------------------------------------------------------

DRAWN = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy tails": lambda rng, shape: rng.standard_t(2, shape),
    "few move": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) < 0.2),
    "in steps": lambda rng, shape: np.round(rng.standard_normal(shape) * 3) / 5,
    "spreads that differ": lambda rng, shape: rng.standard_normal(shape) * rng.lognormal(0, 1, (*shape[:-1], 1)),
}


def reds(moved_KR, bound, rounding_K=None):
    """Which means of a run are red; shape (K,)."""
    known = np.zeros(len(moved_KR)) if rounding_K is None else rounding_K
    shifts = [
        Shift(claim="paper/x", what="", n=len(x), mean=x.mean(), sd=x.std(ddof=1), unit="pp", bound=bound, rounding=sd)
        for x, sd in zip(moved_KR, known, strict=True)
    ]
    return np.array([shift.moved for shift in with_limits(shifts)])


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("jolted", [False, True])
def test_a_run_is_seldom_red_wrongly(name, jolted):
    """Thirty means of ten replicates that nothing moved: red in under one run of 1,000, however they are spread.

    With the spread of a jolted pass of ten replicates beside them, or without one.
    """
    runs, rng = 1000, np.random.default_rng(3)
    false = 0
    for _ in range(runs):
        both = DRAWN[name](rng, (30, 20))
        false += reds(both[:, :10], 0.4, both[:, 10:].std(axis=1, ddof=1) if jolted else None).any()
    assert false <= binomial_range(runs, 2 * FALSE_ALARM, level=0.999)[1]


@pytest.mark.parametrize("jolted", [False, True])
@pytest.mark.parametrize(("n", "spread"), [(10, 0.1), (10, 0.5), (20, 0.3), (60, 1.0)])
def test_a_visible_shift_is_seen(n, spread, jolted):
    """A shift of the size that is printed as visible is red in 99 of 100 runs, and one of half that is not always.

    With a jolted pass beside it, what is visible is more; the pass has ten replicates and its own error.
    """
    runs, rng, bound = 400, np.random.default_rng(4), 0.4
    found = [0, 0]
    for _ in range(runs):
        known = spread * (rng.chisquare(9) / 9) ** 0.5 if jolted else 0.0
        typical = Shift(claim="paper/x", what="", n=n, mean=0.0, sd=spread, unit="pp", bound=bound, rounding=known)
        visible = with_limits([typical] * 30)[0].visible
        for place, shift in enumerate((visible, visible / 2)):
            moved = np.vstack([rng.normal(shift, spread, (1, n)), rng.normal(0, spread, (29, n))])
            found[place] += reds(moved, bound, np.full(30, known))[0]
    assert found[0] / runs >= 0.99 - 3 * (0.99 * 0.01 / runs) ** 0.5
    assert found[1] < found[0]


@pytest.mark.parametrize(("n", "spread"), [(10, 0.08), (20, 0.15), (60, 0.4)])
def test_a_shift_of_half_a_point_s_size_is_seen_where_it_is_said_to_be(n, spread):
    """An arm moved by .4 pp: red in 99 of 100 of the runs in which .4 pp is printed as visible."""
    runs, rng, bound = 600, np.random.default_rng(7), 0.4
    said, red = 0, 0
    for _ in range(runs):
        moved = np.vstack([rng.normal(0.4, spread, (1, n)), rng.normal(0, spread, (29, n))])
        known = spread * (rng.chisquare(9, 30) / 9) ** 0.5
        first = with_limits(
            Shift(claim="", what="", n=n, mean=x.mean(), sd=x.std(ddof=1), unit="pp", bound=bound, rounding=sd)
            for x, sd in zip(moved, known, strict=True)
        )[0]
        said += first.visible <= 0.4
        red += first.visible <= 0.4 and first.moved
    assert said >= runs / 10
    assert red / said >= 0.99
