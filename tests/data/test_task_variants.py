"""Variants of a task: what they change, what they leave alone, and that no split leaks between them.

Also tests `data._labels` and `data._rearranged`.
"""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data import _drawing as drawing
from harness.data import _finding
from harness.data import _splits as splits
from harness.data._finding import FOLDER_OPTION
from harness.data._labels import answered, with_noise
from harness.data._labels import noisy as noisy_examples
from harness.data._rearranged import column_scales, places
from harness.data._sets import load_set
from harness.data._splits import shown_test_images
from harness.data._task_variants import fewer, mirrored, noisy, permuted, relabelled, subset
from harness.data._tasks import (
    DIGIT_DIFFERENCE,
    DIGITS,
    MNIST,
    MNIST1D,
    XOR,
    Scaling,
)
from harness.design._assertions import beats
from harness.design._catalogue import Catalogue
from harness.design._check import check_design
from harness.design._claim import Design, Scale
from harness.engine._course import compute
from harness.engine._feed import Feed
from harness.errors import DataError, DesignError
from harness.expression import describe, evaluate, prune, train
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Recipe
from harness.population._population import Population, Program
from harness.streams import Replicate
from harness.workflow._planning import make_plan
from harness.workflow._session import Session
from tests.inline import small_claim
from tests.members import member

ONE, OTHER = Replicate(11, 0), Replicate(11, 1)
FIFTH = Fraction(1, 5)
RECIPE = Recipe(optimiser=SGD(0.1, momentum=0.9), steps=60, batch=20, validate_every=30)
ODD = relabelled(DIGITS, lambda digit: digit % 2, name="odd digits")
FEW_CLASSES = subset(DIGITS, (7, 1, 4), train=220, validation=40, test=100)
VARIANTS = {
    "noise": noisy(DIGITS, FIFTH),
    "permuted": permuted(DIGITS),
    "one permutation": permuted(DIGITS, seed=3),
    "mirrored": mirrored(DIGITS),
    "fewer": fewer(DIGITS, 100),
    "relabelled": ODD,
    "subset": FEW_CLASSES,
    "all": noisy(permuted(mirrored(fewer(FEW_CLASSES, 100))), Fraction(1, 3)),
    "columns": replace(DIGITS, name="columns", scaling=Scaling.COLUMNS),
    "range": replace(permuted(DIGITS), scaling=Scaling.RANGE),
    "pairs": mirrored(permuted(replace(DIGIT_DIFFERENCE, scaling=Scaling.RANGE))),
}


# --- label noise -----------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 300), st.fractions(0, 1), st.integers(2, 12), st.integers(0, 50))
def test_noise_changes_an_exact_share_to_another_class(n, share, classes, index):
    """Round-half-up(n share) answers are another class, others as they were; of a larger share the same and more."""
    answers = np.arange(n) % classes
    noised = with_noise(answers, share, classes, Replicate(7, index))
    changed = noised != answers
    assert changed.sum() == noisy_examples(n, share) == int(np.floor(float(n * share) + 0.5 + 1e-12))
    assert noised.min() >= 0
    assert noised.max() < classes
    most = with_noise(answers, Fraction(1), classes, Replicate(7, index))
    np.testing.assert_array_equal(noised[changed], most[changed])


def test_noise_takes_every_other_class_as_often():
    """Each of the nine others about a ninth of the time, whatever the label was."""
    answers = np.repeat(np.arange(10), 2000)
    noised = with_noise(answers, Fraction(1), 10, ONE)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (answers, noised), 1)
    assert not counts.diagonal().any()
    others = counts[~np.eye(10, dtype=bool)]
    assert ((others - 2000 / 9) ** 2 / (2000 / 9)).sum() < 130  # chi-squared, 80 degrees: p of about 3e-4


def test_noise_is_a_replicate_s_own_and_touches_training_labels_alone():
    """Two replicates have other noise, two arms the same; validation, test and images are those without noise."""
    task = noisy(DIGITS, FIFTH)
    for split in ("validation", "test"):
        clean, left = splits.held_out(DIGITS, ONE, split), splits.held_out(task, ONE, split)
        np.testing.assert_array_equal(clean.answers, left.answers)
        np.testing.assert_array_equal(clean.images, left.images)
    taught, true = splits.trained_on(task, ONE), splits.trained_on(DIGITS, ONE)
    np.testing.assert_array_equal(taught.images, true.images)
    assert (taught.answers != true.answers).sum() == 200
    same = splits.trained_on(task, ONE).answers
    np.testing.assert_array_equal(taught.answers, same)
    wrong = [
        set(np.flatnonzero(splits.trained_on(task, r).answers != splits.trained_on(DIGITS, r).answers))
        for r in (ONE, OTHER)
    ]
    assert wrong[0] != wrong[1]


@pytest.mark.parametrize("draw", [0, 1])
def test_batches_teach_what_is_measured(draw):
    """An image is taught with the label that training accuracy is measured on, in every epoch and data order."""
    task = noisy(DIGITS, FIFTH)
    known = splits.trained_on(task, ONE)
    label_of = dict(zip(known.images[:, 0], known.answers, strict=True))
    batches = drawing.batches(task, ONE, draw, size=60, first=0, last=40)
    assert [label_of[image] for image in batches.images.ravel()] == batches.answers.ravel().tolist()
    clean = drawing.batches(DIGITS, ONE, draw, size=60, first=0, last=40)
    np.testing.assert_array_equal(batches.images, clean.images)


def test_noisy_labels_are_learned_and_clean_ones_are_read():
    """A net that learns its noisy examples by heart: accuracy on them, on their true labels, and on the test set."""
    task = noisy(fewer(DIGITS, 200), FIFTH)
    net = mlp(64, 200, 10)
    recipe = Recipe(optimiser=SGD(0.2, momentum=0.9), steps=600, batch=20, validate_every=600)
    program = Program(net, task, recipe)
    (result,) = compute(Population(program, (member(program, 0),))).members
    end = replace(member(program, 0), start=result.arrays["end"])
    read = {}
    for name, on in (("taught", task), ("true", fewer(DIGITS, 200))):
        asked = Program.of(evaluate(net, on, split="train"))
        (measured,) = compute(Population(asked, (end,))).members
        read |= {f"{name} {row.metric}": row.value for row in measured.rows}
    (tested,) = (row.value for row in result.rows if row.metric == "test_accuracy")
    assert read["taught train_accuracy"] == 1
    assert read["true train_accuracy"] == pytest.approx(0.8)
    assert read["taught test_accuracy"] == read["true test_accuracy"] == tested
    assert 0.5 < tested < 0.95


# --- labels ----------------------------------------------------------------------------------------------------------


def test_a_subset_has_its_classes_numbered_in_order():
    """Images of 7, 1 and 4 alone, called 0, 1 and 2; the first such ones of each part of the digits' own split."""
    labels = load_set("digits").labels
    base, few = splits.pools(ONE, DIGITS), splits.pools(ONE, FEW_CLASSES)
    for split, count in (("train", 220), ("validation", 40), ("test", 100)):
        expected = [image for image in base[split] if labels[image] in (7, 1, 4)][:count]
        assert few[split].tolist() == expected
    held = splits.held_out(FEW_CLASSES, ONE, "test")
    assert [(7, 1, 4)[answer] for answer in held.answers] == labels[held.images[:, 0]].tolist()
    assert (FEW_CLASSES.classes, FEW_CLASSES.chance) == (3, pytest.approx(1 / 3))


def test_labels_are_replaced_by_what_a_function_gives():
    """Of every split, and the function's values are in the key; chance is that of the largest super-class."""
    labels = load_set("digits").labels
    for made in (splits.trained_on(ODD, ONE), splits.held_out(ODD, ONE, "test")):
        np.testing.assert_array_equal(made.answers, labels[made.images[:, 0]] % 2)
    uneven = relabelled(DIGITS, lambda digit: digit > 6, name="large")
    assert (uneven.classes, uneven.chance) == (2, 0.7)
    assert describe(train(mlp(64, 2), ODD, RECIPE))["task"]["answers"] == [0, 1] * 5
    assert train(mlp(64, 2), ODD, RECIPE).key == train(mlp(64, 2), replace(ODD), RECIPE).key


def test_variants_of_variants_are_one_table():
    """Super-classes of some classes, and some of the super-classes, each label told once."""
    both = relabelled(FEW_CLASSES, lambda answer: answer % 2, name="both")
    assert both.answers == (None, 1, None, None, 0, None, None, 0, None, None)
    thirds = relabelled(DIGITS, lambda digit: digit % 3, name="thirds")
    assert subset(thirds, (2, 0), train=500, validation=100, test=200).answers == (
        1,
        None,
        0,
        1,
        None,
        0,
        1,
        None,
        0,
        1,
    )


@given(st.lists(st.integers(0, 9), max_size=30), st.permutations(range(10)), st.integers(2, 10))
def test_answers_are_a_table_of_labels(labels, order, kept):
    """Each label's answer is the table's, -1 where it has none; without a table nothing changes."""
    table = tuple(order.index(label) if order.index(label) < kept else None for label in range(10))
    found = answered(np.array(labels, np.int64), table).tolist()
    assert found == [-1 if table[label] is None else table[label] for label in labels]
    assert answered(np.array(labels, np.int64), ()).tolist() == labels


# --- inputs ----------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([DIGITS, DIGIT_DIFFERENCE, MNIST1D]), st.booleans())
def test_a_permutation_is_one(index, task, both):
    """Every value of an input is shown once, each image's within itself, and all images of an input alike."""
    shown = places(permuted(mirrored(task) if both else task), Replicate(5, index))
    assert sorted(shown) == list(range(task.inputs))
    pixels = task.inputs // task.images
    for image in range(task.images):
        np.testing.assert_array_equal(shown[image * pixels : (image + 1) * pixels], shown[:pixels] + image * pixels)


def test_a_permutation_is_a_replicate_s_own_or_one_for_all():
    """Without a seed replicates have others; with one they share it, and another seed is another one."""
    own = [places(permuted(DIGITS), replicate) for replicate in (ONE, OTHER)]
    shared = [places(permuted(DIGITS, seed=seed), r) for seed, r in ((1, ONE), (1, OTHER), (2, ONE))]
    assert not np.array_equal(*own)
    np.testing.assert_array_equal(shared[0], shared[1])
    assert not np.array_equal(shared[0], shared[2])
    assert permuted(DIGITS, seed=0) != permuted(DIGITS)


def test_images_are_mirrored_in_every_row_and_channel():
    """Columns from right to left; rows and channels stay."""
    task = mirrored(replace(MNIST, source="cifar-10", shape=(3, 32, 32), train_images=100, validation_images=50))
    pixels = np.arange(3072).reshape(3, 32, 32)
    np.testing.assert_array_equal(places(task, ONE), pixels[:, :, ::-1].ravel())
    assert places(MNIST, ONE) is None


def feed(task, *indices):
    """What a population of these replicates is shown of a task."""
    program = Program(mlp(task.inputs, task.classes), task, RECIPE)
    return Feed(Population(program, tuple(member(program, i) for i in indices)), torch.device("cpu"))


def test_inputs_are_moved_as_said():
    """Training and test inputs of each member, value by value, as its own permutation says."""
    both, plain = feed(permuted(DIGITS), 0, 1), feed(DIGITS, 0, 1)
    for split in ("train", "test"):
        images = both.held_out(split)[0]
        for row in (0, 1):
            moved = places(permuted(DIGITS), Replicate(7, row))
            shown, were = both.inputs(images)[row].numpy(), plain.inputs(images)[row].numpy()
            np.testing.assert_array_equal(shown, were[:, moved])


@pytest.mark.parametrize("task", [DIGITS, DIGIT_DIFFERENCE], ids=lambda task: task.name)
@pytest.mark.parametrize("scaling", [Scaling.COLUMNS, Scaling.RANGE])
def test_columns_are_scaled_by_what_is_trained_on(scaling, task):
    """Over a replicate's training images each input has mean 0 and sd 1, or goes from 0 to 1; constant ones are 0."""
    scaled = replace(task, scaling=scaling)
    shown = feed(scaled, 3)
    pool = splits.pools(Replicate(7, 3), task)["train"]
    inputs = shown.inputs(torch.from_numpy(np.repeat(pool[:, None], task.images, 1))[None])[0].numpy()
    varies = np.tile(np.ptp(load_set("digits").images[pool], axis=0) > 0, task.images)
    assert not inputs[:, ~varies].any()
    if scaling is Scaling.COLUMNS:
        assert inputs[:, varies].mean(0) == pytest.approx(0, abs=1e-5)
        assert inputs[:, varies].std(0) == pytest.approx(1, abs=1e-5)
    else:
        assert inputs[:, varies].min(0) == pytest.approx(0, abs=1e-6)
        assert inputs[:, varies].max(0) == pytest.approx(1, abs=1e-6)
    others = [column_scales(scaled, replicate)[1] for replicate in (ONE, OTHER)]
    assert not np.array_equal(*others)


def test_bytes_are_scaled_like_the_numbers_they_are(monkeypatch):
    """Of uint8 images, which are divided by 255 first, mean and sd are those of values 0 to 1."""
    scales = column_scales(replace(DIGITS, scaling=Scaling.COLUMNS), ONE)
    images = load_set("digits").images
    monkeypatch.setattr("harness.data._rearranged.source", lambda name: ((images * 16).astype(np.uint8), None))
    as_bytes = column_scales(replace(DIGITS, scaling=Scaling.COLUMNS), ONE)
    assert as_bytes[0] * 255 / 16 == pytest.approx(scales[0], abs=1e-6)
    assert as_bytes[1] * 255 / 16 == pytest.approx(np.where(scales[1] == 1, 255 / 16, scales[1]), abs=1e-5)


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_packed_equals_alone_on_every_variant(name):
    """Weights, curve and answers of a member among five are those that it has alone."""
    task = VARIANTS[name]
    program = Program(mlp(task.inputs, 33, task.classes), task, RECIPE)
    packed = compute(Population(program, tuple(member(program, i) for i in range(5)))).members
    for i in (0, 3):
        (alone,) = compute(Population(program, (member(program, i),))).members
        assert packed[i].rows == alone.rows
        for slot, values in alone.arrays.items():
            np.testing.assert_array_equal(packed[i].arrays[slot], values)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_goes_on_where_it_was(name):
    """From at(20) training ends bit for bit where the uninterrupted one ends."""
    task = VARIANTS[name]
    program = Program(mlp(task.inputs, 9, task.classes), task, replace(RECIPE, optimiser=SGD(0.1)))
    m = member(program, 1)
    whole = compute(Population(program, (m,), snapshots=(20,))).members[0].arrays
    rest = compute(Population(replace(program, first_step=20), (replace(m, start=whole["20"]),))).members[0].arrays
    np.testing.assert_array_equal(rest["end"], whole["end"])


def test_variants_have_keys_of_their_own_and_the_task_keeps_its():
    """No two are one training, and a task that changes nothing is described as ever."""
    keys = {train(mlp(task.inputs, task.classes), task, RECIPE).key for task in VARIANTS.values()}
    assert len(keys) == len(VARIANTS)
    assert len({train(mlp(64, 10), permuted(DIGITS, seed), RECIPE).key for seed in (None, 0, 1)}) == 3
    assert set(describe(train(mlp(64, 10), DIGITS, RECIPE))["task"]) == {
        "is", "name", "images", "classes", "chance", "sesoi_pp", "margin_pp",
    }  # fmt: skip


# --- splits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learned", VARIANTS)
@pytest.mark.parametrize("measured", VARIANTS)
def test_no_variant_is_shown_what_another_is_tested_on(learned, measured):
    """Whatever is left out, renamed or moved: in every replicate the images themselves are held back."""
    one, other = VARIANTS[learned], VARIANTS[measured]
    assert shown_test_images(one, other) == 0
    for replicate in (ONE, OTHER):
        shown = splits.pools(replicate, one)
        tested = splits.pools(replicate, other)["test"]
        assert not np.isin(tested, np.concatenate([shown["train"], shown["validation"]])).any()


@pytest.mark.parametrize(
    "variant",
    [
        lambda task: noisy(permuted(mirrored(task)), FIFTH),
        lambda task: fewer(task, 1200),
        lambda task: relabelled(task, lambda digit: digit % 2, name="odd"),
        lambda task: subset(task, (1, 2, 3, 4, 5), train=400, validation=20, test=80),
    ],
    ids=["noisy, permuted and mirrored", "fewer", "relabelled", "subset"],
)
def test_another_split_is_seen_through_a_variant(variant):
    """A start or a mask from a variant of another split of the digits was shown test images, however they looked."""
    other = replace(DIGITS, name="other split", train_images=1300, validation_images=97, test_images=400)
    task = variant(other)
    net = mlp(64, 12, task.classes)
    assert shown_test_images(task, DIGITS) > 0
    assert shown_test_images(task, noisy(DIGITS, FIFTH)) > 0
    learned = train(net, task, RECIPE)
    if task.classes == 10:
        arm = train(net, DIGITS, RECIPE, mask=prune(learned, keep=FIFTH), start=learned.at(0))
        with pytest.raises(DesignError, match=r"'arm' is measured on digits, of whose 500 test images .* were shown"):
            check_design(small_claim(lambda scale: designed(arm)), Scale.MICRO)


def designed(arm):
    """A design that compares an arm with a net that saw nothing."""
    dense = train(arm.network, DIGITS, RECIPE)
    return Design(
        arms={"dense": dense, "arm": arm}, parts=(beats("arm", "dense", on=DIGITS),), contrast=("mask", "start")
    )


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: noisy(DIGITS, 0.2), r"label noise 0.2. Next: a share, as Fraction\(3, 20\)"),
        (lambda: noisy(DIGITS, Fraction(6, 5)), "label noise Fraction.6, 5."),
        (lambda: noisy(noisy(DIGITS, FIFTH), FIFTH), "it has label noise. Next: start from the task without"),
        (lambda: noisy(DIGIT_DIFFERENCE, FIFTH), "makes its answers of 2 labels"),
        (lambda: relabelled(DIGIT_DIFFERENCE, lambda d: d % 2, name="odd"), "makes its answers of 2 labels"),
        (lambda: permuted(permuted(DIGITS)), "it is permuted. Next: start from the task that is not"),
        (lambda: mirrored(mirrored(DIGITS)), "it is mirrored"),
        (lambda: replace(DIGITS, permutation=3), "has a permutation and is not permuted"),
        (lambda: fewer(DIGITS, 1001), "fewer.digits, 1001.. Next: ask for 1 to 1000 examples"),
        (lambda: fewer(DIGITS, 0), "Next: ask for 1 to 1000"),
        (lambda: replace(fewer(DIGITS, 10), test_images=501), "501 test images of 500"),
        (
            lambda: subset(DIGITS, (1, 12), train=1, validation=1, test=1),
            "digits has no class 12. Next: name some of 0 to 9",
        ),
        (lambda: subset(DIGITS, (1,), train=1, validation=1, test=1), "name two or more, each once"),
        (lambda: subset(DIGITS, (1, 1, 2), train=1, validation=1, test=1), "name two or more, each once"),
        (
            lambda: relabelled(DIGITS, lambda d: d + 1, name="one up"),
            r"become \[1, 2, .* Next: let by= give all numbers",
        ),
        (lambda: relabelled(DIGITS, lambda d: 0, name="one"), r"become \[0\]"),
        (lambda: replace(DIGITS, answers=(0, 11)), r"calls labels \[0, 11\], and has 10 classes"),
        (lambda: fewer(XOR, 2), "which are all there are"),
    ],
)
def test_variants_that_cannot_be_are_refused(make, told):
    """With what to do, before anything is planned."""
    with pytest.raises(DesignError, match=told):
        make()


def test_more_of_a_class_than_there_are_is_refused_while_planning():
    """With as many as every replicate's split has, six deviations less than the mean: 302, 90 and 151 of 3 classes."""
    task = subset(DIGITS, (7, 1, 4), train=260, validation=40, test=100)
    told = r"takes 260 . 40 . 100 images, and of the 1000 . 297 . 500 .* train=(\d+), validation=(\d+), test=(\d+)"
    with pytest.raises(DesignError, match=told) as raised:
        splits.check_task(task)
    train, validation, test = map(int, re.search(told, str(raised.value)).groups())
    assert (220 < train < 260, 40 < validation < 60, 90 < test < 130) == (True, True, True)
    least = replace(task, train_images=train, validation_images=validation, test_images=test)
    splits.check_task(least)
    for index in range(200):
        assert [len(pool) for pool in splits.pools(Replicate(3, index), least).values()] == [train, validation, test]
    with pytest.raises(DataError, match=r"takes 900 train images, and a replicate's split has .* with its labels"):
        splits.pools(ONE, replace(task, train_images=900))


def test_test_images_of_their_own_may_be_more_than_the_others():
    """They are counted, not drawn: of MNIST-1D's 12,000 some 6,000 have one of five classes, of 5,000 others 2,337."""
    told = r"Next: ask for no more than train=19\d\d, validation=4\d\d, test=5992"
    with pytest.raises(DesignError, match=told):
        splits.check_task(subset(MNIST1D, range(5), train=1900, validation=400, test=6000))
    splits.check_task(subset(MNIST1D, range(5), train=1900, validation=400, test=5992))


def test_data_that_a_check_needs_are_found_first(tmp_path, monkeypatch):
    """To count the images of some classes a real data set is read while planning: looked for, or fetched, before."""
    few = subset(MNIST, (3, 5), train=100, validation=10, test=50)
    dense = train(mlp(784, 9, 2), few, RECIPE)
    arms = {"pruned": train(mlp(784, 9, 2), few, RECIPE, mask=prune(dense, keep=FIFTH)), "dense": dense}
    design = Design(arms=arms, parts=(beats("pruned", "dense", on=few),), contrast=("mask",))
    claim = small_claim(lambda scale: design)
    monkeypatch.setenv(FOLDER_OPTION, "")
    asked = []
    monkeypatch.setattr(_finding, "_download", asked.append)
    session = Session(
        root=tmp_path, catalogue=Catalogue(tmp_path), scale=Scale.MICRO, claims=(claim,), store=tmp_path / "store",
        data_dir=tmp_path / "none", download=True,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"the data set mnist is not there. Looked in .*none \(--data-dir\)"):
        make_plan(session)
    assert asked == ["mnist"]


def test_a_class_that_no_image_has_is_refused():
    """A table may call a label that the data set does not have; its task would learn of fewer classes than it says."""
    longer = replace(DIGITS, name="longer", classes=11, answers=(*range(9), None, 9, 10), within=DIGITS.split)
    with pytest.raises(DesignError, match=r"has label 10, and no image of digits does. Next: leave it out"):
        splits.check_task(longer)
