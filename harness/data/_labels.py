"""Labels that a task changes: what a table of answers makes of them, and label noise."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from harness.streams import Replicate, generator, integers, permutations

Answers = tuple[int | None, ...]  # by label: what a task calls it, or None where it is left out
LEFT_OUT = -1


def answered(labels: NDArray[np.int64], answers: Answers) -> NDArray[np.int64]:
    """Return for each label its answer, or `LEFT_OUT`; without a table the label itself. Any shape."""
    if not answers:
        return labels
    table = np.array([LEFT_OUT if answer is None else answer for answer in answers], np.int64)
    found: NDArray[np.int64] = table[labels]
    return found


def with_noise(answers: NDArray[np.int64], share: Fraction, classes: int, replicate: Replicate) -> NDArray[np.int64]:
    """Return the answers, shape (n,), of which exactly round-half-up(n `share`) are another class than they were.

    Which they are, and which of the other classes each becomes, all equally likely, is drawn from the replicate's
    ``labels`` stream. Of two shares the larger one changes what the smaller one changes, in the same way.
    """
    if not share:
        return answers
    changed = permutations(replicate, "labels", 0, n=len(answers), first=0, count=1)[0][: noisy(len(answers), share)]
    further = integers(generator(replicate, "labels", 0, counter=1), classes - 1, len(answers)) + 1
    noised = answers.copy()
    noised[changed] = (answers[changed] + further[changed]) % classes
    return noised


def noisy(examples: int, share: Fraction) -> int:
    """Return how many of so many training examples have another label under noise: rounded half up."""
    return int(examples * share + Fraction(1, 2))
