"""Claims along a width and along a density, and one that counts masks, from plan to report.

The first two say what double descent says; the third what the layers and inputs of masks say.
"""

from dataclasses import replace
from fractions import Fraction

import pytest

import harness
from harness import (
    DIGITS,
    SGD,
    Axis,
    Band,
    Decision,
    Design,
    Recipe,
    Scale,
    Source,
    Switches,
    beats,
    compare_masks,
    erk,
    evaluate,
    fresh,
    mlp,
    noisy,
    percent_kept,
    prune,
    random_mask,
    shuffle,
    structure,
    train,
    workflow,
)
from harness.design import Catalogue
from harness.errors import DesignError
from harness.report._hypothesis import in_words
from tests.report.drawn import texts

RECIPE = Recipe(optimiser=SGD(0.1), steps=80, batch=20)
WIDTHS = (2, 4, 8, 16, 32)


def by_width(task):
    """What a training on `task` answers of the clean digits, at each width."""
    nets = {width: mlp(64, width, 10) for width in WIDTHS}
    return {w: evaluate(net, DIGITS, weights=train(net, task, RECIPE).at("end")) for w, net in nets.items()}


def widths(scale):
    """With noisy labels accuracy over the width rises, falls and rises again; without noise it does not."""
    noisy_arm, clean = by_width(noisy(DIGITS, Fraction(3, 20))), by_width(DIGITS)
    return Design(
        arms={"noisy": noisy_arm, "clean": clean, "clean at 8": {8: clean[8]}},
        axis=Axis("width", unit="units"),
        parts=(
            beats("noisy", "clean", on=DIGITS, reading="dip"),
            beats("noisy", "clean at 8", on=DIGITS, reading="dip place", bound=10),
            beats("clean", "noisy", on=DIGITS, band=Band(low=8, high=8)),
        ),
        beside=(beats("clean at 8", "clean", on=DIGITS, reading="dip", label="no dip without noise"),),
        contrast=("weights", "network"),
    )


def densities(scale):
    """Over density, towards sparsity, against the same masks trained otherwise."""
    dense = train(mlp(64, 12, 10), DIGITS, RECIPE)
    masks = [prune(dense, keep=Fraction(1, k)) for k in (2, 4, 8, 16)]
    arms = {
        name: [train(mlp(64, 12, 10), DIGITS, recipe, mask=mask, start=dense.at(0)) for mask in masks]
        for name, recipe in (("noisy", RECIPE), ("clean", RECIPE.with_lr(0.01)))
    }
    part = beats("noisy", "clean", on=DIGITS, band=percent_kept("5", "60"), reading="dip")
    return Design(arms=arms, parts=(part,), contrast=("recipe.optimiser.lr",))


def collapse(scale):
    """All layers of a deep net compete for few weights, or each keeps its share; nothing is trained."""
    deep = mlp(64, 20, 20, 20, 10)
    keeps = [Fraction(1, k) for k in (2, 30, 300)]
    arms = {
        "all compete": [structure(prune(fresh(), keep=k, scope="global", network=deep), DIGITS) for k in keeps],
        "each layer": [structure(random_mask(deep, keep=erk(deep, k)), DIGITS) for k in keeps],
    }
    few = {"on": DIGITS, "band": percent_kept("0.1", "1")}
    parts = (
        beats("each layer", "all compete", metric="smallest_layer", label="smallest layer", **few),
        beats("all compete", "each layer", metric="empty_layers", label="empty layers", **few),
    )
    beside = beats("each layer", "all compete", metric="has_path", label="path", **few)
    return Design(arms=arms, parts=parts, beside=(beside,), contrast=("mask",), decision=Decision.SIGN_FLIP)


def local(scale):
    """Units' neighbouring inputs against two nulls, and how far a mask is from the one that follows it."""
    dense = train(mlp(64, 12, 10), DIGITS, RECIPE)
    masks = {step: prune(dense.at(step), keep=Fraction(1, 5), network=dense.network) for step in (0, 20, 40)}
    last = prune(dense, keep=Fraction(1, 5))
    return Design(
        arms={
            "mask": {step: structure(mask, DIGITS) for step, mask in masks.items()},
            "shuffled": {step: structure(shuffle(mask), DIGITS) for step, mask in masks.items()},
            "within units": {step: structure(shuffle(mask, within="unit"), DIGITS) for step, mask in masks.items()},
            "to the last": {step: compare_masks(mask, last, DIGITS) for step, mask in masks.items()},
            "chance": {step: compare_masks(shuffle(mask), last, DIGITS) for step, mask in masks.items()},
        },
        axis=Axis("step", log=False),
        parts=(
            beats("mask", "shuffled", on=DIGITS, metric="adjacent_pairs/fc1", label="pairs"),
            beats("mask", "within units", on=DIGITS, metric="adjacent_pairs/fc1", label="pairs, fan-in kept"),
            beats("to the last", "chance", on=DIGITS, metric="overlap", label="overlap"),
        ),
        contrast=("mask",),
    )


def shrinks(scale):
    """How many weights stay only training tells: they are the outcome, along what a switch costs."""
    costs = (Fraction(1, 100), Fraction(3, 10))
    free, dear = (
        {c: train(mlp(64, 12, 10), DIGITS, RECIPE, learn=Switches(penalty=float(c * of), threshold=0.2)) for c in costs}
        for of in (0, 1)
    )
    return Design(
        arms={
            "free": {cost: structure(net.learned_mask(), DIGITS) for cost, net in free.items()},
            "dear": {cost: structure(net.learned_mask(), DIGITS) for cost, net in dear.items()},
            "accurate": dear,
        },
        axis=Axis("penalty"),
        parts=(beats("free", "dear", on=DIGITS, metric="smallest_layer"),),
        contrast=("mask",),
    )


@pytest.fixture
def project(tmp_path):
    """A session on a folder with these claims, to be run quickly in this process."""
    with Catalogue(tmp_path / "claims").collecting() as catalogue:
        for name, build in (
            ("widths", widths),
            ("densities", densities),
            ("collapse", collapse),
            ("local", local),
            ("shrinks", shrinks),
        ):
            harness.claim(
                f"mine/{name}",
                statement="With noise test accuracy falls and rises again.",
                source=Source(version="none", place="here", published="none"),
                predicted={"micro": "reproduced"},
            )(build)
    return workflow.Session(
        root=tmp_path, catalogue=catalogue, scale=Scale.MICRO, claims=tuple(catalogue.claims.values()),
        store=tmp_path / "store", quick=True, executor="local",
    )  # fmt: skip


def test_double_descent_goes_from_plan_to_report(project, monkeypatch):
    """It is planned, run, judged and reported; points are named as widths, in order, in table and figure."""
    from harness.compute import EXECUTORS
    from tests.command import Here

    monkeypatch.setitem(EXECUTORS._things, "local", Here)
    assert workflow.plan(project).totals.different == 2 * (4 * len(WIDTHS) + 1 + 2 * 4 + 6 + 1 + 5 * 3 + 2 * 3)
    workflow.run(project)
    workflow.judge(project)
    text = workflow.report(project).read_text()
    assert "dip of noisy − dip of clean" in text
    assert "| width: mean |" in text
    assert "width 2 units: " in text
    assert "| percent kept: mean |" in text
    figure = (project.out / "figures" / "mine-widths.svg").read_text()
    assert "width (units, log scale)" in texts(figure)
    ticks = [line for line in texts(figure) if line in map(str, WIDTHS)]
    assert ticks[: len(WIDTHS)] == ["2", "4", "8", "16", "32"]
    collapsed = texts((project.out / "figures" / "mine-collapse.svg").read_text())
    assert "layers that keep no weight (layers)" in collapsed
    assert "nets with a path to an output (%)" in collapsed
    assert "> 0, sesoi 0.5 layers" in text
    near = texts((project.out / "figures" / "mine-local.svg").read_text())
    assert "fc1: neighbouring pairs (per 100 weights)" in near
    assert "step" in near
    assert "weights kept (%, log scale)" in texts((project.out / "figures" / "mine-densities.svg").read_text())


def test_weights_that_only_training_counts_are_an_outcome(project, monkeypatch):
    """They have no count in the rows, and along a density an arm may not have them."""
    from harness.compute import EXECUTORS
    from harness.verdict import read_results
    from tests.command import Here

    monkeypatch.setitem(EXECUTORS._things, "local", Here)
    alone = replace(project, claims=(project.catalogue.claims["mine/shrinks"],))
    workflow.run(alone)
    frame = read_results(alone.out / "results.parquet").frame
    assert set(frame["kept"]) == {-1}
    assert frame.loc[frame["metric"] == "smallest_layer", "value"].between(0, 1).sum() == 2 * 2 * 2
    workflow.judge(alone)
    assert "mine/shrinks" in workflow.report(alone).read_text()
    by_density = Design(arms={"net": shrinks("micro").points["accurate"][Fraction(3, 10)]})
    with pytest.raises(DesignError, match="another axis than density"):
        by_density.points  # noqa: B018


def test_the_hypothesis_says_along_what_it_is_read():
    """Where there is a band the band, else from the first point to the last; a place has a unit of its own."""
    said = in_words(widths("micro"), locked=True)
    assert "(1) dip of noisy − dip of clean in test accuracy, over width 2 units to 32, is above 0" in said
    assert "(2) place of the dip of noisy − place of the dip of clean at 8 in test accuracy" in said
    assert "smallest effect of interest 10 log points" in said
    assert "(3) clean − noisy in test accuracy, at width 8 units, is above 0" in said
    assert "dip of noisy − dip of clean in test accuracy, over 5 to 60 % of the weights kept," in in_words(
        densities("micro"), locked=True
    )
