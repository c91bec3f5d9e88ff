"""What is measured without training: accuracy on a split, along a path between two trainings, magnitudes.

Also tests `engine._survivors`.
"""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from harness.compute._run import run_plan
from harness.data import _splits as splits
from harness.data import _tasks as tasks
from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS
from harness.design import _metrics as metrics
from harness.design._assertions import beats, matches
from harness.design._check import check_design, differences
from harness.design._claim import Design
from harness.design._parts import percent_kept
from harness.design._variants import VARIANTS, rewrite, shorten
from harness.engine._course import compute
from harness.engine._survivors import BINS, magnitude_rows
from harness.errors import DesignError
from harness.expression import (
    Scope,
    Scores,
    Snapshot,
    between,
    consumed,
    density,
    evaluate,
    fresh,
    lineage,
    magnitudes,
    prune,
    random_mask,
    resample,
    train,
)
from harness.expression._masks import ones, prune_by_magnitude, random_bits
from harness.networks._initial import initial_values
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.population._population import Population, Program, Row, unit_name
from harness.store._store import Store
from harness.streams import Replicate
from harness.verdict import _results as results
from harness.workflow._collecting import collect
from harness.workflow._planning import Planned, Request
from tests.inline import Inline, small_claim
from tests.members import member, population
from tests.synthetic import MICRO, claim

NET = mlp(64, 14, 10, batch_norm=True)
RECIPE = Recipe(optimiser=Adam(1e-2), steps=40, batch=50, validate_every=40)
HALF, FIFTH = Fraction(1, 2), Fraction(1, 5)
REPLICATES = tuple(Replicate(11, i) for i in range(2))

DENSE = train(NET, DIGITS, RECIPE)
TICKET = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=HALF), start=DENSE.at(0))
COPY = train(NET, DIGITS, RECIPE, mask=prune(DENSE, keep=HALF), start=DENSE.at(0), streams={"order": 1})
APART = between(TICKET, COPY, points=5)
BIN_OF_FC1 = "magnitude_bin/fc1"


def computed(path, *nodes, parts=(), contrast=("start", "streams")):
    """The plan of a claim with an arm for each node, computed."""
    design = Design(arms={str(i): node for i, node in enumerate(nodes)}, parts=parts, contrast=contrast)
    asked = Planned.of([Request(small_claim(lambda scale: design), design, REPLICATES)], Store(path))
    with asked.plan.store.writing() as writer:
        run_plan(asked.plan, writer, Inline(), provenance={})
    assert asked.plan.due() == []
    return asked


def stored(plan, node, replicate=REPLICATES[0]):
    """The rows of a node, by metric and step."""
    return {(row.metric, row.step): row.value for row in plan.store.rows(plan.entry(node, replicate))}


NODES = {
    "end": evaluate(NET, DIGITS, weights=TICKET.at("end"), mask=TICKET.mask),
    "copy": evaluate(NET, DIGITS, weights=COPY.at("end"), mask=TICKET.mask),
    "train": evaluate(NET, DIGITS, weights=TICKET.at("end"), mask=TICKET.mask, split="train"),
    "validation": evaluate(NET, DIGITS, weights=TICKET.at("end"), mask=TICKET.mask, split="validation"),
    "path": APART,
    "itself": between(TICKET, TICKET, 5),
    "from the start": between(DENSE.at(0), DENSE, 3),
    "magnitudes": magnitudes(NET, DIGITS, weights=DENSE.at(0), mask=TICKET.mask),
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """Two trainings of one ticket, and all that is measured of them."""
    return computed(tmp_path_factory.mktemp("store"), TICKET, *NODES.values()).plan


# --- splits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replicate", REPLICATES)
def test_an_evaluated_end_has_the_training_s_own_accuracy(plan, replicate):
    """The same weights under the same mask, measured again: the same bits, on the test and on the validation set."""
    trained, again = (stored(plan, node, replicate) for node in (TICKET, NODES["validation"]))
    for metric in ("test_accuracy", "test_loss", "validation_accuracy", "validation_loss"):
        assert again[metric, 0] == trained[metric, RECIPE.steps]
    assert stored(plan, NODES["end"], replicate) == {
        (f"test_{what}", 0): trained[f"test_{what}", RECIPE.steps] for what in ("accuracy", "loss")
    }


def test_train_accuracy_is_that_on_the_training_images(plan):
    """As numpy counts it, with BatchNorm by the calibration inputs; the gap is train minus test accuracy."""
    found = stored(plan, NODES["train"])
    entry = plan.entry(TICKET, REPLICATES[0])
    flat = plan.store.array(entry, "end", NET.flat_size).astype(np.float64)
    w = {t.name: flat[t.slice].reshape(t.shape) for t in NET.tensors()}
    images, labels = splits.source()
    pool = splits.pools(REPLICATES[0])["train"]

    def hidden(chosen):
        return images[chosen] @ w["fc1.weight"]

    moments = hidden(splits.calibration(DIGITS, REPLICATES[0]).images[:, 0])
    unit = (hidden(pool) - moments.mean(0)) / np.sqrt(moments.var(0) + 1e-5)
    answers = (np.maximum(unit * w["bn1.scale"] + w["bn1.shift"], 0) @ w["output.weight"] + w["output.bias"]).argmax(1)
    assert found["train_accuracy", 0] == pytest.approx((answers == labels[pool]).mean(), abs=1.5e-3)
    assert found["generalisation_gap", 0] == found["train_accuracy", 0] - found["test_accuracy", 0]
    assert found["train_accuracy", 0] > found["test_accuracy", 0]
    assert found.keys() == {
        ("generalisation_gap", 0), *((f"{s}_{m}", 0) for s in ("train", "test") for m in ("accuracy", "loss"))
    }  # fmt: skip


def test_training_examples_are_as_many_as_are_said(monkeypatch):
    """Images up to a limit, and the calibration pairs of a task of pairs, none of them held out."""
    monkeypatch.setattr(tasks, "TRAIN_EXAMPLES", 300)
    for task in (DIGITS, DIGIT_DIFFERENCE, replace(DIGITS, train_images=200)):
        drawn, pools = splits.trained_on(task, REPLICATES[0]), splits.pools(REPLICATES[0], task)
        assert len(drawn.answers) == len(drawn.images) == task.examples("train")
        assert set(drawn.images.ravel()) <= set(pools["train"])
    assert [task.examples("train") for task in (DIGITS, DIGIT_DIFFERENCE)] == [300, 1000]


def test_a_split_is_its_own_key_and_the_test_set_is_the_default():
    """Nothing said is the key of before; another split is another node; an unknown one is refused."""
    assert evaluate(NET, DIGITS, split="test") == evaluate(NET, DIGITS)
    assert len({evaluate(NET, DIGITS, split=split).key for split in ("test", "train", "validation")}) == 3
    with pytest.raises(DesignError, match=r"unknown split 'tran'; did you mean train\? Splits: test, train"):
        evaluate(NET, DIGITS, split="tran")


def test_answers_are_kept_where_the_test_set_is_fixed():
    """An evaluation on another split keeps which test answers are right, as one on the test set does."""
    program = Program(mlp(64, 14, 10), replace(DIGITS, fixed_test=True))
    for each in (program, replace(program, measurement=Program.of(evaluate(NET, DIGITS, split="train")).measurement)):
        (result,) = compute(population(each, [0])).members
        assert result.arrays["correct"].mean() == next(r.value for r in result.rows if r.metric == "test_accuracy")


# --- paths -----------------------------------------------------------------------------------------------------------


def test_the_ends_of_a_path_are_the_two_trainings(plan):
    """The first and last point are evaluations of `a` and `b`, to the bit; the middle one of the mean of the two."""
    found = stored(plan, APART)
    for step, node in ((0, "end"), (4, "copy")):
        for what in ("accuracy", "loss"):
            assert found[f"path_{what}", step] == stored(plan, NODES[node])[f"test_{what}", 0]
    a, b = (plan.store.array(plan.entry(n, REPLICATES[0]), "end", NET.flat_size) for n in (TICKET, COPY))
    middle = replace(member(Program(NET, DIGITS), 0), replicate=REPLICATES[0], start=(a + b) / 2, mask=None)
    (result,) = compute(Population(Program(NET, DIGITS), (middle,))).members
    expected = {row.metric: row.value for row in result.rows}
    assert found["path_accuracy", 2] == expected["test_accuracy"]
    assert found["path_loss", 2] == pytest.approx(expected["test_loss"], rel=1e-6)


@pytest.mark.parametrize("node", [APART, NODES["from the start"]])
def test_barrier_and_distance_are_what_they_say(plan, node):
    """The highest error above the mean of the ends; the Euclidean norm over weights, biases and BatchNorm left out."""
    for replicate in REPLICATES:
        found = stored(plan, node, replicate)
        error = [1 - found["path_accuracy", i] for i in range(node.points)]
        assert found["barrier", 0] == pytest.approx(max(error) - (error[0] + error[-1]) / 2, abs=1e-12)
        assert found["barrier", 0] >= 0
        flat = plan.store.array(plan.entry(node.b.training, replicate), "end", NET.flat_size)
        start = initial_values(NET, replicate, "init", 0)
        if node is APART:
            start = plan.store.array(plan.entry(TICKET, replicate), "end", NET.flat_size)
        a, b = (
            np.concatenate([each[t.slice] for t in NET.prunable().values()]).astype(float) for each in (start, flat)
        )
        assert found["distance", 0] == pytest.approx(math.dist(a, b), rel=1e-9)
        assert found["relative_distance", 0] == pytest.approx(
            math.dist(a, b) * 2 / (math.hypot(*a) + math.hypot(*b)), rel=1e-9
        )
    assert stored(plan, NODES["from the start"])["barrier", 0] > 0


PATH = replace(Program.of(between(TICKET, COPY, points=4)), network=mlp(64, 33, 17, 10))


def on_a_path(index):
    return replace(member(PATH, index, keep=Fraction(1)), mask=None, end=member(PATH, index + 50).start)


def test_packed_paths_equal_alone():
    """First, middle and last of 9 have the rows they have alone, to the bit."""
    packed = compute(Population(PATH, tuple(on_a_path(i) for i in range(9)))).members
    for i in (0, 4, 8):
        assert compute(Population(PATH, (on_a_path(i),))).members[0].rows == packed[i].rows


@pytest.mark.parametrize(("which", "value"), [("start", np.nan), ("end", np.nan), ("end", 1e30)])
def test_no_path_leads_to_a_copy_that_diverged(which, value):
    """Its barrier is that of chance, not the 0 of a flat path; it has no distance; neighbours are as they are."""
    good = on_a_path(0)
    wild = replace(good, **{which: np.full_like(good.start, value)})
    one, other = compute(Population(PATH, (wild, good))).members
    found = {row.metric: row.value for row in one.rows}
    assert (one.diverged, other.diverged) == (True, False)
    assert (found["path_accuracy"], found["barrier"]) == (DIGITS.chance, 1 - DIGITS.chance)
    assert math.isnan(found["distance"]) == math.isnan(value)
    assert other.rows == compute(Population(PATH, (good,))).members[0].rows


def test_a_path_waits_for_both_copies_and_is_due_when_either_changes(plan):
    """Its lineage has both ends; it takes no mask, and is at the density of the two."""
    assert consumed(APART) == (Snapshot(TICKET, "end"), Snapshot(COPY, "end"))
    assert lineage([APART]) == [DENSE, TICKET, COPY, APART]
    assert density(APART) == HALF
    (packed,) = plan.pack([plan.units[unit_name(APART, REPLICATES[0])]]).members
    for node, flat in ((TICKET, packed.start), (COPY, packed.end)):
        np.testing.assert_array_equal(flat, plan.store.array(plan.entry(node, REPLICATES[0]), "end", NET.flat_size))
    assert packed.mask is None
    ins = plan.entry(APART, REPLICATES[0]).ins
    assert ins == {f"{n.key}@end": plan.entry(n, REPLICATES[0]).outs["end"] for n in (TICKET, COPY)}


def test_paths_of_levels_and_arms_pack_together():
    """What is between trainings of any mask, start or recipe on one task is one program; other points are another."""
    dense = between(DENSE, train(NET, DIGITS, RECIPE, streams={"order": 1}), 5)
    assert Program.of(dense) == Program.of(APART) == Program.of(APART).packs
    assert Program.of(between(TICKET, COPY)) != Program.of(APART)
    assert dict(Program.of(between(TICKET, COPY)).measurement.settings) == {"points": 11}


ELSEWHERE = train(NET, replace(DIGITS, version=2), RECIPE)
OTHER = train(mlp(64, 15, 10, batch_norm=True), DIGITS, RECIPE)


@pytest.mark.parametrize(
    ("a", "b", "points", "message"),
    [
        (fresh(), resample(random_mask(NET, keep=HALF)), 11, "one of them a training's"),
        (train(NET, DIGITS, RECIPE, learn=Scores(HALF)), DENSE, 11, "a training of scores as the end of a path"),
        (TICKET, COPY, 2, "a barrier needs both ends and one between"),
        (DENSE, ELSEWHERE, 11, "on digits and on digits"),
        (DENSE, OTHER, 11, "a network with other tensors"),
    ],
)
def test_paths_that_measure_nothing_are_refused(a, b, points, message):
    """Copies of other tasks or shapes, no training, and too few points are DesignErrors."""
    with pytest.raises(DesignError, match=message):
        between(a, b, points)


def late(step, order=0, **changed):
    given = {"mask": prune(DENSE, keep=HALF), "start": DENSE.at(step), "first_step": step} | changed
    return train(NET, DIGITS, RECIPE, streams={"order": order}, **given)


def test_paths_differ_in_what_their_trainings_differ_in():
    """A contrast speaks of the trainings at the ends: other starts are no other masks, though the nodes are others."""
    one, other = between(late(0), late(0, order=1)), between(late(5), late(5, order=1))
    assert set(differences(one, other)) == {"start", "first_step"}
    assert set(differences(one, between(late(0), late(0, order=2)))) == {"streams.order"}
    assert set(differences(one, between(late(0), late(0, order=1), 3))) == {"points"}
    assert set(differences(one, between(late(0).at(7), late(0, order=1).at(7)))) == {"step"}
    assert set(differences(between(fresh(), DENSE), between(DENSE.at(7), DENSE))) == {"a"}
    control = between(late(0, mask=random_mask(NET, keep=HALF)), late(0, order=1, mask=random_mask(NET, keep=HALF)))
    assert set(differences(one, control)) == {"mask"}
    part = beats("late", "zero", on=DIGITS, metric="barrier")
    design = Design(arms={"zero": one, "late": other}, parts=(part,), contrast=("start", "first_step"))
    check_design(claim(design), MICRO)
    with pytest.raises(DesignError, match="differ in first_step, which is not in the contrast"):
        check_design(claim(replace(design, contrast=("start",))), MICRO)


@pytest.mark.parametrize(
    ("metric", "measured"),
    [
        ("barrier", {"path"}),
        ("stability", {"path"}),
        ("log_distance", {"path"}),
        ("log_magnitude_ratio/fc1", {"magnitudes"}),
        ("near_zero/output", {"magnitudes"}),
        ("near_zero/fc9", set()),
        ("train_accuracy", {"train"}),
        ("generalisation_gap", {"train"}),
        ("validation_accuracy", {"validation", "training"}),
        ("early_stop_accuracy", {"training"}),
        ("test_accuracy", {"end", "train", "validation", "training"}),
        ("converged", {"end", "train", "validation", "training"}),
    ],
)
def test_a_part_is_refused_where_its_metric_is_not_measured(metric, measured):
    """What a node does not measure is found before anything is trained."""
    node = {"end": NODES["end"], "train": NODES["train"], "validation": NODES["validation"], "path": APART}
    node |= {"magnitudes": NODES["magnitudes"], "training": TICKET}
    other = {
        name: between(late(5), late(5, order=1), 5)
        if name == "path"
        else replace(each, mask=random_mask(NET, keep=HALF))
        for name, each in node.items()
    }
    for name in node:
        part = beats("a", "b", on=DIGITS, metric=metric)
        design = Design(
            arms={"a": node[name], "b": other[name]}, parts=(part,), contrast=("mask", "start", "first_step")
        )
        if name in measured:
            check_design(claim(design), MICRO)
        else:
            with pytest.raises(DesignError, match=rf"arm 'a' does not measure {metric}.* Next: "):
                check_design(claim(design), MICRO)


def test_a_part_reads_a_barrier(tmp_path):
    """Rows of the metric a part names reach the results, at the density of the copies."""
    part = beats("0", "1", on=DIGITS, metric="barrier")
    dense = between(DENSE, train(NET, DIGITS, RECIPE, streams={"order": 1}), 3)
    asked = computed(tmp_path, APART, dense, parts=(part,), contrast=("start", "mask"))
    found = collect(asked, scale="micro", suite_seed=11, quick=False)
    table = found.values("tests/small", "0", metric="barrier")
    assert list(table.columns) == [0.5]
    expected = [
        stored(asked.plan, APART, r)["barrier", 0] - stored(asked.plan, dense, r)["barrier", 0] for r in REPLICATES
    ]
    assert found.differences("tests/small", part) == pytest.approx([100 * value for value in expected])


def test_a_path_to_itself_has_no_barrier(plan):
    """The reference of a part that says how low a barrier is differs from it in nothing but the copy's data order."""
    for replicate in REPLICATES:
        found = stored(plan, NODES["itself"], replicate)
        assert found["barrier", 0] == pytest.approx(0, abs=1 / 500)  # an answer of 500, that rounding may turn
        assert found["distance", 0] == 0
    assert set(differences(APART, NODES["itself"])) == {"streams.order"}


def test_stability_is_minus_the_barrier():
    """In units of what papers call stable, a barrier below 2 pp, whatever the task."""
    one = metrics.metric("stability")
    assert one.read({"barrier": Row("barrier", 0, 0.3)}).value == -0.3
    for task in (DIGITS, DIGIT_DIFFERENCE):
        assert matches("a", "b", on=task, floors=(), metric="stability").bound == 2.0
        assert beats("a", "b", on=task, metric="stability").bound == 2.0
        assert beats("a", "b", on=task, metric="barrier").bound == task.sesoi_pp


def test_results_keep_the_series_that_a_part_s_metric_sums_up(tmp_path):
    """Every point of the path, every bin of the layer that is read and of no other, written and read again."""
    sizes = [magnitudes(NET, DIGITS), magnitudes(NET, DIGITS, mask=TICKET.mask)]
    parts = (beats("0", "1", on=DIGITS, metric="barrier"), beats("2", "3", on=DIGITS, metric="near_zero/fc1"))
    dense = between(DENSE, train(NET, DIGITS, RECIPE, streams={"order": 1}), 3)
    asked = computed(tmp_path, APART, dense, *sizes, parts=parts, contrast=("start", "mask"))
    results.write_results(collect(asked, scale="micro", suite_seed=11, quick=False), tmp_path / "r.parquet")
    found = results.read_results(tmp_path / "r.parquet")
    for arm, node, metric in ((0, APART, "path_accuracy"), (1, dense, "path_accuracy"), (3, sizes[1], BIN_OF_FC1)):
        table = found.series("tests/small", str(arm), metric)
        assert list(table.index) == [0, 1]
        for replicate, row in zip(REPLICATES, table.to_numpy(), strict=True):
            rows = stored(asked.plan, node, replicate)
            assert row.tolist() == [rows[metric, step] for step in table.columns]
            assert len(row) == sum(name == metric for name, _ in rows)
    assert not found.series("tests/small", "2", BIN_OF_FC1).empty
    read = {"path_accuracy", BIN_OF_FC1, "barrier", "near_zero/fc1"}
    assert set(found.frame["metric"]) == read  # neither losses along the path nor another layer's bins


def test_results_over_densities_keep_no_series(tmp_path):
    """A curve shows numbers over density; a series a density would fill the file with what nothing shows."""
    levels = [magnitudes(NET, DIGITS, mask=random_mask(NET, keep=keep)) for keep in (HALF, FIFTH)]
    design = Design(
        arms={"levels": levels, "all": magnitudes(NET, DIGITS)},
        parts=(beats("levels", "all", on=DIGITS, metric="near_zero/fc1", band=percent_kept("10", "60")),),
        contrast=("mask",),
    )
    asked = Planned.of([Request(small_claim(lambda scale: design), design, REPLICATES)], Store(tmp_path))
    with asked.plan.store.writing() as writer:
        run_plan(asked.plan, writer, Inline(), provenance={})
    found = collect(asked, scale="micro", suite_seed=11, quick=False)
    kept = found.values("tests/small", "levels", metric="near_zero/fc1").columns
    assert list(kept) == pytest.approx([0.5, 0.2], abs=1e-3)
    assert found.series("tests/small", "levels", BIN_OF_FC1).empty
    assert len(found.series("tests/small", "all", BIN_OF_FC1).columns) == BINS


def test_paths_and_magnitudes_are_rewritten_with_their_trainings():
    """A variant changes the recipe at both ends, a quick run cuts both, and what is between them stays that."""
    made = {"path": between(late(0).at(20), late(5, order=1)), "size": magnitudes(NET, DIGITS, mask=late(0).mask)}
    design = Design(arms=made, parts=(), contrast=())
    changed = rewrite(design, recipe=VARIANTS["half-rate"].change)
    (path,), (size,) = (changed.points[arm][HALF] for arm in made)
    halved = replace(RECIPE, optimiser=Adam(5e-3))
    assert {n.recipe for n in lineage([path]) if n is not path} == {halved}
    assert size.mask.source.training.recipe == halved
    assert (path.a.step, path.b.step, path.points) == (20, "end", 11)
    (short,) = shorten(replace(design, arms={"path": made["path"]}), by=10).points["path"][HALF]
    assert short.a.training.recipe.steps == short.b.training.recipe.steps == 4
    assert 0 < short.a.step < 4


# --- magnitudes ------------------------------------------------------------------------------------------------------

PLAIN = mlp(64, 30, 10)


def sizes(weights, mask, network=PLAIN):
    return {(row.metric, row.step): row.value for row in magnitude_rows(network, weights, mask)}


def test_survivors_like_the_others_have_ratio_one_and_a_fifth_near_zero():
    """A random mask keeps a layer's distribution, one by magnitude keeps none near zero and has the larger ones."""
    replicate = Replicate(3, 1)
    weights = initial_values(PLAIN, replicate, "init", 0)
    random = sizes(weights, random_bits(PLAIN, HALF, replicate, 0))
    largest = sizes(weights, prune_by_magnitude(PLAIN, weights, ones(PLAIN), HALF, Scope.LAYER))
    for layer, size in (("fc1", 1920), ("output", 300)):
        deviations = 4 / math.sqrt(size)
        assert random[f"magnitude_ratio/{layer}", 0] == pytest.approx(1, abs=deviations)
        assert random[f"near_zero/{layer}", 0] == pytest.approx(0.2, abs=deviations)
        assert largest[f"magnitude_ratio/{layer}", 0] == pytest.approx(1.59, abs=deviations)  # of a normal's upper half
        assert largest[f"near_zero/{layer}", 0] == 0
        every = sizes(weights, ones(PLAIN))
        assert (every[f"magnitude_ratio/{layer}", 0], every[f"near_zero/{layer}", 0]) == (1, 0.2)


def test_magnitudes_of_a_layer_counted_by_hand():
    """Ten weights of which two are kept, in units of their root mean square; other layers have their own."""
    network = mlp(2, 5, 2)
    fc1, output = network.prunable().values()
    weights, mask = np.zeros(network.flat_size, np.float32), ones(network)
    weights[fc1.slice] = [0.0, -1.0, 2.0, -3.0, 4.0, -5.0, 6.0, -7.0, 8.0, -9.0]  # of squares 28.5, its root 5.339
    mask[fc1.slice] = [False, True, False, False, False, False, False, False, False, True]
    weights[output.slice] = [1000, *[1] * 9]
    mask[output.slice] = [True, *[False] * 9]
    found = sizes(weights, mask, network)
    assert found["magnitude_ratio/fc1", 0] == pytest.approx(5 / 4.5)
    assert found["near_zero/fc1", 0] == 0.5  # 0 and -1 are the smallest fifth, of which -1 is one of two survivors
    assert [found["magnitude_bin/fc1", i] for i in range(BINS)] == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert [found["magnitude_bin/output", i] for i in range(BINS)] == [0] * 11 + [1]
    mask[output.slice] = False
    found = sizes(weights, mask, network)
    assert math.isnan(found["magnitude_ratio/output", 0])
    assert math.isnan(found["near_zero/output", 0])
    assert sum(found["magnitude_bin/output", i] for i in range(BINS)) == 0


def test_magnitudes_are_of_the_mask_and_the_start(plan):
    """What is stored is of the initial weights that the ticket's mask keeps."""
    node = NODES["magnitudes"]
    end = plan.store.array(plan.entry(DENSE, REPLICATES[0]), "end", NET.flat_size)
    mask = prune_by_magnitude(NET, end, ones(NET), HALF, Scope.LAYER)
    weights = initial_values(NET, REPLICATES[0], "init", 0)
    found = stored(plan, node)
    assert found == sizes(weights, mask, NET)
    assert found["magnitude_ratio/output", 0] > 1
    assert density(node) == HALF
    assert density(magnitudes(NET, DIGITS)) == 1
    assert consumed(node) == (Snapshot(DENSE, "end"),)


def test_magnitudes_of_what_was_removed_are_refused():
    """Where a mask had removed weights these are 0, not what a layer started with."""
    with pytest.raises(DesignError, match=r"removed before.*Next: weights= of the dense training"):
        magnitudes(NET, DIGITS, weights=TICKET.at("end"), mask=TICKET.mask)
