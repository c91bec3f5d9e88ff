"""MNIST-1D (Greydanus & Kobak 2024, arXiv 2011.14439): ten shapes of a line, moved, sheared and made noisy; generated.

The first 4,000 examples for training and the first 1,000 for testing are those that its authors publish for a seed, in
their order, to the last bit of float32. Those behind them are drawn in the same way by another seed: with 1,000 test
examples an accuracy has a standard error of 1.4 pp.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.data._sets import NO_MOMENTS, SETS, DataSet, ImageSet

PUBLISHED_TRAIN, PUBLISHED_TEST = 4000, 1000
TRAIN, TEST = 5000, 12_000  # with those drawn beside the published ones
FURTHER = 1000  # added to the seed for them

# The line of each digit from left to right, its pen's height at twelve places.
SHAPES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
LENGTH, SAMPLED = 72, 40  # places of a signal while it is made, and of an example
FEWEST, PADDINGS = 36, 25  # zeros behind a line: as many, or up to 24 more


def published(seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64], float, float]:
    """Return the 5,000 published examples, scaled to mean 0 and sd 1 together, their labels, and mean and sd before."""
    drawn, labels = _drawn(seed, PUBLISHED_TRAIN + PUBLISHED_TEST)
    mean, sd = drawn.mean(), drawn.std()
    return (drawn - mean) / sd, labels, mean, sd


def mnist_1d(seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return signals, (17000, 40), and labels: those for training, 4,000 of them published, then those for testing.

    What is not published comes after what is, in either half, scaled by the mean and sd of the published examples.
    """
    first, first_labels, mean, sd = published(seed)
    drawn, labels = _drawn(seed + FURTHER, TRAIN + TEST - len(first))
    further = (drawn - mean) / sd
    more = TRAIN - PUBLISHED_TRAIN
    parts = (slice(None, PUBLISHED_TRAIN), slice(None, more), slice(PUBLISHED_TRAIN, None), slice(more, None))
    each = [(first, first_labels), (further, labels)] * 2
    return (
        np.concatenate([signals[part] for (signals, _), part in zip(each, parts, strict=True)]).astype(np.float32),
        np.concatenate([answers[part] for (_, answers), part in zip(each, parts, strict=True)]),
    )


def _drawn(seed: int, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return `count` signals, as many of each digit, in random order, and their labels; scaled by nothing yet.

    `RandomState` is numpy's frozen generator: a seed gives the same numbers in every version. The order of what is
    drawn for a signal is that of the published code.
    """
    from scipy.ndimage import gaussian_filter1d

    random = np.random.RandomState(seed)
    labels = np.repeat(np.arange(len(SHAPES)), count // len(SHAPES))
    padding, shift = np.empty((2, count), np.int64)
    scale, tilt = np.empty((2, count, 1))
    smooth, white = np.empty((2, count, LENGTH))
    for i in range(count):
        padding[i], scale[i], shift[i] = random.rand() * PADDINGS, 0.4 * (random.rand() - 0.5), random.choice(48)
        smooth[i], white[i], tilt[i] = random.randn(LENGTH), random.randn(LENGTH), 0.75 * (random.rand() - 0.5)
    order = random.permutation(count)
    signals = _lines()[labels, padding] * (1 + scale)
    signals = np.take_along_axis(signals, (np.arange(LENGTH) - shift[:, None]) % LENGTH, axis=1)
    signals = np.where(signals != 0, signals, gaussian_filter1d(0.25 * smooth, 2, axis=1)) + 0.02 * white
    signals -= tilt * np.linspace(-0.5, 0.5, LENGTH)
    return _resampled(signals, SAMPLED)[order], labels[order]


def _lines() -> NDArray[np.float64]:
    """Return each digit's line with `FEWEST` zeros and more behind it, in one length: (digits, paddings, LENGTH)."""
    heights = np.array(SHAPES, np.float64)
    heights -= heights.mean(1, keepdims=True)
    heights /= heights.std(1, keepdims=True)
    lines = (heights - heights[:, :1]) / 6 + 1e-8  # so that what is 0 is padding
    padded = (np.pad(lines, ((0, 0), (0, FEWEST + more))) for more in range(PADDINGS))
    return np.stack([_resampled(each, LENGTH) for each in padded], axis=1)


def _resampled(signals: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Return the signals, a row each, read at `length` even places of the straight lines between their points."""
    at = np.linspace(0, 1, signals.shape[1])
    places = np.linspace(0, 1, length)
    right = np.clip(np.searchsorted(at, places), 1, len(at) - 1)
    slope = (signals[:, right] - signals[:, right - 1]) / (at[right] - at[right - 1])
    return slope * (places - at[right - 1]) + signals[:, right - 1]


def _add(name: DataSet, seed: int) -> None:
    described = ImageSet(
        train=TRAIN, test=TEST, pixels=SAMPLED, classes=10, moments=NO_MOMENTS, load=lambda: mnist_1d(seed)
    )
    SETS.add(name, described)


_add(DataSet.MNIST_1D, 42)
_add(DataSet.MNIST_1D_43, 43)
