"""Designs rewritten: the same claim under other settings, and its short version."""

from dataclasses import replace
from fractions import Fraction

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, matches
from harness.design._claim import Design
from harness.design._parts import Band
from harness.design._variants import VARIANTS, design_of, only_read, shorten
from harness.engine._course import compute
from harness.errors import UsageError
from harness.expression import (
    Gradual,
    Scores,
    Snapshot,
    density,
    evaluate,
    fresh,
    lineage,
    prune,
    random_mask,
    resample,
    shuffle,
    train,
)
from harness.expression._masks import prunable_bits
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.population._population import Program
from tests.members import population
from tests.synthetic import MICRO, claim, design

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=30, batch=20)
HALF = Fraction(1, 2)
SPARSE = Band(low=Fraction(1, 8), high=Fraction(1, 4))
DENSE = train(NET, DIGITS, RECIPE)


def chain(recipe=RECIPE):
    """A dense net, and tickets at three densities, each pruned from the one before."""
    dense = train(NET, DIGITS, recipe)
    tickets = []
    for k in (1, 2, 3):
        mask = prune(tickets[-1] if tickets else dense, keep=Fraction(1, 2) ** k)
        tickets.append(train(NET, DIGITS, recipe, mask=mask, start=dense.at(5), first_step=5))
    return {"dense": dense, "ticket": tickets, "unread": train(NET, DIGITS, replace(recipe, steps=31))}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("half-rate", {"optimiser": Adam(1.5e-3)}),
        ("double-rate", {"optimiser": Adam(6e-3)}),
        ("bfloat16", {"numerics": "bfloat16"}),
        ("jolt", {"jolt": 1}),
    ],
)
def test_a_variant_changes_every_recipe_and_nothing_else(name, changed):
    """A variant of a chain is the chain of the changed recipe: masks, starts and steps follow, keys and all."""
    part = beats("ticket", "dense", on=DIGITS, band=SPARSE)
    made = claim(Design(arms=chain(), parts=(part,), contrast=("mask", "start", "first_step")))
    recipe = replace(RECIPE, **changed)
    expected, found = chain(recipe), design_of(made, MICRO, name)
    assert [n.key for nodes in found.points["ticket"].values() for n in nodes] == [
        n.key for n in expected["ticket"][1:]
    ]
    assert found.points["dense"][Fraction(1)][0].key == expected["dense"].key
    assert {n.recipe for n in lineage([found.points["ticket"][Fraction(1, 8)][0]])} == {recipe}


def test_rates_scale_with_any_optimiser():
    """Halving and doubling speak of the recipe's own rate, and leave momentum and decay alone."""
    recipe = replace(RECIPE, optimiser=SGD(0.2, momentum=0.9, weight_decay=1e-4))
    assert VARIANTS["half-rate"].change(recipe).optimiser == SGD(0.1, momentum=0.9, weight_decay=1e-4)
    assert VARIANTS["double-rate"].change(recipe).optimiser == SGD(0.4, momentum=0.9, weight_decay=1e-4)


def test_only_what_deciding_parts_read_is_repeated():
    """Arms that no deciding part reads, and densities outside its band, are left out; floors are kept."""
    parts = (matches("ticket", "dense", on=DIGITS, band=SPARSE, floors=("unread",)),)
    full = Design(arms=chain(), parts=parts, contrast=(), beside=(beats("ticket", "dense", on=DIGITS),))
    read = only_read(full)
    assert list(read.arms) == ["dense", "ticket", "unread"]
    assert list(read.points["ticket"]) == [Fraction(1, 4), Fraction(1, 8)]
    assert read.beside == ()
    assert list(only_read(replace(full, parts=(beats("ticket", "dense", on=DIGITS, band=SPARSE),))).arms) == [
        "dense",
        "ticket",
    ]


def test_unknown_variants_are_refused():
    """A variant that is not known is a usage error with the nearest name."""
    with pytest.raises(UsageError, match="did you mean half-rate"):
        design_of(claim(design(beats("a", "b", on=DIGITS))), MICRO, "halfrate")


def test_shorten_keeps_distinct_nodes_distinct():
    """A study of many recipes, rewind steps, draws and rounds is as many nodes when shortened, and as many arms."""
    nodes = [DENSE]
    for steps in (100, 200, 300, 600, 7800):
        recipe = replace(RECIPE, steps=steps)
        dense = train(NET, DIGITS, recipe)
        ticket = dense
        for k in range(1, 4):
            mask = prune(ticket, keep=HALF**k)
            ticket = train(NET, DIGITS, recipe, mask=mask, start=dense.at(0), streams={"order": k})
            late = [train(NET, DIGITS, recipe, mask=mask, start=dense.at(s), first_step=s) for s in (10, 30, 99)]
            nodes += [ticket, *late, train(NET, DIGITS, recipe, mask=mask, start=fresh("reinit", draw=k))]
        nodes += [dense, train(NET, DIGITS, recipe, learn=Scores(HALF)), train(NET, DIGITS, replace(recipe, batch=30))]
    nodes += [evaluate(NET, DIGITS), evaluate(NET, DIGITS, mask=random_mask(NET, keep=HALF))]
    nodes += [train(NET, DIGITS, RECIPE, mask=shuffle(mask, draw=draw)) for draw in range(2)]
    nodes += [train(NET, DIGITS, RECIPE, start=resample(mask, dense.at(step))) for step in (0, 10)]
    assert len(set(nodes)) == len(nodes)
    design = Design(arms={"all": nodes}, parts=(), contrast=())
    short = shorten(design)
    measured = [node for each in short.points["all"].values() for node in each]
    assert {d: len(each) for d, each in short.points["all"].items()} == {
        d: len(each) for d, each in design.points["all"].items()
    }
    assert len(set(measured)) == len(nodes)


def test_shortened_trainings_are_short_and_keep_their_shape():
    """A fortieth of the steps; rewind steps scale with them, stay within the training, and parents stay parents."""
    recipe = replace(RECIPE, steps=1500)
    dense = train(NET, DIGITS, recipe)
    late = train(NET, DIGITS, recipe, mask=prune(dense, keep=HALF), start=dense.at(100), first_step=100)
    design = shorten(Design(arms={"dense": dense, "late": late}, parts=(), contrast=()))
    (parent,), (short,) = design.points["dense"][Fraction(1)], design.points["late"][HALF]
    assert parent.recipe.steps == short.recipe.steps == 37
    assert short.first_step == short.start.step == 2
    assert short.mask.source == Snapshot(parent, "end")
    assert short.start.training == parent


def test_shortened_trainings_have_steps_left():
    """A training that rewinds to its last step but one still makes an update when shortened."""
    recipe = replace(RECIPE, steps=399)
    dense = train(NET, DIGITS, recipe)
    late = train(NET, DIGITS, recipe, mask=prune(dense, keep=HALF), start=dense.at(398), first_step=398)
    (short,) = shorten(Design(arms={"late": late}, parts=(), contrast=())).points["late"][HALF]
    assert 0 < short.first_step < short.recipe.steps < 399


def test_what_is_pruned_on_the_way_is_pruned_in_a_quick_run_too():
    """Its steps are shortened with the recipe's, so that it ends with the density that tables say it has."""
    recipe = Recipe(optimiser=SGD(0.1), steps=400, batch=20)
    node = train(mlp(64, 10, 10), DIGITS, recipe, learn=Gradual(Fraction(1, 5), begin=100, end=300, every=50))
    (short,) = shorten(Design(arms={"pruned": node})).nodes
    assert 0 < short.learn.begin < short.learn.end < short.recipe.steps < 20
    assert density(short) == Fraction(1, 5)
    made = population(Program.of(short), range(1))
    assert int(compute(made).members[0].arrays["mask"][prunable_bits(short.network)].sum()) == 148
