"""Verdicts that fresh rows do not give again: what rounding explains, and what it does not."""

from dataclasses import replace

import numpy as np
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, matches
from harness.design._lock import Registry
from harness.stats._kinds import Outcome
from harness.verdict import _losses
from harness.verdict._judge import Bench, judge_results
from harness.verdict._losses import RARE, SIGN, Losses, losses, moved_by, simulated
from harness.verdict._reruns import rerun
from harness.verdict._rounding import Spread
from tests import synthetic
from tests.synthetic import CATALOGUE, MICRO, claim, design, lock

CLAIMS = [claim(design(beats("a", "b", on=DIGITS)), id=f"paper/{name}") for name in "uvwxyz"]
ELSEWHERE = {"instructions": "5678", "versions": {"numpy": "2", "torch": "2.9"}}
WHAT = CLAIMS[0].design(MICRO).parts[0].name
N = 10


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Six claims, locked together."""
    synthetic.register(monkeypatch, *CLAIMS)
    monkeypatch.setattr(_losses, "DRAWS", 10_000)
    made = Registry(tmp_path / "registry.lock")
    lock(made, *CLAIMS)
    return made


def rows(means, *, sd=0.5, noise=0.0, seed=0, **record):
    """Rows in which arm a is ahead by these means, one a claim, each difference moved by a draw of so many pp."""
    base, fresh = np.random.default_rng(1), np.random.default_rng(seed)

    def ahead(mean):
        difference = synthetic.around(mean, sd, N)
        base.shuffle(difference)
        difference = difference + noise * fresh.standard_normal(N)
        return lambda arm, at: 80 + (difference if arm == "a" else np.zeros(N))

    made = synthetic.results(*((each, ahead(mean)) for each, mean in zip(CLAIMS, means, strict=True)))
    records = {name: replace(each, **record) for name, each in made.meta.records.items()}
    return replace(made, meta=replace(made.meta, records=records))


def spread(results, sd, claims=CLAIMS):
    """What a jolted pass of ten replicates found for the difference of each claim."""
    return [
        Spread(claim=each.id, digest=results.claims[each.id].digest, what=WHAT, n=N, sd=sd, unit="pp")
        for each in claims
    ]


def lost(committed, fresh, registry, rounding=()):
    """What `losses` says of fresh rows."""
    found = rerun(committed, fresh, CATALOGUE, rounding)
    return losses(committed, fresh, found, registry, CATALOGUE, rounding)


SOLID = [2.0] * 6


def test_nothing_lost_is_nothing_to_explain(registry):
    """Rows that rounding has moved a little give every verdict again."""
    committed = rows(SOLID)
    found = lost(committed, rows(SOLID, noise=0.1, **ELSEWHERE), registry, spread(committed, 0.1))
    assert found == Losses(decided=6)
    assert found.explained


def test_every_claim_inconclusive_is_more_than_rounding_does(registry):
    """Differences spread so wide that nothing is shown, their means hardly moved: six losses, where none is explained.

    Nothing else notices it: by this run's own spread each mean is where chance may bring it.
    """
    committed = rows(SOLID)
    fresh = rows(SOLID, sd=5.0, **ELSEWHERE)
    found = lost(committed, fresh, registry, spread(committed, 0.1))
    assert rerun(committed, fresh, CATALOGUE).as_committed
    assert ([each.claim for each in found.lost], found.most) == ([each.id for each in CLAIMS], 0)
    assert found.too_many
    assert not found.explained
    assert {each.now.outcome for each in found.lost} == {Outcome.INCONCLUSIVE}


def test_a_loss_that_rounding_explains_is_named(registry):
    """A claim that is just decided, with a spread of rounding in which it is lost now and then."""
    near = [2.0, 2.0, 2.0, 2.0, 2.0, 0.42]
    committed = rows(near)
    assert judge_results(committed, registry, CATALOGUE).claims["paper/z"].outcome is Outcome.REPRODUCED
    fresh = rows([2.0] * 5 + [0.2], **ELSEWHERE)
    found = lost(committed, fresh, registry, spread(committed, 0.4))
    assert [each.claim for each in found.lost] == ["paper/z"]
    assert 0.05 < found.lost[0].chance < 0.9
    assert found.most >= 1
    assert found.explained
    assert not lost(committed, fresh, registry, spread(committed, 0.01)).explained


def test_a_turn_is_red_where_rounding_seldom_does_it(registry):
    """From reproduced to refuted: with a small spread never by rounding, with a large one now and then.

    A claim that rounding does turn excuses none that it does not.
    """
    committed = rows([0.42, 2.0, 2.0, 2.0, 2.0, 2.0], sd=0.4)
    turned = rows([-0.5, 2.0, 2.0, 2.0, 2.0, 2.0], sd=0.4, **ELSEWHERE)
    small, large = (lost(committed, turned, registry, spread(committed, sd)) for sd in (0.1, 0.95))
    assert [each.turned for each in small.lost] == [True]
    assert small.lost[0].chance < RARE
    assert small.lost[0].unexplained
    assert not small.explained
    assert large.lost[0].chance > RARE
    assert large.explained
    another = rows([0.42, -2.0, 2.0, 2.0, 2.0, 2.0], sd=0.4, **ELSEWHERE)
    (solid,) = lost(committed, another, registry, spread(committed, 0.95)).lost
    assert solid.unexplained


def test_without_a_jolted_pass_the_run_s_own_spread_stands_in_and_is_named(registry):
    """Claims of which no rounding is known are said: a run that is spoilt there excuses itself."""
    committed = rows(SOLID)
    fresh = rows(SOLID, sd=5.0, **ELSEWHERE)
    found = lost(committed, fresh, registry)
    assert len(found.lost) == 6
    assert found.by_this_run == tuple(each.id for each in CLAIMS)
    assert not found.too_many
    assert lost(committed, fresh, registry, spread(committed, 0.1, CLAIMS[1:])).by_this_run == (CLAIMS[0].id,)


def test_a_run_of_one_claim_is_judged_in_its_whole_family(registry):
    """Fresh rows of one claim lose nothing because five others were not run."""
    near = [2.0, 2.0, 2.0, 2.0, 2.0, 0.42]
    committed, fresh = rows(near), rows(near, **ELSEWHERE)
    only = replace(
        fresh,
        frame=fresh.frame[fresh.frame["claim"] == "paper/z"],
        meta=replace(fresh.meta, claims={"paper/z": fresh.claims["paper/z"]}),
    )
    assert judge_results(only, registry, CATALOGUE).claims["paper/z"].outcome is Outcome.INCONCLUSIVE
    assert lost(committed, only, registry, spread(committed, 0.1)) == Losses(decided=1)


def bench(results, registry):
    return Bench(results, (results,), registry, CATALOGUE)


# --- what is simulated -----------------------------------------------------------------------------------------------


def test_a_simulated_draw_is_judged_as_rows_are(registry):
    """Each draw's outcomes are those of `judge_results` on rows that have the draw's differences."""
    means = [0.3, 0.5, 0.7, -0.2, 0.45, 1.0]
    committed, draws = rows(means), 40
    spreads = {(each.id, WHAT): (0.3, 9) for each in CLAIMS}
    signs = simulated(bench(committed, registry), spreads, moved=[each.id for each in CLAIMS], draws=draws)
    moved = {
        each.id: moved_by(np.round(committed.differences(each.id, each.design(MICRO).parts[0]), 9), 0.3, 9, draws)
        for each in CLAIMS
    }
    for draw in range(draws):
        made = synthetic.results(
            *((each, lambda arm, at, x=moved[each.id][draw]: 80 + x * (arm == "a")) for each in CLAIMS)
        )
        verdicts = judge_results(made, registry, CATALOGUE).claims
        assert {id: int(sign[draw]) for id, sign in signs.items()} == {
            id: SIGN.get(verdict.outcome, 0) for id, verdict in verdicts.items()
        }
    assert {int(sign) for each in signs.values() for sign in each} == {-1, 0, 1}


def test_a_floor_that_is_not_beaten_stays_so(monkeypatch, tmp_path):
    """A part whose reference does not clear its floor is reproduced in no draw."""
    part = matches("a", "b", on=DIGITS, floors=["c"])
    made = claim(design(part))
    synthetic.register(monkeypatch, made)
    registry = Registry(tmp_path / "registry.lock")
    lock(registry, made)
    for behind, often in ((0.0, 0.0), (9.0, 1.0)):
        values = {"a": synthetic.around(80.2, 0.1, N), "c": np.full(N, 80.0 - behind)}
        results = synthetic.results((made, lambda arm, at, v=values: v.get(arm, np.full(N, 80.0))))
        spread = {(made.id, part.name): (0.05, 9)}
        (signs,) = simulated(bench(results, registry), spread, moved=[made.id], draws=500).values()
        assert (signs == 1).mean() == often


@pytest.mark.parametrize("sd", [0.1, 0.7, 1.2, 2.0])
def test_differences_computed_again_are_as_far_apart_as_before(sd):
    """Over draws: the mean moves by sd / sqrt(n), each replicate by sd, and the spread over replicates stays.

    But where rounding moves them by more than two independent draws differ (sd > 1.41 here), the spread is wider.
    """
    x = synthetic.around(0.5, 1.0, 12)
    again = moved_by(x, sd, 10**9, 100_000)
    assert (again.mean(axis=1) - x.mean()).std() == pytest.approx(sd / 12**0.5, rel=0.02)
    assert ((again - x) ** 2).mean() == pytest.approx(sd**2, rel=0.15 if sd > 1 else 0.05)
    wider = max(1.0, sd**2 - 1)
    assert again.var(axis=1, ddof=1).mean() == pytest.approx(wider, rel=0.02)


def test_the_spread_of_a_pass_is_uncertain():
    """Estimated from ten replicates, it is another one in each draw; the same differences move alike."""
    x = np.array([0.0, 1e-6])  # no spread of its own
    moved = moved_by(x, 0.5, 9, 200_000) - x
    assert moved.std() == pytest.approx(0.5 * (9 / 7) ** 0.5, rel=0.02)
    assert (np.abs(moved) > 0.5 * 4.297).mean() == pytest.approx(0.002, rel=0.2)  # t(9; .999)
    np.testing.assert_array_equal(moved_by(x, 0.5, 9, 100), moved_by(x.copy(), 0.5, 9, 100))
    assert (moved_by(x, 0.0, 1, 5) == x).all()


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.2, 0.5, 1.0])
def test_a_run_that_only_rounding_moved_is_seldom_red(registry, monkeypatch, sd):
    """Claims of all strengths, the spread estimated from ten replicates anew each time: red in 1 of 1,000 runs."""
    rng, passes, runs = np.random.default_rng(8), 20, 500
    committed = rows([0.5, 0.6, 0.8, 1.0, -0.3, 2.0])
    was = {id: SIGN.get(v.outcome, 0) for id, v in judge_results(committed, registry, CATALOGUE).claims.items()}
    every = list(was)

    def lost_in(spread, draws, seed):
        monkeypatch.setattr(_losses, "SEED", seed)
        signs = simulated(bench(committed, registry), spread, moved=every, draws=draws)
        return np.sum([signs[id] != sign for id, sign in was.items() if sign], axis=0)

    red = 0
    for number in range(passes):
        found = {(id, WHAT): (sd * (rng.chisquare(9) / 9) ** 0.5, 9) for id in every}
        most = np.quantile(lost_in(found, 20_000, 0), 1 - RARE, method="inverted_cdf")
        red += int((lost_in({(id, WHAT): (sd, 10**9) for id in every}, runs, 1 + number) > most).sum())
    assert red <= passes * runs / 1000
