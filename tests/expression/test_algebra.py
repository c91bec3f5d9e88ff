"""Starts and masks made of others: which numbers they hold, of which network, and what is refused.

Also tests `expression._made_starts` and `expression._made_masks`.
"""

from fractions import Fraction

import numpy as np
import pytest

from harness.compute._inputs import Inputs
from harness.compute._plan import Plan, Wanted
from harness.compute._run import run_plan
from harness.data._tasks import DIGITS
from harness.errors import DesignError
from harness.expression import (
    COMBINATIONS,
    between,
    carry,
    combination,
    combine,
    consumed,
    density,
    fresh,
    graft,
    kept_in,
    ones,
    prune,
    random_mask,
    resample,
    shared,
    train,
    without,
)
from harness.networks._initial import initial_values
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.store._store import Store
from harness.streams import Replicate
from tests.inline import Inline

NET, OTHER = mlp(64, 12, 10), mlp(64, 12, 6, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=6, batch=20, validate_every=6)
DENSE = train(NET, DIGITS, RECIPE)
HALF, FIFTH = Fraction(1, 2), Fraction(1, 5)
FIRST = prune(DENSE, keep=HALF)
TICKET = train(NET, DIGITS, RECIPE, mask=FIRST, start=DENSE.at(0))
SECOND = prune(TICKET, keep=FIFTH)
REPLICATE = Replicate(11, 0)


class Nothing:
    """What is stored where nothing was trained: the replicate alone."""

    replicate = REPLICATE

    def bits(self, mask):
        """Made anew each time."""
        return mask.bits(self)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """What the dense training and the ticket have stored."""
    plan = Plan([Wanted("tests/own", (DENSE, TICKET), (REPLICATE,))], Store(tmp_path_factory.mktemp("store")))
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})
    return Inputs(plan.store, REPLICATE)


def named(network):
    """Tensors by name."""
    return {tensor.name: tensor for tensor in network.tensors()}


def test_a_graft_has_its_layers_from_the_donor(stored):
    """Weights and bias of the named layer are the donor's, and all else is what it is grafted onto."""
    end, initial = stored.array(DENSE.at("end")), initial_values(NET, REPLICATE, "reinit", 0)
    made = graft(fresh("reinit"), DENSE, layers=["fc1"]).values(stored, NET)
    for name, tensor in named(NET).items():
        expected = end if name.startswith("fc1.") else initial
        np.testing.assert_array_equal(made[tensor.slice], expected[tensor.slice])
    assert [taken.slot for taken in consumed(graft(fresh("reinit"), DENSE, layers=["fc1"]))] == ["end"]


def test_a_donor_may_be_of_another_network(stored):
    """Its layer lies elsewhere among its parameters; the others, which it has otherwise, are drawn for the new net."""
    narrow, deep = mlp(32, 20, 12, 10), mlp(64, 20, 12, 3)  # whose second layers are alike, and lie elsewhere
    drawn = graft(fresh(), resample(random_mask(deep, keep=HALF)), layers=["fc2"]).values(Nothing(), narrow)
    given = resample(random_mask(deep, keep=HALF)).values(Nothing(), deep)
    for name in ("fc2.weight", "fc2.bias"):
        assert named(narrow)[name].offset != named(deep)[name].offset
        np.testing.assert_array_equal(drawn[named(narrow)[name].slice], given[named(deep)[name].slice])
    wide = mlp(64, 12, 3)
    made = graft(fresh(), DENSE, layers=["fc1"])
    values, end = made.values(stored, wide), stored.array(DENSE.at("end"))
    for name in ("fc1.weight", "fc1.bias"):
        np.testing.assert_array_equal(values[named(wide)[name].slice], end[named(NET)[name].slice])
    output = named(wide)["output.weight"]
    np.testing.assert_array_equal(values[output.slice], initial_values(wide, REPLICATE, "init", 0)[output.slice])
    train(OTHER, DIGITS, RECIPE, start=made)
    with pytest.raises(
        DesignError, match=r"a start grafted in fc1.weight, of shape \(64, 20\), of which the donor has"
    ):
        train(mlp(64, 20, 10), DIGITS, RECIPE, start=made)
    deep = train(OTHER, DIGITS, RECIPE)
    with pytest.raises(DesignError, match="of which layer 'fc2' is grafted, which the network it is given to does"):
        train(NET, DIGITS, RECIPE, start=graft(fresh(), deep, layers=["fc2"]))


def test_layers_of_a_graft_are_one_set():
    """In whatever order they are named, and each once."""
    one, other = (
        graft(fresh("reinit"), DENSE, layers=names) for names in (["fc1", "output"], ("output", "fc1", "fc1"))
    )
    assert one.key == other.key


@pytest.mark.parametrize(
    ("layers", "why"),
    [((), "graft\\(\\) of no layers"), (("fc2",), "names 'fc2', no layer with parameters; did you mean fc1")],
)
def test_grafts_of_no_layer_are_refused(layers, why):
    """With the nearest name."""
    with pytest.raises(DesignError, match=why):
        graft(fresh("reinit"), DENSE, layers=layers)


def test_a_graft_onto_a_training_fits_it():
    """Where the network is known, a layer that the donor has otherwise is refused at once."""
    with pytest.raises(DesignError, match=r"a start grafted in output.weight, of shape \(12, 10\), of which the donor"):
        graft(DENSE, train(OTHER, DIGITS, RECIPE), layers=["output"])
    graft(DENSE, train(OTHER, DIGITS, RECIPE), layers=["fc1"])


@pytest.mark.parametrize(
    ("by", "of"),
    [
        ("signs of the first", lambda one, other: np.sign(one) * np.abs(other)),
        ("signs and one magnitude", lambda one, other: np.sign(one) * np.std(other)),
    ],
)
def test_weights_are_combined_layer_by_layer(stored, by, of):
    """Zhou et al. 2019: kept signs with other magnitudes; biases are those of the first."""
    end, drawn = stored.array(DENSE.at("end")), initial_values(NET, REPLICATE, "reinit", 0)
    made = combine(by, DENSE, fresh("reinit")).values(stored, NET)
    for name, tensor in named(NET).items():
        one, other = end[tensor.slice].astype(np.float64), drawn[tensor.slice].astype(np.float64)
        expected = of(one, other) if tensor.prunable else one
        np.testing.assert_allclose(made[tensor.slice], expected, rtol=1e-6, err_msg=name)


def test_combinations_of_one_s_own(stored):
    """Registered by name and version, which are in the key; another shape or nan is refused with the name."""
    combination("half")(lambda one, other: (one + other) / 2)
    first = combine("half", DENSE, fresh())
    combination("half", version=2)(lambda one, other: one[0])
    second = combine("half", DENSE, fresh())
    combination("nan")(lambda one: one * np.nan)
    try:
        assert (first.rule, second.rule) == ("half", "half@2")
        assert first.key != second.key != combine("half", fresh(), DENSE).key
        end, initial = stored.array(DENSE.at("end")), initial_values(NET, REPLICATE, "init", 0)
        place = named(NET)["fc1.weight"].slice
        np.testing.assert_array_equal(first.values(stored, NET)[place], (end[place] + initial[place]) / 2)
        with pytest.raises(
            DesignError, match=r"'half' gave weights of shape \(12,\) for layer fc1, expected \(64, 12\)"
        ):
            second.values(stored, NET)
        with pytest.raises(DesignError, match="'nan' gave weights that are no numbers for layer fc1"):
            combine("nan", DENSE).values(stored, NET)
    finally:
        for name in ("half", "half@2", "nan"):
            COMBINATIONS.remove(name)


@pytest.mark.parametrize(("by", "count"), [("signs and one magnitude", 1), ("signs of the first", 3)])
def test_a_combination_of_another_number_of_weights_is_refused(by, count):
    """Where it is written, with what its function takes, and not when its parents have been trained."""
    with pytest.raises(DesignError, match=rf"of {count} weights: its function takes signs, \w+. Next: name a start"):
        combine(by, *[fresh()] * count)


def test_combinations_are_of_one_network():
    """Unknown names and other tensors are refused."""
    with pytest.raises(DesignError, match="unknown combination 'signs'"):
        combine("signs", DENSE, fresh())
    with pytest.raises(DesignError, match=r"of no weights. Next: name the starts"):
        combine("signs of the first")
    with pytest.raises(DesignError, match="a network with other tensors"):
        combine("signs of the first", DENSE, train(OTHER, DIGITS, RECIPE))
    with pytest.raises(DesignError, match="a network with other tensors"):
        train(OTHER, DIGITS, RECIPE, start=combine("signs of the first", fresh(), DENSE))


def test_a_carried_mask_has_the_bits_of_layers_that_both_have(stored):
    """The first layer of a net with another output layer is pruned as it was, and the output keeps all."""
    wide = mlp(64, 12, 3)
    mask = carry(FIRST, wide)
    bits, given = mask.bits(stored), stored.bits(FIRST)
    np.testing.assert_array_equal(bits[named(wide)["fc1.weight"].slice], given[named(NET)["fc1.weight"].slice])
    assert bits[named(wide)["output.weight"].slice].all()
    assert not bits[~ones(wide)].any()
    assert density(mask) == Fraction(384 + 36, 768 + 36)
    assert kept_in(mask, wide, frozenset({"fc1"})) == 384
    with pytest.raises(DesignError, match="no layer of fc1, output in the same shape"):
        carry(FIRST, mlp(32, 12, 3))
    unknown = carry(prune(DENSE, keep=HALF, scope="global"), wide)
    with pytest.raises(DesignError, match="known only after training"):
        density(unknown)


def test_masks_of_one_chain_share_the_smaller_one(stored):
    """A round's mask is within those before it: what both keep is the smaller, and the rest is their difference."""
    both, rest = shared(FIRST, SECOND), without(FIRST, SECOND)
    first, second = stored.bits(FIRST), stored.bits(SECOND)
    np.testing.assert_array_equal(both.bits(stored), second)
    weights = np.concatenate([np.arange(NET.flat_size)[t.slice] for t in NET.prunable().values()])
    np.testing.assert_array_equal(rest.bits(stored)[weights], (first & ~second)[weights])
    assert density(both) == density(SECOND)
    assert density(rest) == density(FIRST) - density(SECOND)
    assert rest.bits(stored)[named(NET)["fc1.bias"].slice].all()
    train(NET, DIGITS, RECIPE, mask=rest)


def test_masks_that_are_not_of_one_chain_have_no_known_density():
    """What random masks share is an outcome: no arm can be placed by it."""
    one, other = (random_mask(NET, keep=HALF, draw=draw) for draw in (0, 1))
    for mask in (shared(one, other), without(one, other), without(SECOND, FIRST)):
        with pytest.raises(DesignError, match=r"known only after training: .*Next: "):
            density(mask)
    bits = shared(one, other).bits(Nothing())
    np.testing.assert_array_equal(bits, one.bits(Nothing()) & other.bits(Nothing()))
    with pytest.raises(DesignError, match="a mask of a network with other tensors"):
        shared(one, random_mask(OTHER, keep=HALF))
    with pytest.raises(DesignError, match="a mask of a network with other tensors"):
        without(one, random_mask(OTHER, keep=HALF))


def test_a_path_between_two_masks_has_the_density_of_the_denser_end():
    """A ticket and its dense parent, two rounds: whichever is named first."""
    smaller = train(NET, DIGITS, RECIPE, mask=SECOND, start=DENSE.at(0))
    assert density(between(TICKET, DENSE)) == density(between(DENSE, TICKET)) == 1
    assert density(between(smaller, TICKET)) == density(between(TICKET, smaller)) == density(FIRST)
