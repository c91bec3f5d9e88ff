"""Many samples of a family are decided as `decide` does one after the other."""

import numpy as np
import pytest

from harness.stats._assessment import Assessment, Comparison, assess
from harness.stats._holm import holm
from harness.stats._kinds import BEATS, EQUALS, MATCHES, Decision, Outcome
from harness.stats._many import Samples, assess_many, decide_many, holm_many
from harness.stats._rule import decide

SIGNS = {Outcome.REPRODUCED: 1, Outcome.REFUTED: -1}
DRAWS = 100


def sampled(rng, n, kinds, cleared=(True,)):
    """The parts of a claim, each with its own distance from its bound, spread and steps; in steps means may tie."""
    found = []
    for place, kind in enumerate(kinds):
        middle, sd = rng.choice([-1.0, -0.3, 0.0, 0.4, 1.2, 2.0]), rng.choice([0.2, 0.7, 1.5])
        x = rng.normal(middle, sd, (DRAWS, n))
        if rng.random() < 0.4:
            x = np.round(x * 4) / 4
        found.append(Samples(kind=kind, bound=0.5, differences=x, cleared=cleared[place % len(cleared)]))
    return found


def one(part, draw):
    """The same part in one of its samples; a floor that is far behind, or level, stands for floors cleared or not."""
    n = part.differences.shape[1]
    floor = np.linspace(8, 9, n) if part.cleared else np.linspace(-1, 1, n)
    comparison = Comparison(
        name="part",
        kind=part.kind,
        bound=part.bound,
        differences=part.differences[draw],
        floors={"floor": floor},
        discrete=part.discrete,
    )
    return assess(comparison)


def family(rng, n):
    """Claims of one to three parts of every kind, by either test, beside one that is settled and one not run."""
    shapes = [
        ((BEATS,), Decision.T, (True,)),
        ((BEATS,), Decision.T, (False,)),
        ((BEATS, MATCHES), Decision.T, (True,)),
        ((EQUALS,), Decision.T, (True,)),
        ((BEATS, BEATS, MATCHES), Decision.T, (True,)),
        ((BEATS,), Decision.SIGN_FLIP, (True,)),
        ((MATCHES,), Decision.SIGN_FLIP, (True, False)),
    ]
    claims = {f"claim {i}": (sampled(rng, n, kinds, cleared), by) for i, (kinds, by, cleared) in enumerate(shapes)}
    return claims | {f"counts by {by}": ([counts(rng, n, kind) for kind in (BEATS, MATCHES)], by) for by in Decision}


def counts(rng, n, kind):
    """A part that counts: in half of the samples all replicates have the same difference."""
    x = rng.integers(-1, 3, (DRAWS, 1)) + rng.integers(0, 2, (DRAWS, n)) * rng.integers(0, 2, (DRAWS, 1))
    return Samples(kind=kind, bound=0.5, differences=x.astype(float), discrete=True)


def assessed_once(x):
    """A claim whose numbers are the same in every draw: its rows are not moved."""
    comparison = Comparison(name="fixed", kind=BEATS, bound=0.4, differences=np.array(x), floors={})
    return Assessment(parts=(assess(comparison),), decision=Decision.T)


FIXED = {"fixed": assessed_once([0.1, 0.9, 0.5, 0.7, 0.3, 0.8, 0.6, 0.2]), "still": assessed_once([0.5] * 8)}


def both(claims, alpha, fair):
    """The outcomes of all claims and draws by `decide_many`, and by `decide` one draw after the other."""
    others = FIXED | {"not run": None}
    many = decide_many(
        {name: assess_many(parts, by) for name, (parts, by) in claims.items()} | others, alpha, fair=fair
    )
    single = {name: [] for name in claims}
    for draw in range(DRAWS):
        assessed = {
            name: Assessment(parts=tuple(one(part, draw) for part in parts), decision=by)
            for name, (parts, by) in claims.items()
        }
        verdicts = decide(assessed | others, alpha, fair=fair)
        for name in claims:
            single[name].append(SIGNS.get(verdicts[name].outcome, 0))
    return many, single


@pytest.mark.parametrize("n", [4, 5, 9, 10, 11, 12])
@pytest.mark.parametrize("fair", [False, True])
def test_every_outcome_is_that_of_one_sample(n, fair):
    """Seven claims of all kinds, tests and floors: 100 samples of each, on both sides of the rules' numbers."""
    rng = np.random.default_rng([n, fair])
    claims = family(rng, n)
    many, single = both(claims, 0.025, fair)
    assert {name: signs.tolist() for name, signs in many.items()} == single
    if n >= 9:
        assert {sign for signs in single.values() for sign in signs} == {-1, 0, 1}


def test_sign_flip_has_no_say_where_it_could_not_agree_with_two_small_differences():
    """Of ten replicates and four claims it has one on a claim of one part, and none on what refutes one of two."""
    rng, found = np.random.default_rng(5), {}
    for name, kinds in {"one": (BEATS,), "two": (BEATS, BEATS)}.items():
        parts = [Samples(kind=kind, bound=0.5, differences=rng.normal(0.05, 0.5, (DRAWS, 10))) for kind in kinds]
        many, single = both({name: (parts, Decision.T)}, 0.025, fair=True)
        assert many[name].tolist() == single[name]
        by_flip = decide_many({name: assess_many(parts, Decision.SIGN_FLIP)} | FIXED | {"not run": None}, 0.025)
        found[name] = int(((many[name] == -1) & (by_flip[name] == 0)).sum())
    assert found["one"] == 0
    assert found["two"] > 0


def test_sign_flip_is_left_out_beyond_its_patterns():
    """Of twenty replicates t stands in the place of sign-flip: nearly always the same outcome."""
    rng = np.random.default_rng(3)
    claims = {name: (parts, Decision.T) for name, (parts, _) in family(rng, 20).items()}
    many, single = both(claims, 0.025, fair=False)
    equal = np.mean([many[name] == np.array(single[name]) for name in claims])
    assert equal > 0.97


def test_a_claim_without_spread_is_not_decided():
    """A part that is the same in all replicates of a draw is no evidence there, and counts as p = 1 beside others."""
    x = np.vstack([np.full(8, 30.0), np.linspace(29, 31, 8)])
    near = np.vstack([np.linspace(-0.35, 1.5, 8)] * 2)  # p = .020: shown where the other claim is, too
    signs = decide_many(
        {
            name: assess_many([Samples(kind=BEATS, bound=0.5, differences=values)], Decision.T)
            for name, values in {"a": x, "b": near}.items()
        }
    )
    assert {name: each.tolist() for name, each in signs.items()} == {"a": [0, 1], "b": [0, 1]}


def test_a_part_without_spread_spares_no_other_claim_its_place():
    """Where one part is the same in all replicates, another that would refute counts as p = 1 beside other claims."""
    still = np.vstack([np.full(8, 30.0), np.linspace(29, 31, 8)])
    behind, near = np.vstack([np.linspace(-31, -29, 8)] * 2), np.vstack([np.linspace(-1.0, 0.85, 8)] * 2)
    signs = decide_many(
        {
            name: assess_many([Samples(kind=BEATS, bound=0.5, differences=each) for each in parts], Decision.T)
            for name, parts in {"a": (still, behind), "b": (near,)}.items()
        }
    )
    assert {name: each.tolist() for name, each in signs.items()} == {"a": [0, -1], "b": [0, -1]}


def test_holm_is_holm_in_each_draw():
    """Row by row what `holm` gives, ties included."""
    p = np.random.default_rng(2).choice([0.001, 0.01, 0.02, 0.5, 1.0], (200, 6))
    np.testing.assert_array_equal(holm_many(p), [holm(row) for row in p])
