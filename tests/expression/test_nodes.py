"""Nodes say themselves what they are: what they are made from follows from their fields."""

from dataclasses import dataclass, fields, replace
from fractions import Fraction

import pytest

from harness.data._tasks import DIGITS
from harness.expression import (
    Node,
    Scores,
    Snapshot,
    between,
    evaluate,
    fresh,
    magnitudes,
    parents,
    prune,
    random_mask,
    rebuilt,
    resample,
    shuffle,
    train,
)
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=30, batch=20, validate_every=10)
HALF = Fraction(1, 2)
DENSE = train(NET, DIGITS, RECIPE)
PRUNED = prune(DENSE, keep=HALF)
TICKET = train(NET, DIGITS, RECIPE, mask=PRUNED, start=DENSE.at(5), first_step=5)
SCORES = train(NET, DIGITS, RECIPE, learn=Scores(HALF))
NODES = {
    "drawn weights": (fresh(), []),
    "dense": (DENSE, [DENSE.start]),
    "ticket": (TICKET, [PRUNED, DENSE.at(5)]),
    "snapshot": (DENSE.at(5), [DENSE]),
    "pruned": (PRUNED, [Snapshot(DENSE, "end")]),
    "random": (random_mask(NET, keep=HALF), []),
    "learned": (SCORES.learned_mask(), [SCORES]),
    "shuffled": (shuffle(PRUNED), [PRUNED]),
    "resampled": (resample(PRUNED, DENSE.at(5)), [PRUNED, DENSE.at(5)]),
    "evaluation": (evaluate(NET, DIGITS, mask=PRUNED, weights=DENSE.at(5)), [DENSE.at(5), PRUNED]),
    "path": (between(TICKET, TICKET.at(5)), [TICKET.at("end"), TICKET.at(5)]),
    "magnitudes": (magnitudes(NET, DIGITS, mask=PRUNED), [fresh(), PRUNED]),
}


@pytest.mark.parametrize("what", NODES)
def test_parents_are_the_nodes_in_the_fields(what):
    """Every node in a field is a parent, in the fields' order, and nothing else is."""
    node, expected = NODES[what]
    assert list(parents(node)) == expected
    assert [getattr(node, f.name) for f in fields(node) if isinstance(getattr(node, f.name), Node)] == expected


def test_nodes_in_a_tuple_are_parents():
    """A node may be made from as many others as it names."""

    @dataclass(frozen=True, eq=False, repr=False)
    class Union(Node):
        masks: tuple[Node, ...]
        draw: int = 0

    other = random_mask(NET, keep=HALF)
    node = Union((PRUNED, other), draw=3)
    assert parents(node) == (PRUNED, other)
    changed = rebuilt(node, {}, recipe=longer, moment=lambda step: 2 * step)
    assert changed.masks == (replace(PRUNED, source=Snapshot(replace(DENSE, recipe=longer(RECIPE)), "end")), other)
    assert changed.draw == 3


def longer(recipe):
    return recipe.longer(2)


def test_a_rebuilt_node_has_every_recipe_and_step_changed():
    """Recipes and named steps change at every depth; draws, fractions and the end of a training stay."""
    again = train(NET, DIGITS, RECIPE, mask=prune(TICKET, keep=HALF**2), start=DENSE.at(5), first_step=5)
    changed = rebuilt(again, {}, recipe=longer, moment=lambda step: 2 * step)
    dense = train(NET, DIGITS, longer(RECIPE))
    given = {"start": dense.at(10), "first_step": 10}
    ticket = train(NET, DIGITS, longer(RECIPE), mask=prune(dense, keep=HALF), **given)
    assert changed == train(NET, DIGITS, longer(RECIPE), mask=prune(ticket, keep=HALF**2), **given)


def test_a_node_is_rebuilt_once():
    """What several nodes mention is changed once, and each finds it by the key it had."""
    made, asked = {}, []

    def recipe(given):
        asked.append(given)
        return longer(given)

    for node in (TICKET, TICKET.at(6), shuffle(PRUNED)):
        rebuilt(node, made, recipe=recipe, moment=lambda step: step)
    assert len(asked) == 2  # those of the ticket and of the dense net
    assert made[DENSE.key].recipe.steps == 60


def test_a_rebuilt_node_without_changes_is_equal():
    """Nothing but recipes and steps is touched, so that without changes every key stays."""
    for node, _ in NODES.values():
        assert rebuilt(node, {}, recipe=lambda recipe: recipe, moment=lambda step: step) == node
