"""Why trainings run again: told apart by field, down to a layer."""

import json
from dataclasses import replace
from types import SimpleNamespace

from harness.data._tasks import DIGITS
from harness.expression import describe, train
from harness.networks._network import mlp
from harness.store._store import Store
from harness.workflow._explaining import _closest
from tests.inline import NET, RECIPE


class Stored(Store):
    """A store with one record, which says of nodes what a record file would."""

    def __init__(self, *nodes):
        text = json.dumps({"nodes": {node.key: describe(node) for node in nodes}}, sort_keys=True)
        self.records = {"000001-00000000": SimpleNamespace(**json.loads(text))}


def test_the_closest_training_is_told_by_the_fields_that_differ():
    """A wider layer is named by its place, and what is alike is not, in whatever order a record holds it."""
    wanted = train(NET, DIGITS, RECIPE)
    wider, faster = train(mlp(64, 13, 10), DIGITS, RECIPE), train(NET, DIGITS, replace(RECIPE, batch=25))
    assert (
        _closest(wanted, Stored(wider)) == "network.layers[0].outputs 13, not 12; network.layers[2].inputs 13, not 12"
    )
    assert _closest(wanted, Stored(wider, faster)) == "recipe.batch 25, not 20"


def test_what_has_little_in_common_is_no_relation():
    """A stored training that differs in more than a few fields is not named."""
    other = train(mlp(64, 13, 14, 10), DIGITS, replace(RECIPE, batch=25))
    assert _closest(train(NET, DIGITS, RECIPE), Stored(other)) == ""
