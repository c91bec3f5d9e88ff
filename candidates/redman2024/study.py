"""Signals, and normal draws that have the mean and covariance of the signals of their class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import MNIST1D, Scaling, Task, data_set
from harness.data import load_set

Examples = tuple[NDArray[Any], NDArray[Any]]
REACH = 6.0  # signals are put from -6..6 on 0..1
TRAIN, TEST = 4000, 1000


def _on_unit(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((x / (2 * REACH) + 0.5).clip(0, 1), np.float32)


def _signals() -> Examples:
    data = load_set(MNIST1D.source)
    return data.images[: TRAIN + TEST], data.labels[: TRAIN + TEST]


@data_set("redman2024/signals", train=TRAIN, test=TEST)
def signals() -> Examples:
    """Return MNIST-1D, on 0 to 1."""
    x, labels = _signals()
    return _on_unit(x), labels


@data_set("redman2024/normal", train=TRAIN, test=TEST)
def normal() -> Examples:
    """Return as many draws from normal distributions, one a class, of the signals' means and covariances."""
    x, labels = _signals()
    drawn, rng = np.empty_like(x), np.random.default_rng(1)
    for answer in np.unique(labels):
        of_class = labels == answer
        mean, covariance = x[of_class].mean(0), np.cov(x[of_class], rowvar=False)
        drawn[of_class] = rng.multivariate_normal(mean, covariance, of_class.sum(), method="cholesky")
    return _on_unit(drawn), labels


def _task(name: str) -> Task:
    return Task(
        name,
        images=1,
        classes=10,
        chance=0.1,
        sesoi_pp=MNIST1D.sesoi_pp,
        margin_pp=MNIST1D.margin_pp,
        fixed_test=True,
        source=f"redman2024/{name}",
        shape=(1, 1, 40),
        train_images=3600,
        validation_images=400,
        test_images=TEST,
        scaling=Scaling.COLUMNS,
    )


SIGNALS, NORMAL = _task("signals"), _task("normal")
