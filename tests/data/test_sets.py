"""Real data sets: where they are looked for, how they are split, scaled and augmented, and that nets learn them.

Also tests `data._drawing`, `data._finding`, `data._splits`, `data._tasks`, `engine._feed` and `engine._pixels`.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import functional

from harness.data import _drawing as drawing
from harness.data import _finding as finding
from harness.data import _sets as data
from harness.data import _splits as splits
from harness.data import _torchvision_sets as torchvision_sets
from harness.data._sets import SETS, DataSet
from harness.data._tasks import (
    CIFAR10,
    CROPS,
    DIGIT_DIFFERENCE,
    DIGITS,
    FASHION_MNIST,
    MNIST,
    PAD,
    Augment,
    Scaling,
)
from harness.data._torchvision_sets import PUBLISHED
from harness.engine._course import compute
from harness.engine._feed import Feed
from harness.engine._pixels import cropped, scaled
from harness.errors import DataError, DesignError
from harness.expression import describe, train
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.population import _memory
from harness.population._memory import chunks
from harness.population._population import Population, Program
from harness.streams import Replicate
from tests.members import member

ROOT = Path(__file__).parents[2]
REAL = (MNIST, FASHION_MNIST, CIFAR10)
ONE, OTHER = Replicate(11, 0), Replicate(11, 1)


# --- what a function may give ------------------------------------------------------------------------------------


@pytest.fixture
def given_set(monkeypatch):
    """Register a data set of four images of three pixels: ``given_set(images, labels)``; gives what is loaded of it."""

    def make(images, labels=(0, 1, 2, 1)):
        described = data.ImageSet(
            train=4, moments=data.Moments((0.0,), (1.0,)), load=lambda: (images, np.array(labels))
        )
        monkeypatch.setitem(SETS._things, "given", described)
        data.load_set.cache_clear()
        return data.load_set("given")

    yield make
    data.load_set.cache_clear()


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_floats_are_taken_as_they_are(given_set, kind):
    """Of any precision: only bytes are divided by 255, and what numpy makes by default is no byte."""
    images = (np.arange(12).reshape(4, 3) / 17).astype(kind)
    loaded = given_set(images)
    assert loaded.images.dtype == np.float32
    np.testing.assert_array_equal(scaled(torch.from_numpy(loaded.images), DIGITS).numpy(), images.astype(np.float32))


@pytest.mark.parametrize("images", [np.eye(4), np.eye(4) + 1e7, np.eye(4) * 2 - 1, np.eye(4) * 1.5, np.eye(4) * 300])
def test_floats_that_are_no_bytes_stay(given_set, images):
    """Bits, signs, and numbers that no byte holds, are what they are."""
    np.testing.assert_array_equal(given_set(images).images, images)


@pytest.mark.parametrize(
    ("images", "labels", "told"),
    [
        (np.zeros((4, 3), np.int16), (0, 1, 2, 1), "its images are int16. Next: return uint8"),
        (np.full((4, 3), np.nan), (0, 1, 2, 1), "a pixel that is no number"),
        (
            np.eye(4) + np.array([0, 0, 3e7, 0]),
            (0, 1, 2, 1),
            "float32 merges values of input 2, which go from 30000000.0",
        ),
        (np.full((4, 3), 1e300), (0, 1, 2, 1), "a pixel that is no number"),
        (np.eye(4) * 255, (0, 1, 2, 1), "whole numbers up to 255 as float64.* Next: return them as uint8"),
        (np.zeros((4, 3)), (-1, 1, -1, 1), "its labels are int64 of shape .4,., from -1"),
        (np.zeros((4, 3)), (0.0, 1.0, 0.0, 1.0), "its labels are float64"),
        (np.zeros((4, 3)), ((0,), (1,), (0,), (1,)), r"of shape .4, 1."),
    ],
    ids=[
        "int16",
        "nan",
        "merged",
        "infinite in float32",
        "bytes as floats",
        "negative labels",
        "float labels",
        "a column of labels",
    ],
)
def test_other_arrays_are_refused(given_set, images, labels, told):
    """They would be scaled wrongly, or die in a worker with torch's own words."""
    with pytest.raises(DataError, match=rf"data set given: .*{told}"):
        given_set(images, labels)


def test_standardising_needs_moments(given_set):
    """Without a mean and sd of its own a set would be left as it is, and called standardised."""
    given_set(np.zeros((4, 3)))
    few = {"train_images": 2, "validation_images": 1, "test_images": 1, "shape": (1, 1, 3)}
    with pytest.raises(DesignError, match=r"which are not given. Next: data_set\('given', ..., moments="):
        replace(DIGITS, source="given", scaling=Scaling.STANDARDISED, **few)


# --- where it is looked for --------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The three folders that are looked in, all empty."""
    found = [tmp_path / "option", tmp_path / "variable", tmp_path / "cache" / "ticket-harness" / "data"]
    monkeypatch.setenv(finding.FOLDER_OPTION, str(found[0]))
    monkeypatch.setenv(finding.FOLDER, str(found[1]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return found


def put(folder, source):
    """Write files of the right names and sizes, and of nothing."""
    for file in SETS[source].files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as opened:
            opened.truncate(file.size)


@pytest.mark.parametrize("source", PUBLISHED)
def test_it_is_looked_for_in_order(folders, source):
    """The folder named by --data-dir comes before HARNESS_DATA, that before the user's cache; else it is not found."""
    assert finding.find_set(source) is None
    for folder in reversed(folders):
        put(folder, source)
        assert finding.find_set(source) == folder
        finding.require_sets([source])


def test_without_options_only_the_user_s_cache_is_looked_in(monkeypatch):
    """By default it is ~/.cache/ticket-harness/data."""
    for variable in (finding.FOLDER_OPTION, finding.FOLDER, "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert list(finding.data_folders()) == [Path.home() / ".cache" / "ticket-harness" / "data"]


def test_digits_are_always_there(folders):
    """They come with scikit-learn."""
    finding.require_sets([DataSet.DIGITS])


def test_a_missing_data_set_is_told_with_both_ways_to_get_it(folders):
    """The message names every folder with what was missing there, --download and torchvision's layout."""
    put(folders[1], DataSet.MNIST)
    (folders[1] / "MNIST/raw/t10k-images-idx3-ubyte").unlink()
    with (folders[1] / "MNIST/raw/train-images-idx3-ubyte").open("wb") as file:
        file.truncate(100)
    folders[2].mkdir(parents=True)
    with pytest.raises(DataError) as raised:
        finding.require_sets([DataSet.MNIST])
    assert raised.value.exit_status == 2
    assert str(raised.value) == (
        f"the data set mnist is not there. Looked in {folders[0]} (--data-dir): no such folder; "
        f"{folders[1]} (HARNESS_DATA): MNIST/raw/train-images-idx3-ubyte has 100 bytes, not 47,040,016, and 1 more; "
        f"{folders[2]} (your cache folder): no MNIST/raw/train-images-idx3-ubyte, and 3 more. "
        "Next: the same command with --download, or put its files (DIR/MNIST/raw/train-images-idx3-ubyte "
        "and so on) into a folder DIR and name it: --data-dir DIR, or HARNESS_DATA=DIR"
    )


def test_other_bytes_are_refused(folders):
    """A file of the right size with another checksum is not trained on."""
    put(folders[0], DataSet.MNIST)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte has md5 .* not 6bbc9ace.* published mnist\. Next: "):
        torchvision_sets._read(folders[0], DataSet.MNIST)


def test_it_is_downloaded_only_when_asked_to_and_to_the_first_folder(folders, monkeypatch):
    """With `download`, torchvision gets what is missing; what is there is left alone."""
    asked = []

    def get(folder, download):
        asked.append((folder, download))
        put(folder, DataSet.CIFAR10)

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", get)
    for _ in range(2):
        finding.require_sets([DataSet.CIFAR10], download=True)
    assert asked == [(folders[0], True)]


def test_a_download_that_fails_says_so(folders, monkeypatch):
    """Without a network the message says what torchvision said and what else can be done."""

    def get(folder, download):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    monkeypatch.setattr(torchvision.datasets, "MNIST", get)
    with pytest.raises(DataError, match=r"could not be downloaded to .*option: Error downloading .* Next: "):
        finding.require_sets([DataSet.MNIST], download=True)


CLAIM = '''"""A small claim on MNIST."""

from harness import MNIST, Adam, Design, Recipe, Source, beats, claim, mlp, train

ARMS = {name: train(mlp(784, 10), MNIST, Recipe(optimiser=Adam(lr), steps=1, batch=1)) for name, lr in
        (("fast", 2e-3), ("slow", 1e-3))}


@claim(
    "small/faster",
    statement="A higher learning rate learns more in a step.",
    source=Source(version="none", place="none", published="none"),
    predicted={"micro": "reproduced"},
)
def faster(scale):
    return Design(arms=ARMS, parts=(beats("fast", "slow", on=MNIST),), contrast=("recipe.optimiser.lr",))
'''
COMMAND = """
import sys
from harness.__main__ import main
try:
    main()
finally:
    print("torch was imported" if "torch" in sys.modules else "no torch")
"""


@pytest.mark.parametrize("command", ["plan", "run", "pilot"])
def test_missing_data_is_found_before_compute_is_spent(tmp_path, folders, command):
    """Exit status 2 and the message, without torch; nothing is computed."""
    (tmp_path / "claims" / "small").mkdir(parents=True)
    for name, text in {"__init__.py": "", "small/__init__.py": "", "small/faster.py": CLAIM}.items():
        (tmp_path / "claims" / name).write_text(text)
    arguments = ["--root", tmp_path, "--data-dir", tmp_path / "elsewhere"]
    arguments += ["--device", "cpu"] if command != "plan" else []
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, command, "--replicates", "2", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "1000"},
    )  # fmt: skip
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, told
    assert f"the data set mnist is not there. Looked in {tmp_path}/elsewhere (--data-dir): no such folder" in told
    assert "no torch" in told
    assert not list((tmp_path / ".harness").glob("**/*.parquet"))


# --- tasks -------------------------------------------------------------------------------------------------------


def test_the_embedded_tasks_are_described_as_before():
    """What is new about tasks has neutral defaults: the keys of every stored training hold."""
    net = mlp(64, 10)
    described = describe(train(net, DIGITS, Recipe(optimiser=Adam(1e-3), steps=1, batch=1)))["task"]
    assert described == {
        "is": "Task", "name": "digits", "images": 1, "classes": 10, "chance": 0.1, "sesoi_pp": 0.4, "margin_pp": 0.5,
    }  # fmt: skip


def test_real_tasks_have_the_inputs_and_bounds_that_were_fixed_for_them():
    """784 and 3,072 inputs; one sesoi and one margin a task."""
    assert [task.inputs for task in REAL] == [784, 784, 3072]
    assert [(t.sesoi_pp, t.margin_pp, t.chance) for t in REAL] == [(0.2, 0.2, 0.1), (0.4, 0.5, 0.1), (0.5, 0.5, 0.1)]


@pytest.mark.parametrize(("task", "train"), [(MNIST, 55_000), (FASHION_MNIST, 55_000), (CIFAR10, 45_000)])
def test_real_splits_are_disjoint_and_of_exact_sizes(task, train):
    """Training and validation images are all there are for training, drawn by each replicate; the test set is one."""
    one, other = splits.pools(ONE, task), splits.pools(OTHER, task)
    assert {name: len(pool) for name, pool in one.items()} == {"train": train, "validation": 5000, "test": 10_000}
    assert np.array_equal(np.sort(np.concatenate([one["train"], one["validation"]])), np.arange(train + 5000))
    assert np.array_equal(one["test"], np.arange(train + 5000, train + 15_000))
    assert np.array_equal(one["test"], other["test"])
    assert set(one["validation"]) != set(other["validation"])


def test_a_split_of_more_images_than_there_are_is_refused():
    """So is a test set drawn anew from a data set that has its own."""
    for wrong in ({"train_images": 55_001}, {"test_images": 10_001}, {"fixed_test": False}):
        with pytest.raises(DesignError, match=r"of the 60000 training and 10000 test images of mnist.* Next: "):
            replace(MNIST, **wrong)
    with pytest.raises(DesignError, match="1798 of 1797 digits"):
        replace(DIGITS, test_images=501)


@pytest.mark.parametrize("task", REAL, ids=lambda task: task.name)
def test_images_and_labels_are_torchvision_s(real, task):
    """Training images first, then the test images, channels first, in torchvision's order."""
    loaded = real(task.source)
    folder = finding.find_set(task.source)
    assert loaded.images.shape == (loaded.train + 10_000, task.inputs)
    assert (loaded.images.dtype, loaded.labels.dtype) == (np.uint8, np.int64)
    for train_set, rows in ((True, slice(None, loaded.train)), (False, slice(loaded.train, None))):
        theirs = getattr(torchvision.datasets, SETS[task.source].torchvision)(folder, train=train_set)
        assert np.array_equal(loaded.labels[rows], np.asarray(theirs.targets))
        for i in (0, 17, len(theirs) - 1):
            image = functional.pil_to_tensor(theirs[i][0])
            assert image.shape == task.shape
            assert np.array_equal(loaded.images[rows][i], image.flatten())
    assert np.array_equal(splits.held_out(task, ONE, "test").answers, loaded.labels[loaded.train :])


@pytest.mark.parametrize("task", [DIGITS, *REAL], ids=lambda task: task.name)
def test_moments_are_those_of_the_training_images(real, task):
    """Mean and sd a channel of values 0 to 1, to four places."""
    loaded = real(task.source) if task.own_test else data.load_set(task.source)
    pixels = loaded.images[: loaded.train].reshape(loaded.train, task.shape[0], -1)
    largest = 255 if pixels.dtype == np.uint8 else 1
    for channel, (mean, sd) in enumerate(
        zip(SETS[task.source].moments.mean, SETS[task.source].moments.sd, strict=True)
    ):
        assert pixels[:, channel].mean() / largest == pytest.approx(mean, abs=6e-5)
        assert pixels[:, channel].std() / largest == pytest.approx(sd, abs=6e-5)


# --- scaling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", REAL, ids=lambda task: task.name)
@pytest.mark.parametrize("scaling", Scaling)
def test_scaling_is_the_plain_formula(task, scaling):
    """To unit: over 255. Standardised: less the channel's mean, over its sd. L2: over the image's length."""
    pixels = np.random.default_rng(1).integers(0, 256, (5, task.inputs), np.uint8)
    x = pixels.astype(np.float64)
    expected = x / np.sqrt((x**2).sum(1, keepdims=True)) if scaling is Scaling.L2 else x / 255
    if scaling is Scaling.STANDARDISED:
        each = expected.reshape(5, task.shape[0], -1)
        moments = SETS[task.source].moments
        each = (each - np.array(moments.mean)[:, None]) / np.array(moments.sd)[:, None]
        expected = each.reshape(5, -1)
    inputs = scaled(torch.from_numpy(pixels), replace(task, scaling=scaling))
    assert inputs.dtype == torch.float32
    assert inputs.numpy() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_black_image_has_no_length_and_stays_black():
    """Its L2-scaled input is zero, not no number."""
    assert not scaled(torch.zeros(2, 784, dtype=torch.uint8), replace(MNIST, scaling=Scaling.L2)).any()


@pytest.mark.parametrize("task", [DIGITS, MNIST], ids=lambda task: task.name)
@pytest.mark.parametrize("scaling", Scaling)
def test_an_input_does_not_depend_on_what_is_beside_it(task, scaling):
    """The same bits alone and among others."""
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (33, task.inputs), np.uint8)
    x = torch.from_numpy(pixels if task is MNIST else (pixels % 17 / 16).astype(np.float32))
    task = replace(task, scaling=scaling)
    together = scaled(x, task)
    for i in (0, 16, 32):
        assert torch.equal(scaled(x[i : i + 1], task)[0], together[i])


# --- augmentation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [DIGITS, MNIST, CIFAR10], ids=lambda task: task.name)
def test_crops_are_torchvision_s(task):
    """Each of the 162 numbers is one crop of the padded image, as it is or mirrored, all of them different."""
    image = torch.randint(1, 256, task.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    ours = cropped(image.flatten().expand(CROPS, -1), torch.arange(CROPS, dtype=torch.uint8), task)
    padded = functional.pad(image, [PAD] * 4)
    expected = [
        turned.flatten()
        for top in range(2 * PAD + 1)
        for left in range(2 * PAD + 1)
        for crop in [functional.crop(padded, top, left, *task.shape[1:])]
        for turned in (crop, functional.hflip(crop))
    ]
    assert torch.equal(ours, torch.stack(expected))
    assert len({row.numpy().tobytes() for row in ours}) == CROPS


@pytest.mark.parametrize("task", [DIGITS, DIGIT_DIFFERENCE])
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(1, 40), st.sampled_from([7, 60, 333]))
def test_crops_are_a_function_of_the_absolute_step(task, first, count, size):
    """The crops of steps a to b are the same whether or not the steps before them were drawn."""
    part = drawing.crops(task, ONE, 1, size=size, first=first, last=first + count)
    whole = drawing.crops(task, ONE, 1, size=size, first=0, last=first + count)
    np.testing.assert_array_equal(part, whole[first:])
    assert (part.shape, part.dtype) == ((count, size, task.images), np.uint8)


def test_crops_are_drawn_evenly_and_by_replicate_and_draw():
    """Each of the 162 as often as the others; another replicate or draw has others."""
    drawn = [
        drawing.crops(CIFAR10, replicate, draw, size=60, first=0, last=750)
        for replicate, draw in ((ONE, 0), (ONE, 1), (OTHER, 0))
    ]
    assert len({each.tobytes() for each in drawn}) == 3
    counts = np.bincount(drawn[0].ravel(), minlength=CROPS)
    assert len(counts) == CROPS
    expected = 45_000 / CROPS
    assert ((counts - expected) ** 2 / expected).sum() < 230  # chi-squared, 161 degrees: p of about 3e-4


AUGMENTED = replace(DIGITS, augment=Augment.CROP_FLIP)
PLAIN_SGD = Recipe(optimiser=SGD(0.05), steps=270, batch=5, validate_every=100)  # epochs of 200 steps


def test_augmentation_goes_on_where_it_was():
    """From at(k), past an epoch longer than a chunk, training ends bit for bit where the uninterrupted one ends."""
    program = Program(mlp(64, 33, 10), AUGMENTED, PLAIN_SGD)
    m = member(program, 1)
    whole = compute(Population(program, (m,), snapshots=(130,))).members[0].arrays
    late = replace(m, start=whole["130"])
    rest = compute(Population(replace(program, first_step=130), (late,))).members[0].arrays
    assert np.array_equal(rest["end"], whole["end"])


def test_augmentation_has_its_own_stream():
    """Another draw of it is another training; a task without augmentation cannot ask for one."""
    net = mlp(64, 33, 10)
    one, other = (train(net, AUGMENTED, PLAIN_SGD, streams={"augment": draw}) for draw in (0, 1))
    assert one.key != other.key
    program = Program(net, AUGMENTED, replace(PLAIN_SGD, steps=5))
    m = member(program, 0)
    ends = [compute(Population(program, (x,))).members[0].arrays["end"] for x in (m, replace(m, augment_draw=1))]
    assert not np.array_equal(*ends)
    with pytest.raises(DesignError, match="never draws from 'augment'"):
        train(net, DIGITS, PLAIN_SGD, streams={"augment": 1})


def test_only_training_inputs_are_augmented():
    """Batches are cropped; validation, test and calibration inputs are those of the task without augmentation."""
    m = member(Program(mlp(64, 10), DIGITS, PLAIN_SGD), 0)
    both = [
        Feed(Population(Program(mlp(64, 10), task, PLAIN_SGD), (m,)), torch.device("cpu"))
        for task in (DIGITS, AUGMENTED)
    ]
    for split in ("validation", "test", "calibration"):
        assert torch.equal(*(each.inputs(each.held_out(split)[0]) for each in both))
    plain, augmented = (each.batches(0, 1) for each in both)
    assert plain.crops is None
    images = plain.images[:, 0]
    assert not torch.equal(both[0].inputs(images), both[1].inputs(images, augmented.crops[:, 0]))


@pytest.mark.parametrize("batch", [1, 5, 9, 10, 60, 1000])
@pytest.mark.parametrize("first", [0, 130])
def test_chunks_cover_every_step_once(batch, first):
    """One after the other; where an epoch is longer than a chunk, none goes past its end."""
    program = Program(mlp(64, 10), DIGITS, replace(PLAIN_SGD, batch=batch, steps=1234), first_step=first)
    found = list(chunks(program, first, 1234))
    assert [step for start, count in found for step in range(start, start + count)] == list(range(first, 1234))
    if (epoch := 1000 // batch) > _memory.CHUNK:
        assert all(start // epoch == (start + count - 1) // epoch for start, count in found)


# --- training ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [MNIST, CIFAR10], ids=lambda task: task.name)
def test_a_batch_is_what_torchvision_s_transforms_make(real, task):
    """Gathered, cropped, mirrored and standardised on stacked members: each as by torchvision, image by image."""
    loaded = real(task.source)
    task = replace(task, scaling=Scaling.STANDARDISED, augment=Augment.CROP_FLIP)
    program = Program(mlp(task.inputs, 10), task, Recipe(optimiser=SGD(0.1), steps=10, batch=20))
    population = Population(program, tuple(member(program, i) for i in range(2)))
    made = Feed(population, torch.device("cpu"))
    images, answers, crops = made.batches(3, 5)
    inputs = made.inputs(images[:, 1], crops[:, 1])
    assert inputs.shape == (2, 20, task.inputs)
    moments = SETS[task.source].moments
    for r in range(2):
        for b in (0, 7, 19):
            number, crop = int(images[r, 1, b, 0]), int(crops[r, 1, b, 0])
            assert number < loaded.train
            assert loaded.labels[number] == answers[r, 1, b]
            x = torch.from_numpy(loaded.images[number].reshape(task.shape).copy())
            x = functional.crop(functional.pad(x, [PAD] * 4), crop // 18, crop // 2 % 9, *task.shape[1:])
            x = functional.hflip(x) if crop % 2 else x
            x = functional.normalize(x.float() / 255, moments.mean, moments.sd)
            assert torch.allclose(inputs[r, b], x.flatten(), atol=1e-6)


def test_an_mlp_learns_mnist(real):
    """784-100-10, Adam 3e-3, batches of 60, 300 steps: every one of 3 replicates answers over 92 % of the test set."""
    real(DataSet.MNIST)
    program = Program(mlp(784, 100, 10), MNIST, Recipe(optimiser=Adam(3e-3), steps=300, batch=60, validate_every=300))
    population = Population(program, tuple(member(program, i) for i in (0, 1, 3)))
    for result in compute(population).members:
        (accuracy,) = (row.value for row in result.rows if row.metric == "test_accuracy")
        assert accuracy > 0.92
        assert result.arrays["correct"].mean() == accuracy
