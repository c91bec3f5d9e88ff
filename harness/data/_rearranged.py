"""What a replicate's inputs are made into: values scaled by its own training examples, mirrored, in another order."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from harness.data._splits import pools, source
from harness.data._tasks import FIXED, Scaling, Task
from harness.streams import Replicate, permutations


def places(task: Task, replicate: Replicate) -> NDArray[np.int64] | None:
    """Return for each place of an input which of its values is shown there, shape (inputs,); None where all stay.

    Each image of an input is mirrored first, then permuted: by the order that the replicate draws from its ``pixels``
    stream, the same for all of its images and arms, or by that of the task's own seed.
    """
    if not task.mirrored and not task.permuted:
        return None
    pixels = np.arange(math.prod(task.shape)).reshape(task.shape)
    shown = (pixels[..., ::-1] if task.mirrored else pixels).ravel()
    if task.permuted:
        drawn_by = replicate if task.permutation is None else Replicate(FIXED.suite_seed, task.permutation)
        shown = shown[permutations(drawn_by, "pixels", 0, n=len(shown), first=0, count=1)[0]]
    return np.concatenate([shown + image * len(shown) for image in range(task.images)])


def column_scales(task: Task, replicate: Replicate) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Return what is taken off each value of an input and by what it is then divided, each of shape (inputs,).

    Mean and sd, or minimum and range, over the replicate's training images alone, so that nothing is known of those it
    is tested on. A value that is the same in all of them is divided by 1. None where a task is not scaled so.
    """
    if task.scaling not in (Scaling.COLUMNS, Scaling.RANGE):
        return None
    images = source(task.source)[0]
    trained = images[pools(task.splitter(replicate), task)["train"]].astype(np.float64)
    if images.dtype == np.uint8:
        trained /= 255
    if task.scaling is Scaling.COLUMNS:
        off, by = trained.mean(0), trained.std(0)
    else:
        off, by = trained.min(0), np.ptp(trained, axis=0)
    by = np.where(trained.min(0) == trained.max(0), 1.0, by)
    return np.tile(off, task.images).astype(np.float32), np.tile(by, task.images).astype(np.float32)
