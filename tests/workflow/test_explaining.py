"""Why trainings run again: told apart by field, down to a layer."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.errors import LockError
from harness.expression import describe, train
from harness.networks._network import mlp
from harness.store._store import Store
from harness.workflow import explain, lock, plan
from harness.workflow._explaining import _closest
from harness.workflow._session import Session
from tests import synthetic
from tests.inline import NET, RECIPE
from tests.synthetic import CATALOGUE, MICRO, claim, design


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
        _closest(wanted, Stored(wider))
        == "network.layers[0].outputs 13 instead of 12; network.layers[2].inputs 13 instead of 12"
    )
    assert _closest(wanted, Stored(wider, faster)) == "recipe.batch 25 instead of 20"


def test_what_has_little_in_common_is_no_relation():
    """A stored training that differs in more than a few fields is not named."""
    other = train(mlp(64, 13, 14, 10), DIGITS, replace(RECIPE, batch=25))
    assert _closest(train(NET, DIGITS, RECIPE), Stored(other)) == ""


def test_a_claim_that_changed_since_its_lock_is_explained(monkeypatch, tmp_path):
    """Where `run` refuses it, `why` says in what its text is another one, and what would be due."""
    first = claim(design(beats("a", "b", on=DIGITS)))
    synthetic.register(monkeypatch, first)
    session = Session(
        root=tmp_path,
        catalogue=replace(CATALOGUE, folder=tmp_path),
        scale=MICRO,
        claims=(first,),
        store=tmp_path / "store",
        folder=tmp_path,
    )
    lock(session)
    now = claim(design(beats("a", "b", on=DIGITS, bound=0.3), replicates=12))
    changed = replace(session, claims=(now,))
    with pytest.raises(LockError, match="changed since version 1"):
        plan(changed)
    found = explain(changed)
    assert found.fault.startswith("changed since version 1 was locked on 2")
    assert found.fault.endswith("12 replicates, were 10; part 'a beats b': bound 0.3, was 0.4")
    assert sum(found.due.values()) == 130
    assert explain(session).fault == ""
