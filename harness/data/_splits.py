"""Each replicate's split of a task's images, and its fixed examples: for validation, test, calibration.

Knows numpy, not torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data import _sets as data
from harness.data._labels import LEFT_OUT, answered, with_noise
from harness.data._sets import DataSet
from harness.data._tasks import ANY, CALIBRATION, DIGITS, PAIRS, Task
from harness.errors import DataError, DesignError
from harness.streams import Replicate, generator, integers, permutations


@dataclass(frozen=True)
class Examples:
    """Indices into the source images, shape (n, images), and the answers, shape (n,)."""

    images: NDArray[Any]
    answers: NDArray[Any]


def pools(replicate: Replicate, task: Task = DIGITS) -> dict[str, NDArray[np.int64]]:
    """Return the replicate's image indices for ``train``, ``validation`` and ``test``: disjoint, or all of a whole.

    `replicate` draws the split; see `Task.splitter`.
    """
    if task.whole:
        return {split: np.arange(task.train_images) for split in ("train", "validation", "test")}
    drawn = data.SETS[task.source].train
    order = permutations(replicate, "split", 0, n=drawn, first=0, count=1)[0]
    train, validation, test = task.split
    held_back = train + validation
    own = np.arange(drawn, drawn + test)
    every = {
        "train": order[:train],
        "validation": order[train:held_back],
        "test": own if task.own_test else order[held_back : held_back + test],
    }
    return {
        split: _first(pool, task, split, count)
        for (split, pool), count in zip(every.items(), task._counts, strict=True)
    }


def _first(pool: NDArray[np.int64], task: Task, split: str, count: int) -> NDArray[np.int64]:
    """Return the first `count` images of a pool, of those whose labels the task has."""
    if task.leaves_out:
        pool = pool[answered(source(task.source)[1][pool], task.answers) != LEFT_OUT]
    if len(pool) < count:
        raise DataError(
            f"task {task.name} takes {count} {split} images, and a replicate's split has {len(pool)} with its labels. "
            "Next: ask for fewer"
        )
    return pool[:count]


def check_task(task: Task) -> None:
    """Raise DesignError where the task has other images, or fewer classes, than its data set, or takes too many.

    A data set that a function makes is made for this, once; one that is read from files says what it has, and is read
    only where the task leaves out some of its labels.
    """
    described = data.SETS[task.source]
    pixels, classes = described.pixels, described.classes
    if not classes:
        loaded = data.load_set(task.source)
        pixels, classes = loaded.images[0].size, int(loaded.labels.max()) + 1
    known = len(task.answers) or task.classes
    if math.prod(task.shape) != pixels or known < classes:
        raise DesignError(
            f"task {task.name} has images of {' x '.join(map(str, task.shape))} and {known} classes, its data "
            f"set {task.source} {pixels} pixels an image and {classes} classes. Next: correct shape= or classes="
        )
    if task.leaves_out:
        _check_counts(task)


def needs_images(task: Task) -> bool:
    """Whether its images have to be there for `check_task`, and not only where it is trained on."""
    return task.leaves_out or not data.SETS[task.source].classes


def _check_counts(task: Task) -> None:
    """Raise DesignError where a replicate's split may have fewer images with the task's labels than it takes."""
    drawn, labels = data.SETS[task.source].train, source(task.source)[1]
    for label, answer in enumerate(task.answers):
        if answer is not None and label not in labels:
            raise DesignError(
                f"task {task.name} has label {label}, and no image of {task.source} does. Next: leave it out"
            )
    has = answered(labels, task.answers) != LEFT_OUT
    having = int(has[:drawn].sum())
    train, validation = (_fewest(size, having, drawn) for size in task.split[:2])
    tested = task.split[2]  # images of their own may be more than those that the others are drawn from
    test = int(has[drawn : drawn + tested].sum()) if task.own_test else _fewest(tested, having, drawn)
    if any(asked > most for asked, most in zip(task._counts, (train, validation, test), strict=True)):
        raise DesignError(
            f"task {task.name} takes {' + '.join(map(str, task._counts))} images, and of the "
            f"{' + '.join(map(str, task.split))} of a split not as many have its labels in every replicate. "
            f"Next: ask for no more than train={train}, validation={validation}, test={test}"
        )


def _fewest(size: int, having: int, among: int) -> int:
    """Return how many of `size` drawn from `among` have what `having` of these have, at least: six deviations less."""
    share, left = having / among, (among - size) / max(1, among - 1)
    deviation = math.sqrt(size * share * (1 - share) * left)
    return max(0, math.floor(size * share - 6 * deviation))


def shown_test_images(learned: Task, measured: Task) -> int:
    """Return how many test images of `measured` a replicate's training on `learned` is shown, for learning or to stop.

    Splits are slices of one order of the images, so that the number is much the same in every replicate. An image
    counts however it is shown or labelled, in every version of a data set that has it, and under every name of one. 0
    for other data sets, for variants of one split, and where there is nothing to hold back.
    """
    if data.SETS[measured.source].among == learned.source:
        shown = Fraction(sum(learned.split[:2]), data.SETS[learned.source].train)
        return math.ceil(measured.test_images * shown)
    one_name = learned.source.partition("@")[0] == measured.source.partition("@")[0]
    if measured.whole or not (one_name or _same_images(learned.source, measured.source)):
        return 0
    if one_name and learned.source != measured.source:
        shown_images = {image.tobytes() for image in source(learned.source)[0][_shown(learned)]}
        tested = source(measured.source)[0][pools(measured.splitter(ANY), measured)["test"]]
        return sum(image.tobytes() in shown_images for image in tested)
    one_split = learned.split == measured.split and learned.splitter(ANY) == measured.splitter(ANY)
    if one_name and one_split:
        return 0
    return int(np.isin(pools(measured.splitter(ANY), measured)["test"], _shown(learned)).sum())


def _same_images(a: str, b: str) -> bool:
    """Whether two data sets of different names are rows of one table, or have the same images in the same order.

    No image is looked at of two sets that come with the harness, nor of one that has to be restored or installed first.
    """
    one, other = data.SETS[a], data.SETS[b]
    if one.table and one.table == other.table:
        return True
    read = (one.may_change or other.may_change) and not any(each.files or each.package for each in (one, other))
    if not read or one.train + one.test != other.train + other.test:
        return False
    return np.array_equal(source(a)[0], source(b)[0])


def _shown(task: Task) -> NDArray[np.int64]:
    """Return the images that a training on the task is shown, for learning or to stop."""
    pool = pools(task.splitter(ANY), task)
    return np.concatenate([pool["train"], pool["validation"]])


def tested(task: Task, replicate: Replicate) -> NDArray[np.int64]:
    """Return which of the task's `tested_from` examples the replicate is tested on, in the order of its answers."""
    return np.arange(task.test_examples) if task.fixed_test else pools(replicate, task)["test"]


def held_out(task: Task, replicate: Replicate, split: str) -> Examples:
    """Return the fixed examples of ``validation`` or ``test``: all images, or `PAIRS` pairs drawn from the pool."""
    replicate = task.splitter(replicate)
    pool = pools(replicate, task)[split]
    if task.images == 1:
        return _examples(task, pool[:, None])
    rng = generator(replicate, "split", draw=1, counter=("validation", "test").index(split))
    return _examples(task, pool[integers(rng, len(pool), PAIRS * task.images)].reshape(PAIRS, task.images))


def calibration(task: Task, replicate: Replicate) -> Examples:
    """Return the fixed training inputs from which BatchNorm's evaluation statistics are computed; never augmented."""
    replicate = task.splitter(replicate)
    pool = pools(replicate, task)["train"]
    if task.images == 1:
        return _examples(task, pool[:CALIBRATION, None])
    rng = generator(replicate, "split", draw=1, counter=2)
    return _examples(task, pool[integers(rng, len(pool), CALIBRATION * task.images)].reshape(CALIBRATION, task.images))


def taught(task: Task, replicate: Replicate, pool: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what the replicate is taught of each image of its training pool: its label, or another one by noise."""
    return with_noise(_examples(task, pool[:, None]).answers, task.noise, task.classes, replicate)


def trained_on(task: Task, replicate: Replicate) -> Examples:
    """Return the training examples on which accuracy is measured, never augmented, labelled as they were taught.

    At most `TRAIN_EXAMPLES` of the replicate's training images; of pairs, which are drawn afresh for every batch, the
    calibration pairs of training digits.
    """
    if task.images > 1:
        return calibration(task, replicate)
    pool = pools(task.splitter(replicate), task)["train"]
    most = task.examples("train")
    return Examples(pool[:most, None], taught(task, replicate, pool)[:most])


def source(name: str = DataSet.DIGITS) -> tuple[data.Images, NDArray[np.int64]]:
    """Return all images of a data set, one a row, and their labels; see `data.load`."""
    loaded = data.load_set(name)
    return loaded.images, loaded.labels


def _examples(task: Task, images: NDArray[np.int64]) -> Examples:
    return Examples(images, task.label(source(task.source)[1][images]))
