"""Own data are held by what they are: a digest that is stated, or what the store's records were computed from."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import harness
from harness import SGD, Design, Recipe, Scale, Source, Task, beats, evaluate, mlp, prune, random_mask, train, workflow
from harness.compute import EXECUTORS, executor
from harness.data import SETS, data_set, load_set, shown_test_images
from harness.data._sets import Moments, data_digest
from harness.design import Catalogue
from harness.engine._course import compute
from harness.errors import DataError, DesignError
from harness.expression import describe
from harness.population import Population, Program
from harness.store import Store
from tests.command import Here
from tests.members import member

RECIPE = Recipe(optimiser=SGD(0.1), steps=40, batch=20)
NET = mlp(4, 8, 2)
KEEP = Fraction(1, 4)


class Drifting(Here):
    """An executor whose workers are given something else than the process that plans."""

    def submit(self, number, population, checkpoint=None):
        done = super().submit(number, population, checkpoint)
        done._result = replace(done.result(), data="0" * 32)
        return done


@pytest.fixture(autouse=True)
def forgotten():
    """What a test registers is forgotten after it."""
    before = [set(SETS), set(EXECUTORS)]
    executor("here")(Here)
    executor("drifting")(Drifting)
    yield
    for each, known in zip((SETS, EXECUTORS), before, strict=True):
        for name in set(each) - known:
            each.remove(name)
    load_set.cache_clear()


def clouds_by(seed=5, **how):
    """Register points of two clouds, other ones by another seed; gives the task on them."""

    @data_set("clouds", train=300, **how)
    def clouds():
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 2, 300)
        return (rng.standard_normal((300, 4)) + 3 * labels[:, None]).astype(np.float32), labels

    return Task(
        "clouds", images=1, classes=2, chance=0.5, sesoi_pp=1.0, margin_pp=1.0, source="clouds", shape=(1, 1, 4),
        train_images=200, validation_images=40, test_images=60,
    )  # fmt: skip


def session(folder, task, start=None, **how):
    """A session on a small claim on the task, in a folder with a store; its masks are those of `start`, if given."""
    dense = start or train(NET, task, RECIPE)
    arms = {
        "pruned": train(NET, task, RECIPE, mask=prune(dense, keep=KEEP), start=dense.at(0)),
        "random": train(NET, task, RECIPE, mask=random_mask(NET, keep=KEEP), start=dense.at(0)),
    }
    with Catalogue(folder / "claims").collecting() as catalogue:

        @harness.claim(
            "mine/clouds",
            statement="Clouds are told apart.",
            source=Source(version="none", place="here", published="none"),
            predicted={"micro": "reproduced"},
        )
        def clouds(scale):
            return Design(arms=arms, parts=(beats("pruned", "random", on=task),), contrast=("mask",))

    return workflow.Session(
        root=folder, catalogue=catalogue, scale=Scale.MICRO, claims=(clouds,), store=folder / "store", quick=True,
        **{"executor": "here"} | how,
    )  # fmt: skip


def test_changed_data_are_refused_before_anything_stored_is_reused(tmp_path):
    """A second run finds all there; once the function gives other arrays, plan and run say so, and what to do."""
    task = clouds_by(seed=5)
    assert workflow.run(session(tmp_path, task)).trainings == 6
    before = load_set("clouds").digest
    store = Store(tmp_path / "store")
    assert {store.provenance(entry).data for entry in store.entries.values()} == {before}
    clouds_by(seed=5)
    assert workflow.run(session(tmp_path, task)).trainings == 0
    clouds_by(seed=6)
    now = load_set("clouds").digest
    assert now != before
    told = (
        rf"data set clouds gives what has digest {now}, and 6 of .* had {before}\. Next: restore the data; or, .* raise"
    )
    for what in (workflow.plan, workflow.run):
        with pytest.raises(DataError, match=told):
            what(session(tmp_path, task))
    clouds_by(seed=6, version=2)
    assert workflow.run(session(tmp_path, replace(task, source="clouds"))).trainings == 6
    clouds_by(seed=5)
    assert workflow.run(session(tmp_path, replace(task, source="clouds@2"))).trainings == 0


def test_data_that_differ_from_process_to_process_are_not_stored(tmp_path):
    """A function that draws by no seed, or reads another file elsewhere, is told as soon as a worker has read it."""
    task = clouds_by()
    with pytest.raises(
        DataError, match=r"clouds gives what has digest \w+ here, and 0{32} in a worker\. Next: let .*clouds"
    ):
        workflow.run(session(tmp_path, task, executor="drifting"))
    assert not Store(tmp_path / "store").entries


def test_a_stated_digest_is_held_to_and_is_part_of_the_key():
    """Data that fit are taken, others refused with both digests; without one the key has none."""
    bare = clouds_by()
    right = load_set("clouds").digest
    stated = clouds_by(digest=right)
    assert load_set("clouds").digest == right
    assert "digest" not in describe(train(NET, bare, RECIPE))["task"]
    assert describe(train(NET, stated, RECIPE))["task"]["digest"] == right
    assert replace(stated, name="other").digest == right
    assert replace(stated, source="digits", shape=(1, 8, 8)).digest == ""
    clouds_by(seed=6, digest=right)
    told = (
        rf"data set clouds: .*clouds gives what has digest (\w+), and stated is {right}\. Next: restore .* digest='\1'"
    )
    with pytest.raises(DataError, match=told):
        load_set("clouds")


IMAGES, LABELS, PLAIN = np.zeros((6, 4), np.float32), np.arange(6), Moments((0.0,), (1.0,))


def one_pixel():
    """The images with one pixel more than black."""
    images = IMAGES.copy()
    images[3, 2] = 1e-30
    return images


@pytest.mark.parametrize(
    "other",
    [
        (one_pixel(), LABELS, 5, PLAIN),
        (IMAGES, LABELS[::-1].copy(), 5, PLAIN),
        (IMAGES.reshape(4, 6), LABELS, 5, PLAIN),
        (IMAGES.view(np.uint8), LABELS, 5, PLAIN),
        (IMAGES, LABELS, 4, PLAIN),
        (IMAGES, LABELS, 5, Moments((0.5,), (1.0,))),
    ],
    ids=["pixel", "labels", "shape", "dtype", "split", "moments"],
)
def test_a_digest_is_of_all_that_is_trained_from(other):
    """Any pixel, label, shape, type, the number for training and the moments; and of nothing else."""
    assert data_digest(IMAGES.copy(order="F"), LABELS.copy(), 5, PLAIN) == data_digest(IMAGES, LABELS, 5, PLAIN)
    assert data_digest(*other) != data_digest(IMAGES, LABELS, 5, PLAIN)


def test_what_is_computed_says_from_what():
    """A training and an evaluation give the digest, and a checkpoint of other data is not gone on from."""
    task = clouds_by()
    seen = []

    class Saver:
        def load(self, population, made_with):
            seen.append(made_with["data"])

        def due(self, *, at_end):
            return False

    for node in (train(NET, task, RECIPE), evaluate(NET, task)):
        program = Program.of(node)
        computed = compute(Population(program, (member(program, 0),)), saver=Saver())
        assert computed.data == load_set("clouds").digest
    assert seen == [load_set("clouds").digest]


def test_another_version_of_a_data_set_is_seen_through(tmp_path):
    """What a start has learned from an earlier version is found by its pixels among the later one's test images."""
    first = clouds_by(seed=5)
    learned = train(NET, first, RECIPE)
    clouds_by(seed=5, version=2)
    later = replace(first, source="clouds")
    assert (first.source, later.source) == ("clouds", "clouds@2")
    other = replace(later, train_images=150, validation_images=40, test_images=110)
    assert (shown_test_images(first, later), shown_test_images(first, other)) == (0, 50)
    arm = train(NET, other, RECIPE, start=learned.at("end"))
    with pytest.raises(DesignError, match=r"of whose 110 test images 50 were shown to a training on clouds"):
        workflow.plan(session(tmp_path, other, start=arm))
    clouds_by(seed=6, version=3)
    assert shown_test_images(first, replace(other, source="clouds@3")) == 0
