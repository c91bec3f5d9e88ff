"""Real data sets, read by torchvision from its own folder layout. Imports no torch until one is read.

Of those that come with the harness each file's checksum is compared when it is read, so that a training is always from
these bytes.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data._finding import find_set, require_sets, torchvision_class
from harness.data._sets import NO_MOMENTS, SETS, DataSet, File, Images, ImageSet, Moments, add_set
from harness.errors import DataError

CHANNELS = (1, 3, 4)  # as many an image has


def _read(folder: Path, source: str) -> tuple[Images, NDArray[np.int64]]:
    """Return images and labels from a folder. Raises DataError for a file with another checksum, or other arrays."""
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
    splits = (slice(0, origin.train), slice(origin.train, None))
    for rows, part in zip(splits, origin.parts, strict=False):
        with warnings.catch_warnings():  # numpy's, about how the published pickles were written
            warnings.simplefilter("ignore")
            pixels, answers = _arrays(torchvision_class(source)(folder, **part), source)
        if len(pixels) != len(labels[rows]):
            raise DataError(
                f"data set {source}: {origin.torchvision} has {len(pixels)} images with {dict(part)}, said were "
                f"{len(labels[rows])}. Next: correct train= or test= of torchvision_set({source!r}, ...)"
            )
        if images is None:
            images = np.empty((len(labels), pixels[0].size), np.uint8)
        images[rows] = pixels.reshape(len(pixels), -1)
        labels[rows] = answers
    assert images is not None
    return images, labels


def _arrays(made: Any, source: str) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return the images of one of torchvision's data sets, channels first, and their labels."""
    pixels, labels = getattr(made, "data", None), getattr(made, "targets", getattr(made, "labels", None))
    if pixels is None or labels is None:
        raise DataError(
            f"data set {source}: torchvision's {type(made).__name__} holds no arrays of images and labels. "
            "Next: data_set() with a function that reads it"
        )
    pixels = np.asarray(pixels)
    if pixels.ndim == 4 and pixels.shape[3] in CHANNELS and pixels.shape[1] not in CHANNELS:
        pixels = pixels.transpose(0, 3, 1, 2)
    return pixels, np.asarray(labels)


def torchvision_set(
    name: str,
    dataset: str,
    *,
    train: int,
    test: int = 0,
    parts: tuple[Mapping[str, Any], ...] = ({"train": True}, {"train": False}),
    moments: Moments = NO_MOMENTS,
    version: int = 1,
    digest: str = "",
) -> None:
    """Register one of torchvision's data sets; it is looked for, and with ``--download`` fetched, as MNIST is.

    Args:
        name: How a task names it: ``Task("kmnist", source="kmnist", ...)``.
        dataset: The name of torchvision's class, one that holds its images as arrays.
        train: Number of images for training.
        test: Number of test images of its own.
        parts: What the class is called with for the images for training, and for those for testing.
        moments: Mean and standard deviation of each channel, for tasks that standardise.
        version: Raise it when other images are meant.
        digest: What all of it must hash to; see `data_set`.

    Raises:
        DesignError: Another data set has this name.

    Example:
        >>> torchvision_set("svhn", "SVHN", train=73_257, test=26_032, parts=({"split": "train"}, {"split": "test"}))
        >>> SETS["svhn"].origin
        'SVHN'
        >>> SETS.remove("svhn")
    """
    described = ImageSet(
        train=train,
        test=test,
        moments=moments,
        load=partial(_load, name if version == 1 else f"{name}@{version}"),
        torchvision=dataset,
        parts=parts if test else parts[:1],
        digest=digest,
    )
    add_set(name, described, version=version)


def _load(source: str) -> tuple[Images, NDArray[np.int64]]:
    """Return a data set's images and labels from the first folder that has it. Raises DataError where none does."""
    require_sets([source])
    folder = find_set(source)
    assert folder is not None
    return _read(folder, source)


def _published(name: DataSet, files: tuple[File, ...], torchvision: str, train: int, moments: Moments) -> None:
    """Register a real data set that torchvision reads, of 10,000 test images of its own."""
    described = ImageSet(
        train=train,
        test=10_000,
        pixels=28 * 28 if len(moments.mean) == 1 else 3 * 32 * 32,
        classes=10,
        moments=moments,
        load=partial(_load, name),
        files=files,
        torchvision=torchvision,
    )
    SETS.add(name, described)


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
