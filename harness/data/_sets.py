"""Data sets: where their files are looked for, and their images as arrays. Imports no torch until one is read.

The real ones are read by torchvision, from its own folder layout. That the files are there and of the right size is
found while planning; each file's checksum is compared when it is read, so that a training is always from these bytes.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.extensions import Extensions

FOLDER_OPTION = "HARNESS_DATA_DIR"  # how --data-dir reaches worker processes
FOLDER = "HARNESS_DATA"


class DataSet(StrEnum):
    """Where a task's images come from."""

    DIGITS = "digits"  # scikit-learn's: the test half of UCI's Optical Recognition of Handwritten Digits
    MNIST = "mnist"  # LeCun, Cortes, Burges 1998
    FASHION_MNIST = "fashion-mnist"  # Xiao, Rasul, Vollgraf 2017
    CIFAR10 = "cifar-10"  # Krizhevsky 2009
    MNIST_1D = "mnist-1d"  # Greydanus and Kobak 2024, by their seed 42
    MNIST_1D_43 = "mnist-1d-43"  # and by another seed: signals that nothing of the first was trained on
    XOR = "xor"  # the corners of a square, two pixels each; the label is whether they differ


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each channel over all training images of a data set, of values 0 to 1."""

    mean: tuple[float, ...]
    sd: tuple[float, ...]


@dataclass(frozen=True)
class File:
    """A file of torchvision's layout: its path below the data folder, its size in bytes, its md5."""

    path: str
    size: int
    md5: str


Images = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """A data set: how many images it has for training and of its own for testing, and how they are read.

    `load` returns images, a row each with its pixels by channel, row and column, uint8 of 0 to 255 or float32 of 0 to
    1, those for training first, and their labels, int64. Without `test` images of its own a set's test images are drawn
    from the others. `pixels` of an image, of all channels, and `classes` are 0 where only loading tells. A `whole` set
    is all there is of its kind: nothing of it could be held back. `files` are what must be there before it can be read,
    in the layout of `torchvision`'s class of that name. `digest` is what its author states of all it gives, see
    `data_digest`.
    """

    train: int
    moments: Moments
    load: Callable[[], tuple[Images, NDArray[np.int64]]]
    test: int = 0
    pixels: int = 0
    classes: int = 0
    whole: bool = False
    files: tuple[File, ...] = ()
    torchvision: str = ""
    digest: str = ""

    @property
    def may_change(self) -> bool:
        """Whether it may give something else than before: it does not come with the harness or with checksums."""
        return not self.classes

    @property
    def origin(self) -> str:
        """Where the function is defined that loads it, or torchvision's class."""
        return self.torchvision or f"{self.load.__module__}.{self.load.__qualname__}"


SETS = Extensions[ImageSet]("data set")


def data_set(
    name: str,
    *,
    train: int,
    test: int = 0,
    moments: Moments = Moments((0.0,), (1.0,)),
    version: int = 1,
    digest: str = "",
) -> Callable[[Callable[[], tuple[Images, NDArray[np.int64]]]], Callable[[], tuple[Images, NDArray[np.int64]]]]:
    """Register the decorated function as what loads the data set `name`; tasks name it as their source.

    It returns images, a row each: uint8 of 0 to 255, which are divided by 255, or floats of 0 to 1; and their labels,
    integers from 0.

    Args:
        name: How a task names it: ``Task("blobs", source="blobs", ...)``.
        train: Number of images for training, first in what the function returns; validation images, and without
            images of its own test images, are drawn from these.
        test: Number of test images of its own, which follow.
        moments: Mean and standard deviation of each channel, for tasks that standardise.
        version: Raise it when the images change: the key of a training has it from 2 on.
        digest: What all of it must hash to, which is then part of the key too; a wrong one is refused with the right
            one. Without it, what was trained from is kept with what is stored, and a change is refused there.

    Raises:
        DesignError: Another function has registered a data set of this name.

    Example:
        >>> @data_set("stripes", train=200)
        ... def stripes():
        ...     labels = np.arange(200) % 2
        ...     return np.repeat(labels[:, None], 4, axis=1).astype(np.float32), labels
        >>> load_set("stripes").images.shape
        (200, 4)
        >>> SETS.remove("stripes")
    """

    def register(
        load: Callable[[], tuple[Images, NDArray[np.int64]]],
    ) -> Callable[[], tuple[Images, NDArray[np.int64]]]:
        described = ImageSet(train=train, test=test, moments=moments, load=load, digest=digest)
        add_set(name, described, version=version)
        return load

    return register


def add_set(name: str, described: ImageSet, *, version: int = 1) -> None:
    """Register a data set; what was read of one of its name before is forgotten."""
    known = SETS.latest(name) in SETS
    SETS.add(name, described, version=version)
    if known:
        load_set.cache_clear()


def _idx(folder: str, **md5: str) -> tuple[File, ...]:
    sizes = {"train-images-idx3": 47_040_016, "train-labels-idx1": 60_008, "t10k-images-idx3": 7_840_016}
    names = (*sizes, "t10k-labels-idx1")
    return tuple(
        File(f"{folder}/raw/{name}-ubyte", sizes.get(name, 10_008), digest)
        for name, digest in zip(names, md5.values(), strict=True)
    )


_BATCHES = {
    "data_batch_1": (31_035_704, "c99cafc152244af753f735de768cd75f"),
    "data_batch_2": (31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
    "data_batch_3": (31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
    "data_batch_4": (31_035_696, "634d18415352ddfa80567beed471001a"),
    "data_batch_5": (31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
    "test_batch": (31_035_526, "40351d587109b95175f43aff81a1287e"),
    "batches.meta": (158, "5ff9c542aee3614f3951f8cda6e48888"),
}


@dataclass(frozen=True)
class Loaded:
    """All images of a data set, a row each with its pixels by channel, row and column, and their labels.

    The first `train` images are for training, the others are its test set; a set without one is all training images.
    `digest` is that of `data_digest`.
    """

    images: Images
    labels: NDArray[np.int64]
    train: int
    digest: str


def data_digest(images: Images, labels: NDArray[np.int64], train: int, moments: Moments) -> str:
    """Return 32 hexadecimal digits of SHA-256 over images and labels, each with its dtype and shape.

    Before them come the number of images for training, and the moments: what else a training depends on.
    """
    hashed = hashlib.sha256(f"{train} {moments.mean} {moments.sd}".encode())
    for array in (images, labels):
        hashed.update(f" {array.dtype.name} {array.shape} ".encode())
        hashed.update(np.ascontiguousarray(array).data)
    return hashed.hexdigest()[:32]


def look_in(folder: Path | None) -> None:
    """Look in `folder` first from now on, here and in worker processes; None changes nothing."""
    if folder is not None:
        os.environ[FOLDER_OPTION] = str(folder.resolve())


def data_folders() -> dict[Path, str]:
    """Return the folders in which data sets are looked for, in order, each with what names it."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found: dict[Path, str] = {}
    for variable, told_by in ((FOLDER_OPTION, "--data-dir"), (FOLDER, FOLDER)):
        if os.environ.get(variable):
            found.setdefault(Path(os.environ[variable]), told_by)
    found.setdefault(cache_home / "ticket-harness" / "data", "your cache folder")
    return found


def find_set(source: str) -> Path | None:
    """Return the first folder that has all files of `source`, of the right sizes; None where none has."""
    return next((folder for folder in data_folders() if not _faults(folder, source)), None)


def _faults(folder: Path, source: str) -> list[str]:
    """Return what is wrong with the files of `source` in `folder`."""
    faults = []
    for file in SETS[source].files:
        path = folder / file.path
        if not path.is_file():
            faults.append(f"no {file.path}")
        elif (size := path.stat().st_size) != file.size:
            faults.append(f"{file.path} has {size:,} bytes, not {file.size:,}")
    return faults


def require_sets(sources: Iterable[str], *, download: bool = False) -> None:
    """Make sure that all files of `sources` are found, downloading them to the first folder only where asked to.

    Raises DataError for one that is not: where it was looked for, and both ways to get it.
    """
    for source in sorted(name for name in {*sources} if SETS[name].files):
        if find_set(source) is None and download:
            _download(source)
        if find_set(source) is None:
            raise DataError(_missing(source))


def _missing(source: str) -> str:
    looked = "; ".join(f"{folder} ({told_by}): {_told(folder, source)}" for folder, told_by in data_folders().items())
    first = SETS[source].files[0].path
    return (
        f"the data set {source} is not there. Looked in {looked}. "
        f"Next: the same command with --download, or put torchvision's files (DIR/{first} and so on) "
        f"into a folder DIR and name it: --data-dir DIR, or {FOLDER}=DIR"
    )


def _told(folder: Path, source: str) -> str:
    if not folder.is_dir():
        return "no such folder"
    first, *others = _faults(folder, source)
    return first + (f", and {len(others)} more" if others else "")


def _download(source: str) -> None:
    import torchvision.datasets

    folder = next(iter(data_folders()))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        getattr(torchvision.datasets, SETS[source].torchvision)(folder, download=True)
    except (OSError, RuntimeError) as error:  # no network, no space, a checksum that is wrong
        raise DataError(
            f"{source} could not be downloaded to {folder}: {error}. Next: try again, or copy torchvision's files "
            f"from another machine and name their folder: --data-dir DIR, or {FOLDER}=DIR"
        ) from error


@cache
def load_set(name: str) -> Loaded:
    """Return the images and labels of a data set, read once a process.

    Digits and XOR's corners are float32 with values 0 to 1, 64 and 2 pixels; the others that come with the harness
    uint8 with values 0 to 255, (70000, 784) for MNIST and Fashion-MNIST, (60000, 3072) for CIFAR-10. Raises DataError
    where one is missing, a file has another checksum, or a function gives another number of images than was said,
    images that are neither uint8 nor finite floats, labels that are not integers from 0, or not what its digest says.
    """
    described = SETS[name]
    images, labels = map(np.asarray, described.load())
    if len(images) != described.train + described.test or len(labels) != len(images):
        raise DataError(
            f"data set {name}: {described.origin} gives {len(images)} images and {len(labels)} labels, said were "
            f"{described.train} for training and {described.test} for testing. Next: correct data_set({name!r}, ...)"
        )
    images, labels = _as_images(images, name), _as_labels(labels, name)
    digest = data_digest(images, labels, described.train, described.moments)
    if described.digest not in ("", digest):
        raise DataError(
            f"data set {name}: {described.origin} gives what has digest {digest}, and stated is {described.digest}. "
            f"Next: restore the data; or, if other data are meant, raise version= and state digest={digest!r}"
        )
    return Loaded(images, labels, described.train, digest)


def _as_images(images: NDArray[Any], name: str) -> Images:
    """Return images as uint8, whose 255 is 1, or float32: by any other kind of number they would be scaled wrongly."""
    images = images.reshape(len(images), -1)
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise DataError(
            f"data set {name}: its images are {images.dtype}. Next: return uint8 of 0 to 255, or floats of 0 to 1"
        )
    if not np.isfinite(images).all():
        raise DataError(f"data set {name}: an image has a pixel that is no number. Next: correct what it returns")
    return images.astype(np.float32)


def _as_labels(labels: NDArray[Any], name: str) -> NDArray[np.int64]:
    whole = np.issubdtype(labels.dtype, np.integer)
    if labels.ndim != 1 or not whole or labels.min() < 0:
        raise DataError(
            f"data set {name}: its labels are {labels.dtype} of shape {labels.shape}"
            f"{f', from {labels.min()}' if whole else ''}. Next: return integers from 0, one an image"
        )
    counts = np.bincount(labels)
    if not counts.all():
        raise DataError(
            f"data set {name}: its labels go up to {labels.max()}, and no image has label {counts.argmin()}. "
            "Next: number its classes from 0 without gaps"
        )
    return labels.astype(np.int64)


def _digits() -> tuple[Images, NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)


def _xor() -> tuple[Images, NDArray[np.int64]]:
    corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    return corners.astype(np.float32), np.bitwise_xor(corners[:, 0], corners[:, 1])


def _published(name: DataSet, files: tuple[File, ...], torchvision: str, train: int, moments: Moments) -> None:
    """Register a real data set that torchvision reads, of 10,000 test images of its own."""

    def load() -> tuple[Images, NDArray[np.int64]]:
        require_sets([name])
        folder = find_set(name)
        assert folder is not None
        return _read(folder, name)

    described = ImageSet(
        train=train,
        test=10_000,
        pixels=28 * 28 if len(moments.mean) == 1 else 3 * 32 * 32,
        classes=10,
        moments=moments,
        load=load,
        files=files,
        torchvision=torchvision,
    )
    SETS.add(name, described)


def _read(folder: Path, source: str) -> tuple[Images, NDArray[np.int64]]:
    import torchvision.datasets

    origin = SETS[source]
    for file in origin.files:
        with (folder / file.path).open("rb") as opened:
            md5 = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 != file.md5:
            raise DataError(
                f"{folder / file.path} has md5 {md5}, not {file.md5}: it is not the published {source}. "
                "Next: move it away, then the same command with --download"
            )
    images: NDArray[np.uint8] | None = None
    labels = np.empty(origin.train + origin.test, np.int64)
    for train in (True, False):
        rows = slice(0, origin.train) if train else slice(origin.train, None)
        with warnings.catch_warnings():  # numpy's, about how the published pickles were written
            warnings.simplefilter("ignore")
            part = getattr(torchvision.datasets, origin.torchvision)(folder, train=train)
        pixels = np.asarray(part.data)
        if pixels.ndim == 4:
            pixels = pixels.transpose(0, 3, 1, 2)  # channels first
        if images is None:
            images = np.empty((len(labels), pixels[0].size), np.uint8)
        images[rows] = pixels.reshape(len(pixels), -1)
        labels[rows] = np.asarray(part.targets)
    assert images is not None
    return images, labels


SETS.add(
    DataSet.DIGITS,
    ImageSet(train=1797, pixels=64, classes=10, moments=Moments((0.3053,), (0.3760,)), load=_digits),  # over all images
)
SETS.add(DataSet.XOR, ImageSet(train=4, pixels=2, classes=2, moments=Moments((0.5,), (0.5,)), load=_xor, whole=True))
_published(
    DataSet.MNIST,
    _idx(
        "MNIST",
        train_images="6bbc9ace898e44ae57da46a324031adb",
        train_labels="a25bea736e30d166cdddb491f175f624",
        test_images="2646ac647ad5339dbf082846283269ea",
        test_labels="27ae3e4e09519cfbb04c329615203637",
    ),
    "MNIST",
    60_000,
    Moments((0.1307,), (0.3081,)),
)
_published(
    DataSet.FASHION_MNIST,
    _idx(
        "FashionMNIST",
        train_images="f4a8712d7a061bf5bd6d2ca38dc4d50a",
        train_labels="9018921c3c673c538a1fc5bad174d6f9",
        test_images="8181f5470baa50b63fa0f6fddb340f0a",
        test_labels="15d484375f8d13e6eb1aabb0c3f46965",
    ),
    "FashionMNIST",
    60_000,
    Moments((0.2860,), (0.3530,)),
)
_published(
    DataSet.CIFAR10,
    tuple(File(f"cifar-10-batches-py/{name}", size, md5) for name, (size, md5) in _BATCHES.items()),
    "CIFAR10",
    50_000,
    Moments((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
)
PUBLISHED = tuple(name for name in SETS if SETS[name].files)  # those that must be found or downloaded
