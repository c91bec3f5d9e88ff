"""Each member's batches: which images a step shows, their answers, and how they are cropped. Knows no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.data._splits import Examples, _examples, pools, taught
from harness.data._tasks import CROPS, Task
from harness.streams import Replicate, generator, integers, permutations


def batches(task: Task, replicate: Replicate, draw: int, *, size: int, first: int, last: int) -> Examples:
    """Return the batches of steps `first` to `last - 1`: images (steps, size, images), answers (steps, size).

    Single images come in epoch permutations, the last partial batch dropped; pairs are drawn afresh for every step.
    Both are functions of the absolute step, from the replicate's ``order`` stream at `draw`, an epoch a counter value.
    """
    pool = pools(task.splitter(replicate), task)["train"]
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
    if task.noise:
        return Examples(pool[picked], taught(task, replicate, pool)[picked[..., 0]])
    return _examples(task, pool[picked])


def crops(task: Task, replicate: Replicate, draw: int, *, size: int, first: int, last: int) -> NDArray[np.uint8]:
    """Return which of the `CROPS` crops each image of the batches of steps `first` to `last - 1` is shown as.

    Shape (steps, size, images). A function of the absolute step as the batches are, from the replicate's ``augment``
    stream at `draw`. The engine's `cropped` makes them.
    """
    per_epoch = task.train_images // size
    epochs = range(first // per_epoch, -(-last // per_epoch))
    each = per_epoch * size * task.images
    rows = [integers(generator(replicate, "augment", draw, e), CROPS, each).astype(np.uint8) for e in epochs]
    start = first - epochs.start * per_epoch
    return np.stack(rows).reshape(-1, size, task.images)[start : start + last - first]
