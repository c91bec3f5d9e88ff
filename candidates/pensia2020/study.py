"""Sets of random weights, and how closely sums of them come to a target."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import Evaluation, Init, Linear, Network, Task, answer_metric, criterion, data_set, evaluate, fresh, prune

MOST, SETS = 16, 10
NET = Network((Linear("output", MOST, SETS, bias=False),), init=Init.KAIMING_UNIFORM)  # each column a set of weights
TARGETS = np.linspace(-0.5, 0.5, 201)


@data_set("pensia2020/unit-vectors", train=MOST, test=MOST)
def unit_vectors() -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the unit vectors twice: shown these, a net of one layer answers with its weights."""
    vectors = np.eye(MOST, dtype=np.float32)
    return np.concatenate([vectors, vectors]), np.arange(2 * MOST) % SETS


UNIT_VECTORS = Task(
    "unit vectors",
    images=1,
    classes=SETS,
    chance=1 / SETS,
    sesoi_pp=1.0,
    margin_pp=1.0,
    fixed_test=True,
    source="pensia2020/unit-vectors",
    shape=(1, 1, MOST),
    train_images=MOST - 1,
    validation_images=1,
    test_images=MOST,
)


@criterion("pensia2020/first inputs")
def first_inputs(weights: NDArray[Any], alive: NDArray[np.bool_]) -> NDArray[Any]:
    """Return scores by which the first weights of every set stay."""
    return np.broadcast_to(-np.arange(len(weights), dtype=np.float64)[:, None], weights.shape)


def _worst(sums: NDArray[Any]) -> float:
    """Return how far the worst target is from the nearest of `sums`, shape (sums,)."""
    sums = np.sort(sums)
    at = np.searchsorted(sums, TARGETS).clip(1, len(sums) - 1)
    return float(np.minimum(abs(TARGETS - sums[at - 1]), abs(TARGETS - sums[at])).max())


def _weights(logits: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the weights of every set, on -1 to 1, those that were removed left out."""
    scaled = logits / np.sqrt(6 / MOST)  # Kaiming uniform's bound
    return [column[column != 0] for column in scaled.T]


def _log_subset_error(weights: NDArray[Any]) -> float:
    sums = np.zeros(1)
    for weight in weights:
        sums = np.concatenate([sums, sums + weight])
    return float(np.log(_worst(sums)))


@answer_metric(
    "pensia2020/log_precision",
    "minus the log of the worst error of the best subset's sum",
    bounds=(0.5, 0.5),
    unit="nats",
)
def log_precision(logits: NDArray[np.float64], answers: NDArray[np.int64]) -> float:
    """Return the mean over sets of minus the log of the worst error."""
    return -float(np.mean([_log_subset_error(weights) for weights in _weights(logits)]))


@answer_metric(
    "pensia2020/log_gain",
    "log of the best single weight's worst error over that of subsets",
    bounds=(0.5, 0.5),
    unit="nats",
)
def log_gain(logits: NDArray[np.float64], answers: NDArray[np.int64]) -> float:
    """Return the mean over sets of how much closer subsets come than single weights, or none, do."""
    gains = [np.log(_worst(np.append(weights, 0.0))) - _log_subset_error(weights) for weights in _weights(logits)]
    return float(np.mean(gains))


def weights(count: int) -> Evaluation:
    """Return sets of `count` weights: the first of 16 that are drawn."""
    mask = prune(fresh(), keep=Fraction(count, MOST), by="pensia2020/first inputs", network=NET)
    return evaluate(NET, UNIT_VECTORS, mask=mask, also=("pensia2020/log_precision", "pensia2020/log_gain"))
