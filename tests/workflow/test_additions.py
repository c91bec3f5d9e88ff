"""One new thing, one file: five things added from here, each to a claim that runs quickly, is judged and reported."""

from fractions import Fraction

import numpy as np
import pytest

import harness
from harness import SGD, Design, Recipe, Scale, Source, Task, asserts, beats, mlp, prune, random_mask, train, workflow
from harness.compute import EXECUTORS, executor
from harness.data import SETS, data_set
from harness.design import METRICS, Catalogue, Metric, add_metric
from harness.expression import CRITERIA, criterion
from harness.stats import KINDS, Bound, Kind, above, add_kind, below
from tests.command import Here

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=SGD(0.1), steps=40, batch=20)
KEEP = Fraction(1, 4)


class Counting(Here):
    """An executor of this module: trains in this process and counts what it is given."""

    computed = 0

    def submit(self, number, population, checkpoint=None):
        type(self).computed += 1
        return super().submit(number, population, checkpoint)


@pytest.fixture(autouse=True)
def forgotten():
    """What a test adds is forgotten after it."""
    everything = (CRITERIA, SETS, METRICS, KINDS, EXECUTORS)
    before = [set(each) for each in everything]
    executor("counting")(Counting)
    yield
    for each, known in zip(everything, before, strict=True):
        for name in set(each) - known:
            each.remove(name)


def arms(task=harness.DIGITS, net=NET, **how):
    """Two tickets of one net: pruned, and at random."""
    dense = train(net, task, RECIPE)
    mask = prune(dense, keep=KEEP, **how)
    return {
        "pruned": train(net, task, RECIPE, mask=mask, start=dense.at(0)),
        "random": train(net, task, RECIPE, mask=random_mask(net, keep=KEEP), start=dense.at(0)),
    }


def reported(folder, arms, part):
    """Run a claim of these arms quickly, judge and report it; return its report, its rows' claims and its trainings."""
    with Catalogue(folder / "claims").collecting() as catalogue:

        @harness.claim(
            "mine/addition",
            statement="What was added is used.",
            source=Source(version="none", place="here", published="none"),
            predicted={"micro": "reproduced"},
        )
        def addition(scale):
            return Design(arms=arms, parts=(part,), contrast=("mask",))

    session = workflow.Session(
        root=folder, catalogue=catalogue, scale=Scale.MICRO, claims=(addition,), store=folder / "store", quick=True,
        executor="counting",
    )  # fmt: skip
    ran = workflow.run(session)
    assert ran.results is not None
    assert ran.trainings >= 2 * len(arms)
    workflow.judge(session)
    text = workflow.report(session).read_text()
    assert "### mine/addition" in text
    assert list((session.out / "figures").glob("mine-addition.svg"))
    return text


def test_a_criterion(tmp_path):
    """Weights of even places stay first: a function of a layer's arrays, named in prune()."""

    @criterion("even places")
    def even_places(weights, alive):
        return np.arange(weights.size).reshape(weights.shape) % 2 == 0

    found = arms(by="even places")
    assert harness.expression.describe(found["pruned"].mask)["rule"] == "even places"
    assert "pruned − random" in reported(tmp_path, found, beats("pruned", "random", on=harness.DIGITS))


def test_a_task(tmp_path):
    """Points of two clouds: a function that gives arrays, named by a task."""

    @data_set("clouds", train=300)
    def clouds():
        rng = np.random.default_rng(5)
        labels = rng.integers(0, 2, 300)
        return (rng.standard_normal((300, 4)) + 3 * labels[:, None]).astype(np.float32), labels

    task = Task(
        "clouds", images=1, classes=2, chance=0.5, sesoi_pp=1.0, margin_pp=1.0, source="clouds", shape=(1, 1, 4),
        train_images=200, validation_images=40, test_images=60,
    )  # fmt: skip
    text = reported(tmp_path, arms(task, mlp(4, 8, 2)), beats("pruned", "random", on=task))
    assert "MLP 4-8-2" in text
    assert "on clouds: weights" in text


def test_an_executor(tmp_path):
    """A class of this module computes all populations, named in the session."""
    before = Counting.computed
    reported(tmp_path, arms(), beats("pruned", "random", on=harness.DIGITS))
    assert Counting.computed > before


def test_a_metric(tmp_path):
    """The logarithm of the validation accuracy, made of what trainings store, with bounds of its own."""
    add_metric(Metric("log_validation", "validated as right", "validation_accuracy", log=True, bounds=(5.0, 5.0)))
    part = beats("pruned", "random", on=harness.DIGITS, metric="log_validation")
    assert part.bound == 5.0
    text = reported(tmp_path, arms(), part)
    assert "validated as right" in text
    assert "> 0, sesoi 5 log points" in text


def test_a_kind_of_comparison(tmp_path):
    """Worse by more than the sesoi: one object with its sides and words, named by a part."""
    add_kind(
        Kind(
            name="trails", held_to=Bound.SESOI, reproduced=(below(-1),), refuted=(above(-1),), floor=0, planned_at=-2,
            shown="below -{bound}", asserted="< −{bound}", drawn="sesoi −{bound}",
        )
    )  # fmt: skip
    part = asserts("trails", "random", "pruned", on=harness.DIGITS)
    text = reported(tmp_path, arms(), part)
    assert "random trails pruned" in text
    assert "< −0.4 pp" in text
