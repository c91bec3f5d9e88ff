"""Fingerprints guard what a key means: five steps of every root training of the locked claims, against committed ones.

Draws are compared exactly, losses to 1e-4 or three times what one unit in the last place of every weight moves them, if
that is more: another processor passes, a changed engine does not. After a change that is meant, raise `Recipe.version`
and write them anew: ``python -m tests.engine.test_fingerprint``.
"""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compute._plan import Plan, Wanted
from harness.design._claim import Scale
from harness.engine._measuring import Evaluator
from harness.expression import Fresh, Training, lineage
from harness.population import jolted
from harness.store._records import digest
from harness.store._store import Store
from harness.streams import Replicate
from tests.members import begun
from tests.project import catalogue

COMMITTED = Path(__file__).parent / "fingerprints.json"
STEPS = 5
JOLTS = 8


def roots():
    """Return the trainings of the claims that take nothing from another one, by key, with the plan they are in.

    Of a block of nets that differ in nothing but the draw of their initial weights, only draw 0.
    """
    wanted = [
        Wanted(claim.id, claim.design(Scale.MICRO).nodes, (Replicate(1, 0),))
        for claim in catalogue().select([], Scale.MICRO)
        if not claim.id.startswith("example")
    ]
    plan = Plan(wanted, Store(Path("no store is needed")))
    nodes = lineage(unit.node for unit in plan.units.values())
    chosen = [n for n in nodes if isinstance(n, Training) and n.mask is None and isinstance(n.start, Fresh)]
    return plan, {node.key: node for node in chosen if node.start.draw == 0}


def packed(plan, node):
    """Return the population of one member that trains `node`."""
    return plan.pack([next(unit for unit in plan.units.values() if unit.node == node)])


def fingerprint(population):
    """Return digests of the member's draws and its validation loss after a few steps."""
    (member,) = population.members
    updates = begun(population)
    data = updates.feed
    images = data.batches(0, STEPS).images
    drawn = {
        "start": digest(member.start),
        "batches": digest(images.numpy().astype("float32")),
        "validation": digest(data.held_out("validation")[0].numpy().astype("float32")),
    }
    if member.scores is not None:
        drawn["scores"] = digest(member.scores)
    for _ in itertools.islice(updates.run(), STEPS):
        pass
    loss_R, _ = Evaluator(population, updates.stack, data, "validation")()
    return {"drawn": drawn, "loss": float(loss_R[0])}


def rounding(population):
    """Return the largest relative change of that loss where every weight starts one unit in the last place away.

    Signed constants make sums that cancel, of which rounding decides whether a ReLU passes them: .005 instead of 1e-8.
    """
    loss = fingerprint(population)["loss"]
    moved = (replace(population, members=tuple(map(jolted(seed), population.members))) for seed in range(JOLTS))
    return max(abs(fingerprint(each)["loss"] / loss - 1) for each in moved)


def test_every_root_training_has_its_fingerprint():
    """The committed file speaks of exactly the trainings that the claims have now."""
    assert json.loads(COMMITTED.read_text()).keys() == roots()[1].keys()


@pytest.mark.parametrize("key", sorted(json.loads(COMMITTED.read_text())) if COMMITTED.is_file() else [])
def test_a_key_still_means_the_same(key):
    """Draws are bit-equal, and the loss after five steps is equal but for rounding."""
    committed = json.loads(COMMITTED.read_text())[key]
    plan, nodes = roots()
    now = fingerprint(packed(plan, nodes[key]))
    assert now["drawn"] == committed["drawn"]
    assert now["loss"] == pytest.approx(committed["loss"], rel=max(1e-4, 3 * committed["rounding"]))


if __name__ == "__main__":
    made, nodes = roots()
    populations = {key: packed(made, node) for key, node in nodes.items()}
    found = {key: fingerprint(each) | {"rounding": float(f"{rounding(each):.1e}")} for key, each in populations.items()}
    COMMITTED.write_text(json.dumps(found, indent=1) + "\n")
