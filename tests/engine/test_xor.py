"""XOR: all there is to learn are four points, and a replicate is a block of nets of which a share learns them."""

from dataclasses import replace

import numpy as np
import pytest

from harness.data import _drawing as drawing
from harness.data import _sets as data
from harness.data import _splits as splits
from harness.data._tasks import XOR
from harness.design._assertions import beats
from harness.design._claim import Design, Scale
from harness.errors import DesignError
from harness.expression import evaluate, fresh, train
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.store._store import Store
from harness.streams import Replicate
from harness.verdict import _results as results
from harness.workflow._collecting import collect
from harness.workflow._planning import Planned, Request
from tests.inline import Inline, small_claim

RECIPE = Recipe(optimiser=Adam(3e-2), steps=200, batch=4, validate_every=200)
BLOCK = 12


@pytest.mark.parametrize("replicate", [Replicate(1, 0), Replicate(1, 1)])
def test_every_split_is_all_four_points(replicate):
    """Nothing is held back: trained, validated and tested on the same four, for every replicate."""
    images, labels = splits.source(XOR.source)
    assert images.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert labels.tolist() == [0, 1, 1, 0]
    for split in ("validation", "test"):
        held_out = splits.held_out(XOR, replicate, split)
        assert (held_out.images[:, 0].tolist(), held_out.answers.tolist()) == ([0, 1, 2, 3], [0, 1, 1, 0])
    batches = drawing.batches(XOR, replicate, 0, size=4, first=3, last=9)
    assert np.sort(batches.images[..., 0]).tolist() == [[0, 1, 2, 3]] * 6
    np.testing.assert_array_equal(batches.answers, labels[batches.images[..., 0]])
    assert splits.calibration(XOR, replicate).images.shape == (4, 1)
    pixels = data.load_set(XOR.source).images
    moments = data.SETS[XOR.source].moments
    assert (pixels.mean(), pixels.std()) == (moments.mean[0], moments.sd[0])


@pytest.mark.parametrize("changed", [{"train_images": 3}, {"test_images": 5}, {"fixed_test": True}])
def test_what_is_all_there_is_cannot_be_held_back(changed):
    """Some of the points, more than there are, or a test set that stands for others, are refused."""
    with pytest.raises(DesignError, match=r"the 4 images of xor, which are all there are.* Next: "):
        replace(XOR, **changed)


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """Results of blocks of nets with ten hidden units and with two, and of one untrained net."""
    arms = {
        f"{k} hidden": [train(mlp(2, k, 2), XOR, RECIPE, start=fresh("init", draw=i)) for i in range(BLOCK)]
        for k in (10, 2)
    }
    arms["untrained"] = evaluate(mlp(2, 2, 2), XOR)
    part = beats("10 hidden", "2 hidden", on=XOR, metric="converged")
    built = Design(arms=arms, parts=(part,), contrast=("network", "start"))
    request = Request(small_claim(lambda scale: built), built, tuple(Replicate(11, i) for i in range(2)))
    asked = Planned.of([request], Store(tmp_path_factory.mktemp("store")))
    plan = asked.plan
    with plan.store.writing() as writer:
        while units := plan.next_population(set(), idle=1):
            population = plan.pack(units)
            writer.add(population, Inline().submit(0, population).result(), PROVENANCE)
    return collect(asked, scale=Scale.MICRO, suite_seed=11, quick=False), part


PROVENANCE = {"device": "cpu"}


def test_a_replicate_is_the_share_of_its_block_that_converged(collected):
    """One number a replicate: of its nets, those that answer all four points; more of the larger ones."""
    found, part = collected
    accuracy = found.frame[(found.frame["arm"] == "2 hidden") & (found.frame["metric"] == "test_accuracy")]
    expected = [(accuracy[accuracy["replicate"] == r]["value"] == 1).mean() * 100 for r in (0, 1)]
    assert len(accuracy) == 2 * BLOCK
    assert accuracy["value"].isin([0.25, 0.5, 0.75, 1]).all()
    assert found.read("tests/small", "2 hidden", part) == pytest.approx(expected)
    assert all(0 < share < 100 for share in expected)
    assert (found.differences("tests/small", part) > 0).all()
    assert (found.read("tests/small", "untrained", part) == 0).all()


def test_only_parts_that_read_it_have_the_rows(collected):
    """The rows of other claims stay what they were."""
    found, _ = collected
    assert "converged" not in results.ALWAYS_KEPT
    rows = found.frame[found.frame["metric"] == "converged"]
    assert len(rows) == 2 * (2 * BLOCK + 1)
    assert rows["value"].isin([0, 1]).all()
