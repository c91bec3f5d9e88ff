"""What is read off a network's answers besides whether they are right: calibration, and how far two nets agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data import Task
from harness.errors import DesignError
from harness.expression._nodes import Asked, Mask, Measured, Measurement, Start
from harness.expression._trainings import Snapshot, Training, answering, check_origins
from harness.extensions import Extensions
from harness.networks import Network

AnswerMetric = Callable[[NDArray[np.float64], NDArray[np.int64]], float]  # of logits (n, classes) and answers (n,)

ANSWER_METRICS = Extensions[AnswerMetric]("metric of answers")  # by the name under which what they give is stored

BINS = 15  # of confidence, of equal width
OF_TWO_NETS = ("disagreement", "ensemble_accuracy")


def calibration_error(logits: NDArray[np.float64], answers: NDArray[np.int64]) -> float:
    """Return the expected calibration error in 15 bins of confidence (Guo et al. 2017, equation 3), a share.

    Confidence is the largest probability. The error is the mean over examples of how far the mean confidence in their
    bin is from its accuracy.
    """
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    confidence = (shifted / shifted.sum(1, keepdims=True)).max(1)
    right = logits.argmax(1) == answers
    bins = np.minimum(np.ceil(confidence * BINS).astype(np.int64) - 1, BINS - 1)
    over = np.bincount(bins, confidence - right, BINS)
    return float(np.abs(over).sum() / len(answers))


ANSWER_METRICS.add("calibration_error", calibration_error)


@dataclass(frozen=True, eq=False, repr=False)
class OfTwo(Measured):
    """What is measured of the weights `a` and the weights `b` of one network together."""

    network: Network
    task: Task
    a: Start
    b: Start

    @property
    def begins(self) -> Start:
        """One net."""
        return self.a

    @property
    def ends(self) -> Start:
        """The other net."""
        return self.b

    @property
    def removes(self) -> None:
        """No mask: weights that were removed are zero, and where masks are two, both nets' weights are used."""
        return None


@dataclass(frozen=True, eq=False, repr=False)
class Together(OfTwo):
    """What both answer on the same test examples."""

    @property
    def mask(self) -> Mask | None:
        """The mask of the first."""
        return self.a.under

    @property
    def asked(self) -> Asked:
        """The answers of both."""
        return Asked(measurement=Measurement("together", "answers of two nets", ("test", "test")))

    def measures(self, metric: str) -> bool:
        """Return whether it is of two nets."""
        return metric in OF_TWO_NETS


def disagreement(a: Training | Start, b: Training | Start) -> Together:
    """Measure on how many test examples two copies of a network answer differently, without training.

    A training means its end. Computed as `evaluate` does.

    * ``disagreement``: the share of the test examples on which their answers differ, right or wrong; no number where
      one diverged;
    * ``ensemble_accuracy``: the accuracy of the mean of their probabilities; where one diverged, chance.

    The density is that of the first.

    Args:
        a: A training, or weights.
        b: Another, of a network with the same tensors on the same task.

    Returns:
        A node, to be an arm of a design.

    Raises:
        DesignError: For networks with other tensors or other tasks, and for two drawn weights: no training says on what
            they are tested. For a training of scores, whose weights alone are another net.

    >>> from harness import DIGITS, SGD, Recipe, density, mlp, train
    >>> net, recipe = mlp(64, 30, 10), Recipe(optimiser=SGD(0.1), steps=200, batch=60)
    >>> copies = [train(net, DIGITS, recipe, streams={"order": draw}) for draw in (1, 2)]
    >>> density(disagreement(*copies))
    Fraction(1, 1)
    """
    a, b = (answering(each, "one of two nets") for each in (a, b))
    trained = [end.training for end in (a, b) if isinstance(end, Snapshot)]
    if not trained:
        raise DesignError(
            "disagreement() needs two weights, one of them a training's, which says on what they are tested. "
            "Next: give a training"
        )
    network, task = trained[0].network, trained[0].task
    for end in (a, b):
        check_origins(network, None, end)
    if trained[-1].task != task:
        raise DesignError(
            f"disagreement() of trainings on {task.name} and on {trained[-1].task.name}, which may differ in data. "
            "Next: two of one task"
        )
    return Together(network, task, a, b)
