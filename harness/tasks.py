"""Embedded tasks: what a network learns, and the data each replicate learns it from. Knows numpy, not torch.

The data are scikit-learn's bundled handwritten digits (the test half of UCI's Optical Recognition of Handwritten
Digits: 1,797 images of 8x8 pixels with values 0 to 16), divided by 16. Each replicate draws its own split, shared by
its arms: with one split for all replicates, intervals come out too narrow and a verdict can belong to the split.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.streams import Replicate, generator, integers, permutations

TRAIN, VALIDATION, TEST = 1000, 297, 500
PAIRS = 4000  # validation and test pairs of digit-difference
FIXED = Replicate(0, 0)  # whose split all replicates of a task with a fixed test set use
CALIBRATION = 1000  # training inputs from which BatchNorm's statistics for evaluation are computed


@dataclass(frozen=True)
class Task:
    """A supervised task; `sesoi_pp` and `margin_pp` are fixed once for all claims (percentage points of accuracy).

    `images` is how many source images make one input. `chance` is the accuracy of always answering the majority
    class, the outcome of a training that diverged. With `fixed_test` all replicates share one split, as where a data
    set comes with its test set; which test examples are answered correctly is then stored.
    """

    name: str
    images: int
    classes: int
    chance: float
    sesoi_pp: float
    margin_pp: float
    version: int = 1
    fixed_test: bool = False

    @property
    def inputs(self) -> int:
        """Length of an input vector."""
        return 64 * self.images

    @property
    def train_images(self) -> int:
        """Number of source images that a replicate trains on."""
        return TRAIN

    @property
    def test_examples(self) -> int:
        """Number of test examples of a replicate."""
        return TEST if self.images == 1 else PAIRS

    def splitter(self, replicate: Replicate) -> Replicate:
        """Return the replicate that draws the split: `replicate` itself, or the same one for all."""
        return FIXED if self.fixed_test else replicate

    def label(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the answer for the labels of the images that make an input; (..., images) to (...)."""
        return labels[..., 0] if self.images == 1 else np.abs(labels[..., 0] - labels[..., 1])


DIGITS = Task("digits", images=1, classes=10, chance=0.10, sesoi_pp=0.4, margin_pp=0.5)
DIGIT_DIFFERENCE = Task("digit-difference", images=2, classes=10, chance=0.18, sesoi_pp=1.0, margin_pp=0.5)
TASKS = {task.name: task for task in (DIGITS, DIGIT_DIFFERENCE)}


@dataclass(frozen=True)
class Examples:
    """Indices into the source images, shape (n, images), and the answers, shape (n,)."""

    images: NDArray[np.int64]
    answers: NDArray[np.int64]


@cache
def source() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return all images, shape (1797, 64), values 0 to 1, and their labels, shape (1797,)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)


def pools(replicate: Replicate) -> dict[str, NDArray[np.int64]]:
    """Return the replicate's disjoint image indices for ``train``, ``validation`` and ``test``."""
    order = permutations(replicate, "split", 0, n=TRAIN + VALIDATION + TEST, first=0, count=1)[0]
    return {
        "train": order[:TRAIN],
        "validation": order[TRAIN : TRAIN + VALIDATION],
        "test": order[TRAIN + VALIDATION :],
    }


def held_out(task: Task, replicate: Replicate, split: str) -> Examples:
    """Return the fixed examples of ``validation`` or ``test``: all images, or `PAIRS` pairs drawn from the pool."""
    replicate = task.splitter(replicate)
    pool = pools(replicate)[split]
    if task.images == 1:
        return _examples(task, pool[:, None])
    rng = generator(replicate, "split", draw=1, counter=("validation", "test").index(split))
    return _examples(task, pool[integers(rng, len(pool), PAIRS * task.images)].reshape(PAIRS, task.images))


def batches(task: Task, replicate: Replicate, draw: int, *, size: int, first: int, last: int) -> Examples:
    """Return the batches of steps `first` to `last - 1`: images (steps, size, images), answers (steps, size).

    Single images come in epoch permutations, the last partial batch dropped; pairs are drawn afresh for every step.
    Both are functions of the absolute step, from the replicate's ``order`` stream at `draw`, an epoch a counter value.
    """
    pool = pools(task.splitter(replicate))["train"]
    per_epoch = len(pool) // size
    epochs = range(first // per_epoch, -(-last // per_epoch))
    if task.images == 1:
        rows = permutations(replicate, "order", draw, n=len(pool), first=epochs.start, count=len(epochs))
        rows = rows[:, : per_epoch * size]
    else:
        each = per_epoch * size * task.images
        rows = np.stack([integers(generator(replicate, "order", draw, e), len(pool), each) for e in epochs])
    start = first - epochs.start * per_epoch
    picked = rows.reshape(-1, size, task.images)[start : start + last - first]
    return _examples(task, pool[picked])


def calibration(task: Task, replicate: Replicate) -> Examples:
    """Return the fixed training inputs from which BatchNorm's evaluation statistics are computed."""
    replicate = task.splitter(replicate)
    pool = pools(replicate)["train"]
    if task.images == 1:
        return _examples(task, pool[:CALIBRATION, None])
    rng = generator(replicate, "split", draw=1, counter=2)
    return _examples(task, pool[integers(rng, len(pool), CALIBRATION * task.images)].reshape(CALIBRATION, task.images))


def _examples(task: Task, images: NDArray[np.int64]) -> Examples:
    return Examples(images, task.label(source()[1][images]))
