"""Each member's batches: which images a step shows, their answers, and how they are cropped. Knows no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data._splits import Examples, pools, source, taught
from harness.data._tasks import CROPS, Task
from harness.streams import Replicate, generator, integers, permutations, words


class Order:
    """In what order a replicate is shown its training images, in batches of `size`.

    Single images come in epoch permutations, the last partial batch dropped; pairs are drawn afresh for every step.
    Both are functions of the absolute step, from the replicate's ``order`` stream at `draw`, an epoch a counter value.
    """

    def __init__(self, task: Task, replicate: Replicate, draw: int, *, size: int) -> None:
        self._task, self._stream, self._size = task, (replicate, "order", draw), size
        pool = pools(task.splitter(replicate), task)["train"]
        self._pool = pool.astype(np.int32)
        labels = source(task.source)[1][pool] if task.images > 1 else taught(task, replicate, pool)
        self._labels: NDArray[Any] = labels if task.images > 1 else labels.astype(answer_type(task))

    def batches(self, first: int, last: int) -> Examples:
        """Return those of steps `first` to `last - 1`: images (steps, size, images), answers (steps, size)."""
        task, size, pool = self._task, self._size, self._pool
        per_epoch = len(pool) // size
        epochs = range(first // per_epoch, -(-last // per_epoch))
        if task.images == 1:
            rows = permutations(*self._stream, n=len(pool), first=epochs.start, count=len(epochs))
        else:
            each = per_epoch * size * task.images
            rows = np.stack([integers(generator(*self._stream, e), len(pool), each) for e in epochs])
        start = first - epochs.start * per_epoch
        used = rows[:, : per_epoch * size * task.images]
        picked = used.reshape(-1, size, task.images)[start : start + last - first]
        if task.images == 1:
            return Examples(pool.take(picked), self._labels.take(picked[..., 0], axis=0))
        return Examples(pool.take(picked), task.label(self._labels.take(picked)))


def answer_type(task: Task) -> type[np.uint8 | np.int32]:
    """Return the smallest type that torch knows for the task's answers: they are drawn faster than in eight bytes."""
    return np.uint8 if task.classes <= 2**8 else np.int32


def batches(task: Task, replicate: Replicate, draw: int, *, size: int, first: int, last: int) -> Examples:
    """Return the batches of steps `first` to `last - 1` of an `Order`."""
    return Order(task, replicate, draw, size=size).batches(first, last)


def crops(task: Task, replicate: Replicate, draw: int, *, size: int, first: int, last: int) -> NDArray[np.uint8]:
    """Return which of the `CROPS` crops each image of the batches of steps `first` to `last - 1` is shown as.

    Shape (steps, size, images). A function of the absolute step as the batches are, from the replicate's ``augment``
    stream at `draw`. The engine's `cropped` makes them.
    """
    per_epoch = task.train_images // size
    epochs = range(first // per_epoch, -(-last // per_epoch))
    each = per_epoch * size * task.images
    drawn = words(replicate, "augment", draw, size=each, first=epochs.start, count=len(epochs))
    rows = np.stack([np.remainder(epoch, np.uint64(CROPS), out=epoch).astype(np.uint8) for epoch in drawn])
    start = first - epochs.start * per_epoch
    return rows.reshape(-1, size, task.images)[start : start + last - first]
