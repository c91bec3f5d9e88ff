"""Rows computed twice on the same replicates: what is told and what is red, how seldom wrongly, how small a shift."""

from dataclasses import replace

import numpy as np
import pytest

from harness.data._tasks import DIGITS
from harness.design._parts import beats
from harness.stats._paired import binomial_range
from harness.verdict._reruns import FALSE_ALARM, Shift, rerun, with_limits
from tests import synthetic
from tests.synthetic import CATALOGUE, claim, design

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
    """The same accuracy of other weights: the training was another one."""
    fresh = rows()
    fresh.frame["out"] = "f" * 16
    found = rerun(rows(), fresh, CATALOGUE)
    assert found.equal == 0
    assert len(found.differing) == 2


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


# --- error rates, simulated ------------------------------------------------------------------------------------------

DRAWN = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy tails": lambda rng, shape: rng.standard_t(2, shape),
    "few move": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) < 0.2),
    "in steps": lambda rng, shape: np.round(rng.standard_normal(shape) * 3) / 5,
    "spreads that differ": lambda rng, shape: rng.standard_normal(shape) * rng.lognormal(0, 1, (*shape[:-1], 1)),
}


def reds(moved_KR, bound):
    """Which means of a run are red; shape (K,)."""
    shifts = [
        Shift(claim="paper/x", what="", n=len(x), mean=x.mean(), sd=x.std(ddof=1), unit="pp", bound=bound)
        for x in moved_KR
    ]
    return np.array([shift.moved for shift in with_limits(shifts)])


@pytest.mark.parametrize("name", DRAWN)
def test_a_run_is_seldom_red_wrongly(name):
    """Thirty means of ten replicates that nothing moved: red in under one run of 1,000, however they are spread."""
    runs, rng = 1000, np.random.default_rng(3)
    false = sum(reds(DRAWN[name](rng, (30, 10)), 0.4).any() for _ in range(runs))
    assert false <= binomial_range(runs, 2 * FALSE_ALARM, level=0.999)[1]


@pytest.mark.parametrize(("n", "spread"), [(10, 0.1), (10, 0.5), (20, 0.3), (60, 1.0)])
def test_a_visible_shift_is_seen(n, spread):
    """A shift of the size that is printed as visible is red in 99 of 100 runs, and one of half that is not always."""
    runs, rng, bound = 400, np.random.default_rng(4), 0.4
    typical = Shift(claim="paper/x", what="", n=n, mean=0.0, sd=spread, unit="pp", bound=bound)
    visible = with_limits([typical] * 30)[0].visible
    found = [
        sum(
            reds(np.vstack([rng.normal(shift, spread, (1, n)), rng.normal(0, spread, (29, n))]), bound)[0]
            for _ in range(runs)
        )
        for shift in (visible, visible / 2)
    ]
    assert found[0] / runs >= 0.99 - 3 * (0.99 * 0.01 / runs) ** 0.5
    assert found[1] < found[0]
