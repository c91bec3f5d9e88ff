"""The criterion, two metrics, and a net that is pruned by the criterion and by others, then trained on."""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness import DIGITS, Adam, Evaluation, Mask, Recipe, answer_metric, criterion, evaluate, mask_metric, mlp, train


@criterion("lamp")
def lamp(weights: NDArray[np.float32], alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each weight's square over the sum of it and of all larger squares of its layer (Lee et al. 2021).

    The largest of a layer scores 1, so that pruning all layers together never empties one.
    """
    squares = np.where(alive, weights.astype(np.float64), 0.0).ravel() ** 2
    rising = np.argsort(squares, kind="stable")
    rest = np.cumsum(squares[rising][::-1])[::-1]
    scores = np.empty_like(squares)
    scores[rising] = np.divide(squares[rising], rest, out=np.zeros_like(rest), where=rest > 0)
    return scores.reshape(weights.shape)


@mask_metric("evenness", "weights of the smallest layer over the largest's", bounds=(2.0, 2.0))
def evenness(layers: Mapping[str, NDArray[np.bool_]]) -> float:
    """Return the number of weights that the emptiest layer keeps, over that of the fullest: 1 if all are alike."""
    counts = [int(kept.sum()) for kept in layers.values()]
    return min(counts) / max(counts)


@answer_metric("worst_class", "accuracy on the class that is answered worst", bounds=(1.0, 1.0))
def worst_class(logits: NDArray[np.float64], answers: NDArray[np.int64]) -> float:
    """Return the lowest of the classes' accuracies."""
    right = logits.argmax(1) == answers
    return float(min(right[answers == each].mean() for each in np.unique(answers)))


NET = mlp(64, 200, 100, 50, 10)
RECIPE = Recipe(optimiser=Adam(2e-3), steps=300, batch=60)
KEEP = Fraction(1, 30)  # of all weights
DENSE = train(NET, DIGITS, RECIPE)


def trained_on(mask: Mask) -> Evaluation:
    """Return what the dense net answers, pruned and trained on, with the accuracy on its worst class."""
    retrained = train(NET, DIGITS, RECIPE, mask=mask, start=DENSE.at("end"), streams={"order": 1})
    return evaluate(NET, DIGITS, weights=retrained.at("end"), mask=mask, also=("worst_class",))
