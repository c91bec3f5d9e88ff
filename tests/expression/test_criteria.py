"""Pruning criteria: registered by name, checked when they are used, and part of a mask's key by name and version."""

from fractions import Fraction

import numpy as np
import pytest

from harness.compute._plan import Plan, Wanted
from harness.compute._run import run_plan
from harness.data._tasks import DIGITS
from harness.errors import DesignError
from harness.expression import (
    CRITERIA,
    Prune,
    Scope,
    Snapshot,
    consumed,
    criterion,
    density,
    describe,
    kept_in,
    ones,
    parents,
    prune,
    rebuilt,
    train,
)
from harness.expression._masks import prune_by_magnitude
from harness.networks import mlp, round_half_up
from harness.networks._initial import initial_values
from harness.networks._recipe import Adam, Recipe
from harness.store._store import Store
from harness.streams import Replicate
from tests.inline import Inline

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=6, batch=20, validate_every=6)
DENSE = train(NET, DIGITS, RECIPE)
THIRD = Fraction(1, 3)
LAYERS = NET.prunable()


@pytest.fixture(autouse=True)
def registry():
    """What a test registers is forgotten after it."""
    before = set(CRITERIA)
    yield
    for name in set(CRITERIA) - before:
        CRITERIA.remove(name)


def smallest(weights, alive):
    """Small weights stay."""
    return -np.abs(weights)


def of_columns(weights, alive):
    """A weight's share of its column."""
    return np.abs(weights) / np.abs(weights).sum(0, keepdims=True)


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_a_criterion_of_one_s_own_prunes(tmp_path, scope):
    """From a function in a test to the weights that a stored ticket has left, at exact counts, round after round."""
    criterion("smallest")(smallest)
    first = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=THIRD, by="smallest", scope=scope), start=DENSE.at(0))
    second = train(NET, DIGITS, RECIPE, mask=prune(first, keep=THIRD**2, by="smallest", scope=scope))
    assert density(second) == density(prune(DENSE, keep=THIRD**2, scope=scope))
    plan = Plan([Wanted("tests/own", (second,), (Replicate(11, 0),))], Store(tmp_path))
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})
    alive, places = ones(NET), np.concatenate([np.arange(NET.flat_size)[t.slice] for t in LAYERS.values()])
    for source, ticket, keep in ((DENSE, first, THIRD), (first, second, THIRD**2)):
        ends = [plan.store.array(plan.entry(node, Replicate(11, 0)), "end", NET.flat_size) for node in (source, ticket)]
        groups = [places] if scope == "global" else [np.arange(NET.flat_size)[t.slice] for t in LAYERS.values()]
        for group in groups:
            left = group[alive[group]]
            stay = left[np.argsort(np.abs(ends[0][left]), kind="stable")[: round(len(group) * keep)]]
            alive[group] = False
            alive[stay] = True
            assert not ends[1][group][~alive[group]].any()
            assert (ends[1][stay] != 0).mean() > 0.9
    assert alive[places].sum() == sum(round(len(group) * THIRD**2) for group in groups)


def test_a_criterion_scores_units():
    """Units are compared by the norm of the scores of their incoming weights, which has no sign."""
    criterion("even")(lambda weights, alive: np.broadcast_to(np.arange(weights.shape[1]) % 2 == 0, weights.shape))
    weights = np.random.default_rng(0).standard_normal(NET.flat_size).astype(np.float32)
    mask = prune_by_magnitude(NET, weights, ones(NET), Fraction(1, 2), Scope.UNIT, rule="even")
    left = mask[LAYERS["fc1"].slice].reshape(64, 12)
    assert left[:, ::2].all()
    assert not left[:, 1::2].any()
    criterion("smallest")(smallest)
    with pytest.raises(DesignError, match=r"'smallest' gave a negative score in layer fc1.*Next: "):
        prune_by_magnitude(NET, weights, ones(NET), Fraction(1, 2), Scope.UNIT, rule="smallest")


def test_a_criterion_is_given_a_layer_in_its_shape():
    """Weights and survivors of one layer at a time, inputs by outputs, to be read and not changed."""
    seen = {}

    def note(weights, alive):
        seen[weights.shape] = (weights.copy(), alive.copy())
        with pytest.raises(ValueError, match="read-only"):
            weights[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            alive[0] = True
        return weights

    criterion("note")(note)
    weights, alive = np.arange(NET.flat_size, dtype=np.float32), ones(NET)
    alive[5] = False
    prune_by_magnitude(NET, weights, alive, THIRD, Scope.LAYER, rule="note")
    for name in ("fc1", "output"):
        tensor = LAYERS[name]
        np.testing.assert_array_equal(seen[tensor.shape][0], weights[tensor.slice].reshape(tensor.shape))
        np.testing.assert_array_equal(seen[tensor.shape][1], alive[tensor.slice].reshape(tensor.shape))


def test_built_in_criteria_are_hashed_as_ever():
    """The default's name does not enter a mask's key, another's does, and no version while it is the first."""
    assert "rule" not in describe(prune(DENSE, keep=THIRD, scope="global", by="magnitude"))
    assert prune(DENSE, keep=THIRD, by="quantile").key == prune(DENSE, keep=THIRD).key
    assert describe(prune(DENSE, keep=THIRD, scope="global", by="std"))["rule"] == "std"
    assert prune(DENSE, keep=THIRD, scope="global", by="std").key == "de68c15e5753f15b6c28c2ea68f0274a"


def test_another_version_has_another_key():
    """A criterion that gives other scores than before makes other masks, which no stored one is taken for."""
    criterion("columns")(of_columns)
    first = prune(DENSE, keep=THIRD, by="columns")
    criterion("columns", version=2)(of_columns)
    second = prune(DENSE, keep=THIRD, by="columns")
    assert (describe(first)["rule"], describe(second)["rule"]) == ("columns", "columns@2")
    assert len({prune(DENSE, keep=THIRD).key, first.key, second.key}) == 3
    assert kept_in(second, NET, frozenset({"output"})) == 40


def test_a_mask_of_another_version_is_refused():
    """A mask is never made by another version of its criterion than its key names."""
    criterion("columns", version=2)(of_columns)
    old = Prune(Snapshot(DENSE, "end"), THIRD, rule="columns")
    weights = np.ones(NET.flat_size, np.float32)
    with pytest.raises(DesignError, match=r"unknown criterion 'columns', of which columns@2 is registered\..* Next: "):
        prune_by_magnitude(NET, weights, ones(NET), old.keep, old.scope, rule=old.rule)


def test_unknown_criteria_are_refused():
    """With the nearest names and all that there are, those of one's own included."""
    criterion("smallest")(smallest)
    with pytest.raises(
        DesignError, match=r"'smalest'; did you mean smallest.*\? Known: quantile, magnitude, std,.*, smallest\. Next: "
    ):
        prune(DENSE, keep=THIRD, by="smalest")


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda weights, alive: weights[0], r"scores of shape \(12,\) for layer fc1, expected \(64, 12\)"),
        (lambda weights, alive: np.full(weights.shape, np.nan), r"nan for 768 of 768 weights alive in layer fc1"),
        (lambda weights, alive: 1.0, r"scores of shape \(\) for layer fc1"),
    ],
)
def test_scores_that_are_none_are_refused(score, message):
    """Another shape and nan name the criterion, the layer, and what to do."""
    criterion("broken")(score)
    weights = np.ones(NET.flat_size, np.float32)
    with pytest.raises(DesignError, match=rf"criterion 'broken' gave {message}.*Next: correct the function"):
        prune_by_magnitude(NET, weights, ones(NET), THIRD, Scope.LAYER, rule="broken")


def test_nan_of_removed_weights_does_not_count():
    """What was removed competes for nothing, whatever a criterion makes of it."""
    criterion("inverse")(lambda weights, alive: np.where(alive, 1.0, np.nan))
    alive = ones(NET)
    alive[:10] = False
    mask = prune_by_magnitude(NET, np.ones(NET.flat_size, np.float32), alive, THIRD, Scope.GLOBAL, rule="inverse")
    assert not mask[:10].any()


@pytest.mark.parametrize("rule", ["quantile", "columns"])
def test_a_layer_that_diverged_is_scored(rule):
    """Divergence is an outcome and no fault of a criterion: exact counts of weights that are no numbers."""
    criterion("columns")(of_columns)
    weights = np.full(NET.flat_size, np.nan, np.float32)
    mask = prune_by_magnitude(NET, weights, ones(NET), THIRD, Scope.LAYER, rule=rule)
    assert [mask[t.slice].sum() for t in LAYERS.values()] == [256, 40]


def test_names_of_criteria_are_their_own():
    """A name says no version, and is not taken from the function that has it."""
    with pytest.raises(DesignError, match="a name without @"):
        criterion("mine@2")(smallest)
    with pytest.raises(
        DesignError, match=r"'std' is twice a criterion: harness.expression._criteria.in_deviations and tests"
    ):
        criterion("std")(smallest)
    assert criterion("smallest")(smallest) is smallest


# --- those that are shipped: each as a plain loop over weights, written from the papers' words ------------------------

START = train(NET, DIGITS, RECIPE).at(0)


def scores_of(name, **also):
    """What a shipped criterion gives the first layer of a net, and the arrays that it was given; some are removed."""
    rng = np.random.default_rng(5)
    weights, initial = rng.standard_normal((2, 6, 4)).astype(np.float32)
    alive = rng.random((6, 4)) > 0.2
    weights = np.where(alive, weights, np.float32(0))
    if "initial" in CRITERIA[name].wants:
        also["initial"] = initial
    return CRITERIA[name].scores("fc1", weights, alive, also), weights, initial, alive


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("large initial", lambda final, initial: abs(initial)),
        ("magnitude increase", lambda final, initial: abs(final) - abs(initial)),
        ("movement", lambda final, initial: abs(final - initial)),
        ("large final, same sign", lambda final, initial: abs(final) if final * initial > 0 else 0.0),
    ],
)
def test_criteria_of_two_moments_are_functions_of_a_weight(name, of):
    """Zhou et al. 2019, section 3: each weight is scored by its own final and initial value."""
    scores, weights, initial, _ = scores_of(name)
    for place in np.ndindex(weights.shape):
        assert scores[place] == pytest.approx(of(float(weights[place]), float(initial[place])), abs=1e-12)


def kept_by(scores, alive, keep):
    """The places of the highest scores among those alive."""
    alive_places = [place for place in np.ndindex(scores.shape) if alive[place]]
    return set(sorted(alive_places, key=lambda place: -scores[place])[:keep])


@pytest.mark.parametrize(("constant", "outputs"), [(0.0, {0, 1, 2}), (0.25, {0, 1, 3}), (1e-30, {0, 1, 3})])
def test_whole_outputs_stay_where_all_are_equal(constant, outputs):
    """As those of signed constants are: the first ones, and no weight of another; no score is below zero."""
    weights, alive = np.full((6, 5), constant, np.float32), np.ones((6, 5), bool)
    weights[:, 3] *= 2
    kept = kept_by(CRITERIA["filters"].sizes("fc1", weights, alive), alive, 18)
    assert kept == {place for place in np.ndindex(weights.shape) if place[1] in outputs}


@pytest.mark.parametrize("shape", [(6, 4), (4, 2, 3, 1)], ids=["linear", "filters"])
def test_every_output_keeps_as_many(shape):
    """With counts that divide each output has its own largest; one more goes to the largest of those that are next."""
    rng = np.random.default_rng(3)
    weights, alive = rng.standard_normal(shape).astype(np.float32), np.ones(shape, np.bool_)
    outputs = weights.T if len(shape) == 2 else weights.reshape(4, -1)
    scores = CRITERIA["per output"].scores("fc1", weights, alive)
    place_of = {float(weights[place]): place for place in np.ndindex(shape)}
    best = [sorted(map(float, output), key=lambda w: -abs(w)) for output in outputs]
    two_each = {place_of[w] for output in best for w in output[:2]}
    assert kept_by(scores, alive, 8) == two_each
    third = max((output[2] for output in best), key=abs)
    assert kept_by(scores, alive, 9) == two_each | {place_of[third]}


GROUPED = mlp(30, 11, 7, 10)  # of every layer's inputs the last group of four has fewer


def groups_of(mask, network, m):
    """How many of each group of `m` consecutive inputs of an output a mask keeps, by layer: (outputs, groups)."""
    for tensor in network.prunable().values():
        kept_OI = mask[tensor.slice].reshape(tensor.shape).T
        yield [[int(row[i : i + m].sum()) for i in range(0, len(row), m)] for row in kept_OI]


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4), (3, 4), (4, 8), (5, 8), (2, 3), (1, 2)])
def test_n_of_m_keeps_n_of_every_m_inputs(n, m, scope):
    """The largest n; of a smaller group at the end its share, rounded up; where the count asks for it one less."""
    weights = np.random.default_rng(4).standard_normal(GROUPED.flat_size).astype(np.float32)
    bits = prune_by_magnitude(
        GROUPED, weights, ones(GROUPED), Fraction(n, m), Scope(scope), rule="n of m", also={"m": m}
    )
    sizes = [t.size for t in GROUPED.prunable().values()]
    asked = [round_half_up(size * Fraction(n, m)) for size in (sizes if scope == "layer" else [sum(sizes)])]
    assert sum(bits[t.slice].sum() for t in GROUPED.prunable().values()) == sum(asked)
    for tensor, counts in zip(GROUPED.prunable().values(), groups_of(bits, GROUPED, m), strict=True):
        inputs = tensor.shape[0]
        sizes = [min(m, inputs - i) for i in range(0, inputs, m)]
        most = [-(-size * n // m) for size in sizes]
        assert all(count <= at_most for row in counts for count, at_most in zip(row, most, strict=True))
        surplus = tensor.shape[1] * sum(most) - sum(map(sum, counts))
        assert all(at_most - count <= 1 for row in counts for count, at_most in zip(row, most, strict=True))
        assert surplus == 0 or inputs % m or scope == "global"
        magnitudes = np.abs(weights[tensor.slice].reshape(tensor.shape))
        kept = bits[tensor.slice].reshape(tensor.shape)
        for output, i in np.ndindex(tensor.shape[1], len(sizes)):
            of_group, stays = magnitudes[i * m : (i + 1) * m, output], kept[i * m : (i + 1) * m, output]
            assert stays.sum() in (0, len(stays)) or of_group[stays].min() > of_group[~stays].max()


def test_n_of_m_goes_on_from_more_of_as_many():
    """From 3:4 to 2:4 no group keeps more than two, though all choose among what is left."""
    weights = np.random.default_rng(5).standard_normal(GROUPED.flat_size).astype(np.float32)
    bits = ones(GROUPED)
    for n in (3, 2, 1):
        bits = prune_by_magnitude(GROUPED, weights, bits, Fraction(n, 4), Scope.LAYER, rule="n of m", also={"m": 4})
        assert max(count for layer in groups_of(bits, GROUPED, 4) for row in layer for count in row) == n


@pytest.mark.parametrize("m", [1, 2.5, 4.0, True, "4"])
def test_no_groups_of_such_a_size(m):
    """Refused where the claim is written, and by who calls the criterion."""
    with pytest.raises(DesignError, match=f"groups of {m!r} weights"):
        prune(DENSE, keep=Fraction(1, 2), by="n of m", also={"m": m})
    with pytest.raises(DesignError, match=f"groups of {m!r} weights"):
        CRITERIA["n of m"].scores("fc1", np.ones((8, 5), np.float32), np.ones((8, 5), np.bool_), {"m": m})


def test_n_of_m_refuses_what_leaves_groups_unequal():
    """A density that is no n, and weights that have lost others but by groups of as many, which may go on."""
    half, m4 = Fraction(1, 2), {"m": 4}
    with pytest.raises(DesignError, match=r"to 1/3 of fc1, which is no number of weights of 4.*Fraction\(2, 4\)"):
        prune(DENSE, keep=THIRD, by="n of m", also=m4)
    layerwise = tuple((name, Fraction(1, 4) if name == "fc1" else Fraction(1, 5)) for name in LAYERS)
    with pytest.raises(DesignError, match=r"to 1/5 of output, which is no number"):
        prune(DENSE, keep=layerwise, by="n of m", also=m4)
    before = prune(DENSE, keep=Fraction(3, 4), by="n of m", also=m4)
    for mask in (prune(DENSE, keep=Fraction(3, 4)), prune(DENSE, keep=half, by="n of m", also={"m": 8})):
        with pytest.raises(DesignError, match="a group of 4 may have too few left"):
            prune(train(NET, DIGITS, RECIPE, mask=mask), keep=half, by="n of m", also=m4)
    assert density(prune(train(NET, DIGITS, RECIPE, mask=before), keep=half, by="n of m", also=m4)) == half


@pytest.mark.parametrize(("by", "also"), [("per output", {}), ("n of m", {"m": 4})])
def test_no_unit_is_chosen_by_what_stands_high_in_it(by, also):
    """Refused before anything is trained: such scores are below zero, and units are compared by sizes."""
    with pytest.raises(DesignError, match="says nothing of a unit"):
        prune(DENSE, keep=Fraction(1, 2), scope="unit", by=by, also=also)


def test_equal_weights_of_equal_standing_stay_by_the_lower_output():
    """As signed constants are: with one weight more than each output keeps, it is that of the first output."""
    weights, alive = np.full((6, 4), 0.1, np.float32), np.ones((6, 4), np.bool_)
    kept = kept_by(CRITERIA["per output"].scores("fc1", weights, alive), alive, 9)
    assert kept == {(i, output) for i in range(2) for output in range(4)} | {(2, 0)}


def test_whole_filters_stay():
    """Two of four filters: those with the largest sum of magnitudes (Li et al. 2017), in all of their places."""
    weights = np.random.default_rng(6).standard_normal((4, 3, 2, 2)).astype(np.float32)
    alive = np.ones(weights.shape, np.bool_)
    sums = [sum(abs(float(w)) for w in filter_.ravel()) for filter_ in weights]
    largest = sorted(range(4), key=lambda i: -sums[i])[:2]
    kept = kept_by(CRITERIA["filters"].scores("conv1", weights, alive), alive, 24)
    assert kept == {place for place in np.ndindex(weights.shape) if place[0] in largest}


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_initial_weights_reach_the_criterion(tmp_path, scope):
    """From `also=` to a stored ticket: the mask of movement is made of both moments of the replicate's own training."""
    mask = prune(DENSE, keep=THIRD, by="movement", also={"initial": START}, scope=scope)
    ticket = train(NET, DIGITS, RECIPE, mask=mask, start=DENSE.at(0))
    plan = Plan([Wanted("tests/own", (ticket,), (Replicate(11, 0),))], Store(tmp_path))
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})
    end = plan.store.array(plan.entry(DENSE, Replicate(11, 0)), "end", NET.flat_size)
    left = plan.store.array(plan.entry(ticket, Replicate(11, 0)), "end", NET.flat_size) != 0
    moved = np.abs(end.astype(np.float64) - initial_values(NET, Replicate(11, 0), "init", 0))
    groups = [np.arange(NET.flat_size)[t.slice] for t in LAYERS.values()]
    for group in [np.concatenate(groups)] if scope == "global" else groups:
        most = set(group[np.argsort(-moved[group], kind="stable")[: round(len(group) / 3)]])
        assert set(group[left[group]]) <= most
        assert left[group].sum() > 0.9 * len(most)


def test_what_a_criterion_takes_is_part_of_the_key():
    """Another moment, or another number, is another mask; the order in which they are given is no matter."""
    one = prune(DENSE, keep=THIRD, by="movement", also={"initial": START})
    other = prune(DENSE, keep=THIRD, by="movement", also={"initial": DENSE.at(3)})
    assert one.key != other.key
    assert {parent.key for parent in parents(other)} == {Snapshot(DENSE, "end").key, DENSE.at(3).key}
    assert [taken.slot for taken in consumed(other)] == ["end", "3"]
    two, four = (prune(DENSE, keep=Fraction(1, 2), by="n of m", also={"m": m}) for m in (2, 4))
    assert two.key != four.key
    ((name, later),) = rebuilt(other, {}, moment=lambda step: step + 1).also
    assert (name, later.step) == ("initial", 4)


def test_the_default_of_a_parameter_stands_and_is_part_of_the_key():
    """Given or not it is one mask, and another default is another one."""

    def powers(weights, alive, initial, p=2):
        return np.abs(weights) ** p

    def cubes(weights, alive, initial, p=3):
        return np.abs(weights) ** p

    criterion("powers")(powers)
    one = prune(DENSE, keep=THIRD, by="powers", also={"initial": START})
    assert one == prune(DENSE, keep=THIRD, by="powers", also={"initial": START, "p": 2})
    assert one != prune(DENSE, keep=THIRD, by="powers", also={"initial": START, "p": 4})
    CRITERIA.remove("powers")
    criterion("powers")(cubes)
    assert one != prune(DENSE, keep=THIRD, by="powers", also={"initial": START})
    with pytest.raises(DesignError, match="takes initial, p besides the weights, and also= gives nothing"):
        prune(DENSE, keep=THIRD, by="powers")


@pytest.mark.parametrize(
    ("by", "also", "why"),
    [
        ("movement", {}, r"'movement' takes initial besides the weights, and also= gives nothing. Next: also=\{'ini"),
        ("magnitude", {"initial": START}, "'quantile' takes nothing besides the weights, and also= gives initial"),
        ("movement", {"initial": None}, r"also=\{'initial': None\} for criterion 'movement': expected a training"),
        ("movement", {"initial": train(mlp(64, 9, 10), DIGITS, RECIPE)}, "a network with other tensors"),
    ],
)
def test_what_a_criterion_does_not_take_is_refused(by, also, why):
    """With the names that it takes."""
    with pytest.raises(DesignError, match=why):
        prune(DENSE, keep=THIRD, by=by, also=also)
