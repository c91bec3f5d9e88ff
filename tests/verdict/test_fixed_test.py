"""A fixed test set: one split for all replicates, stored answers, and a verdict that says where other images matter."""

from dataclasses import replace

import numpy as np
import pytest

from harness.compute._plan import Plan
from harness.compute._run import run_plan
from harness.data import _drawing as drawing
from harness.data import _splits as splits
from harness.data import _tasks as tasks
from harness.data._tasks import DIGITS
from harness.design._assertions import beats, equals, interaction, matches, slope
from harness.design._lock import Registry
from harness.design._parts import Band, percent_kept
from harness.report import _report as report
from harness.stats._assessment import Comparison, assess, decided_with
from harness.stats._kinds import BEATS, EQUALS, MATCHES, Outcome
from harness.stats._paired import Interval
from harness.store._store import Store
from harness.streams import SUITE_SEED, Replicate
from harness.verdict import _judge as judging
from harness.verdict import _results as results
from harness.workflow._collecting import collect
from harness.workflow._planning import Planned, Request
from tests import synthetic
from tests.inline import Inline
from tests.synthetic import CATALOGUE, HALVES, MICRO, arm, claim, design

FIXED = replace(DIGITS, fixed_test=True)
ONE, OTHER = Replicate(11, 0), Replicate(11, 1)
PART = beats("a", "b", on=FIXED)


# --- the split -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["validation", "test"])
def test_all_replicates_share_one_split(split):
    """With a fixed test set every replicate holds out the same images, in the same order; else its own."""
    fixed, own = ([splits.held_out(task, r, split).images for r in (ONE, OTHER)] for task in (FIXED, DIGITS))
    assert np.array_equal(*fixed)
    assert not np.array_equal(*own)
    assert len(splits.held_out(FIXED, ONE, "test").answers) == FIXED.test_examples


def test_training_images_are_the_rest_and_each_replicate_has_its_own_order():
    """Batches and calibration never touch the test images, and the data order stays the replicate's."""
    one, other = (drawing.batches(FIXED, r, 0, size=100, first=0, last=10).images for r in (ONE, OTHER))
    assert not np.array_equal(one, other)
    assert set(one.ravel()) == set(other.ravel()) == set(splits.calibration(FIXED, ONE).images.ravel())
    assert not set(one.ravel()) & set(splits.held_out(FIXED, OTHER, "test").images.ravel())


def test_a_fixed_test_set_is_another_training():
    """The key names it; the keys of tasks without one are as they were."""
    assert synthetic.dense(FIXED).key != synthetic.dense().key
    assert synthetic.dense(replace(FIXED, fixed_test=False)).key == synthetic.dense().key


# --- from the engine to results --------------------------------------------------------------------------------------


def ran(path, task, *parts, replicates=2):
    """The plan of a claim of two arms on `task`, computed."""
    arms = {"a": arm(0, task=task), "b": arm(1, task=task), "dense": synthetic.dense(task)}
    made = claim(design(*parts, arms=arms))
    block = tuple(Replicate(11, i) for i in range(replicates))
    asked = Planned.of([Request(made, made.design(MICRO), block)], Store(path))
    with asked.plan.store.writing() as writer:
        run_plan(asked.plan, writer, Inline(), provenance={})
    return asked


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return ran(tmp_path_factory.mktemp("fixed"), FIXED, PART)


def test_the_engine_stores_which_test_examples_are_right(asked):
    """One bit a test example, whose mean is the test accuracy after the last step."""
    for entry in asked.plan.store.entries.values():
        (accuracy,) = (row.value for row in asked.plan.store.rows(entry) if row.metric == "test_accuracy")
        bits = asked.plan.store.array(entry, "correct", FIXED.test_examples)
        assert (bits.dtype, bits.shape, bits.mean()) == (np.bool_, (500,), accuracy)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """The same on a task whose replicates draw test images of their own, as from round 1 on: on another seed."""
    return ran(tmp_path_factory.mktemp("split"), DIGITS, beats("a", "b", on=DIGITS), replicates=3)


def test_answers_on_images_of_its_own_say_which_they_were(split, tmp_path):
    """Each replicate's 500 images of 1,797, and which it knew; their mean is what the part reads."""
    collected, part = collect(split, scale="micro", suite_seed=11, quick=False), beats("a", "b", on=DIGITS)
    results.write_results(collected, tmp_path / "rows")
    read = results.read_results(tmp_path / "rows")
    assert read.claims["paper/claim"].examples == {"digits": 1797}
    per_image = read.correct_differences("paper/claim", part)
    assert per_image.shape == (3, 1797)
    assert np.nanmean(per_image, axis=1) == pytest.approx(read.differences("paper/claim", part))
    for r, row in enumerate(per_image):
        assert set(np.flatnonzero(np.isfinite(row))) == set(splits.pools(Replicate(11, r), DIGITS)["test"])
    lost = replace(
        read, frame=read.frame.assign(diverged=True, value=read.frame["value"].where(read.frame["arm"] != "a", 0.1))
    )
    at_chance = lost.correct_differences("paper/claim", part)
    assert np.nanmean(at_chance, axis=1) == pytest.approx(lost.differences("paper/claim", part))
    assert np.isnan(at_chance).sum() == 3 * 1297


def test_round_0_and_other_inputs_have_no_answers(split, tmp_path):
    """What was collected before stays as it was; pairs of images and all of a whole are shared with no replicate."""
    old = replace(split.requests[0], replicates=tuple(Replicate(SUITE_SEED, i) for i in range(2)))
    asked = Planned.of([old], Store(tmp_path / "old"))
    with asked.plan.store.writing() as writer:
        run_plan(asked.plan, writer, Inline(), provenance={})
    collected = collect(asked, scale="micro", suite_seed=SUITE_SEED, quick=False)
    assert "correct" not in collected.frame
    assert not collected.claims["paper/claim"].examples
    assert collected.correct_differences("paper/claim", beats("a", "b", on=DIGITS)) is None
    assert [task.keeps_answers for task in (DIGITS, tasks.MNIST, tasks.DIGIT_DIFFERENCE, tasks.XOR)] == [
        True,
        True,
        False,
        False,
    ]


def test_records_from_before_have_no_answers(split, monkeypatch):
    """A training that is stored without them, on whatever seed, leaves its claim without the second interval."""
    outs = {
        name: replace(each, outs={"end": each.outs["end"]} if "end" in each.outs else {})
        for name, each in split.plan.store.entries.items()
    }
    monkeypatch.setattr(split.plan.store, "entries", outs)
    collected = collect(split, scale="micro", suite_seed=11, quick=False)
    assert "correct" not in collected.frame
    assert not collected.claims["paper/claim"].examples


def test_answers_are_nothing_that_others_consume(asked):
    """Stored answers make nothing due; a training run again for a snapshot keeps its answers and its lineage."""
    assert asked.plan.due() == []
    (made,) = (request.claim for request in asked.requests)
    dense = synthetic.dense(FIXED)
    late = replace(arm(2, task=FIXED)[0], start=dense.at(5), first_step=5)
    more = design(PART, arms={**made.design(MICRO).arms, "late": late})
    again = Plan([Request(made, more, (ONE,)).wanted], Store(asked.plan.store.path))
    assert len(again.due()) == 2
    with again.store.writing() as writer:
        run_plan(again, writer, Inline(), provenance={})
    assert again.due() == []
    assert {"5", "end", "correct"} == again.entry(dense, ONE).outs.keys()


PARTS = [PART, beats("a", "dense", on=FIXED), interaction("a", "b", less=("b", "dense"), on=FIXED)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_differences_of_answers_average_to_the_differences(asked, tmp_path, part):
    """Collected, written and read, the answers' mean over images is what the part reads; the bytes are stable."""
    collected = collect(asked, scale="micro", suite_seed=11, quick=False)
    for name in ("one", "two"):
        results.write_results(collected, tmp_path / name)
    read = results.read_results(tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    per_image = read.correct_differences("paper/claim", part)
    assert per_image.shape == (2, 500)
    assert per_image.mean(axis=1) == pytest.approx(read.differences("paper/claim", part))


def test_a_band_reads_its_own_answers(asked):
    """Only the densities in the band are averaged."""
    part = replace(PART, band=Band(low=HALVES[1], high=HALVES[1]))
    collected = collect(asked, scale="micro", suite_seed=11, quick=False)
    per_image = collected.correct_differences("paper/claim", part)
    assert set(np.unique(per_image)) <= {-100.0, 0.0, 100.0}
    assert per_image.mean(axis=1) == pytest.approx(collected.differences("paper/claim", part))


def test_slopes_and_other_metrics_have_no_second_interval(asked):
    """Answers say nothing about a slope or about another metric."""
    collected = collect(asked, scale="micro", suite_seed=11, quick=False)
    assert collected.correct_differences("paper/claim", slope("a", "b", on=FIXED, band=percent_kept("1", "60"))) is None
    assert collected.correct_differences("paper/claim", replace(PART, metric="validation_accuracy")) is None


def test_a_diverged_training_counts_at_chance(asked):
    """Its answers do not count: every image has the accuracy that stands in its row."""
    collected = collect(asked, scale="micro", suite_seed=11, quick=False)
    frame = collected.frame.copy()
    lost = (frame["arm"] == "a") & (frame["replicate"] == 1)
    frame.loc[lost, "diverged"] = True
    frame.loc[lost & (frame["metric"] == "test_accuracy"), "value"] = 0.1
    spoiled = results.Results(frame, collected.meta)
    per_image = spoiled.correct_differences("paper/claim", PART)
    assert per_image.mean(axis=1) == pytest.approx(spoiled.differences("paper/claim", PART))


# --- the verdict -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "lower", "upper", "reproduces", "refutes"),
    [
        (BEATS, 0.1, 0.9, True, False),
        (BEATS, -0.1, 0.9, False, False),
        (BEATS, -0.1, 0.3, False, True),
        (MATCHES, -0.3, 0.9, True, False),
        (MATCHES, -0.6, 0.1, False, False),
        (MATCHES, -0.9, -0.6, False, True),
        (EQUALS, -0.3, 0.3, True, False),
        (EQUALS, -0.3, 0.6, False, False),
        (EQUALS, 0.6, 0.9, False, True),
        (EQUALS, -0.9, -0.6, False, True),
    ],
)
def test_what_an_interval_decides(kind, lower, upper, reproduces, refutes):
    """An interval decides where it excludes what the part's p-values test: 0, sesoi and margins."""
    x = np.array([0.0, 1.0])
    part = assess(Comparison(name="a", kind=kind, bound=0.5, differences=x, floors={}))
    interval = Interval(lower, upper)
    assert decided_with([(part, interval)], Outcome.REPRODUCED) is reproduces
    assert decided_with([(part, interval)], Outcome.REFUTED) is refutes


def test_reproduction_needs_all_parts_and_refutation_any():
    """As in the decision rule."""
    x = np.array([0.0, 1.0])
    part = assess(Comparison(name="a", kind=BEATS, bound=0.5, differences=x, floors={}))
    up, down = (part, Interval(0.6, 0.9)), (part, Interval(-0.9, -0.6))
    assert decided_with([up, up], Outcome.REPRODUCED)
    assert not decided_with([up, down], Outcome.REPRODUCED)
    assert decided_with([up, down], Outcome.REFUTED)
    assert not decided_with([up, up], Outcome.REFUTED)


def answered(wrong, *, a_wrong=(), examples=500, n=10):
    """Results of a claim on a fixed test set: b errs on the images `wrong(replicate)`, a always on `a_wrong`."""
    arms = {name: arm(draw, HALVES[:1], task=FIXED) for draw, name in enumerate("abd")}
    made = claim(design(PART, arms=arms, beside=(matches("a", "b", on=FIXED, floors=("d",)),)))

    def bits(name, r):
        right = np.ones(examples, bool)
        right[list({"a": a_wrong, "b": wrong(r), "d": range(0, examples, 2)}[name])] = False
        return right

    rows = synthetic.results((made, lambda name, at: [100 * bits(name, r).mean() for r in range(n)]))
    packed = [
        np.packbits(bits(*place)).tobytes() for place in zip(rows.frame["arm"], rows.frame["replicate"], strict=True)
    ]
    rows = synthetic.known(rows, made.id, examples={FIXED.name: examples})
    return made, results.Results(rows.frame.assign(correct=packed), rows.meta)


def judged(monkeypatch, tmp_path, made, rows):
    synthetic.register(monkeypatch, made)
    registry = Registry(tmp_path / "lock")
    synthetic.lock(registry, made)
    verdict = judging.judge_results(rows, registry, CATALOGUE)
    return verdict.claims[made.id], report.report_text(rows, verdict, registry, CATALOGUE, [], {})


def test_a_verdict_that_other_images_could_leave_open_says_so(monkeypatch, tmp_path):
    """All replicates err on the same images, a on 8 and b on 12 others: decided among seeds, open among images."""
    made, rows = answered(lambda r: range(12 + r % 3), a_wrong=range(100, 108))
    verdict, text = judged(monkeypatch, tmp_path, made, rows)
    (part,) = verdict.parts
    assert verdict.outcome == Outcome.REPRODUCED
    assert part.lower > 0.4 > 0 > part.both[0]
    assert verdict.for_this_test_set is True
    assert verdict.in_words(MICRO).endswith(", for this test set")
    assert "The intervals speak of other seeds on these 500 test images of digits. Widened for other test" in text
    assert "The verdict is for this test set" in text


def test_a_verdict_that_holds_for_other_images_does_not_say_so(monkeypatch, tmp_path):
    """Errors on many images: both intervals decide, the second is printed, and what stands beside has it too."""
    made, rows = answered(lambda r: range(60 + r % 3))
    verdict, text = judged(monkeypatch, tmp_path, made, rows)
    assert verdict.outcome == Outcome.REPRODUCED
    assert verdict.parts[0].both[0] > 0
    assert len(verdict.beside[0].both) == 2
    assert not verdict.for_this_test_set
    assert "Widened for other test images: a beats b +" in text
    assert "Not measured: other training images." in text
    assert "for this test set" not in text


def test_an_open_verdict_is_for_no_test_set(monkeypatch, tmp_path):
    """Where the first interval does not decide there is nothing to restrict."""
    made, rows = answered(lambda r: range(8) if r % 2 else ())
    arms = dict(made.design(MICRO).arms)
    wide = claim(design(equals("a", "b", on=FIXED, floors=("d",)), arms=arms))
    rows = synthetic.known(rows, made.id, digest=wide.digest(MICRO))
    verdict, _ = judged(monkeypatch, tmp_path, wide, rows)
    assert verdict.outcome == Outcome.INCONCLUSIVE
    assert not verdict.for_this_test_set
