"""Metrics that a user brings: functions of masks and of answers, and what parts read of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from harness.design._metrics import PERCENTAGE_POINTS, Metric, add_metric
from harness.errors import DesignError
from harness.expression import ANSWER_METRICS, MASK_METRICS, AnswerMetric, MaskMetric
from harness.extensions import Extensions

F = TypeVar("F", bound=Callable[..., float])


def mask_metric(
    name: str, words: str, *, bounds: tuple[float, float] | None = None, unit: str = PERCENTAGE_POINTS, version: int = 1
) -> Callable[[MaskMetric], MaskMetric]:
    """Register the decorated function as a metric of masks, for ``structure(mask, task, also=(name,))``.

    Args:
        name: What claims call it, in `also` and in a part's ``metric=``.
        words: What it is, in reports.
        bounds: Smallest effect of interest and margin, in its unit.
        unit: ``"pp"`` for a share between 0 and 1, or what is counted.
        version: Raise it when the function gives other numbers: it is part of the name that keys and locks hash.

    Returns:
        A decorator. The function is given by layer's name which weights are kept, arrays of bool in the shape of the
        layer's tensor (inputs x outputs, or outputs x inputs x height x width), and must not change them. It returns
        one finite number, of these arrays alone. Workers call it: it stands in a file of the folder of claims, or in a
        module that such a file imports.

    Raises:
        DesignError: Where another function or metric has this name and version, and without two positive bounds.

    Example:
        >>> from harness.design import METRICS
        >>> @mask_metric("half_empty", "layers that keep less than half", bounds=(1.0, 1.0), unit="layers")
        ... def half_empty(layers):
        ...     return sum(kept.mean() < 0.5 for kept in layers.values())
        >>> METRICS["half_empty"].unit
        'layers'
        >>> METRICS.remove("half_empty"); MASK_METRICS.remove("half_empty")
    """
    return _registered(MASK_METRICS, name, words, bounds, unit, version)


def answer_metric(
    name: str, words: str, *, bounds: tuple[float, float] | None = None, unit: str = PERCENTAGE_POINTS, version: int = 1
) -> Callable[[AnswerMetric], AnswerMetric]:
    """Register the decorated function as a metric of answers, for ``evaluate(..., also=(name,))``.

    Args:
        name: What claims call it, in `also` and in a part's ``metric=``.
        words: What it is, in reports.
        bounds: Smallest effect of interest and margin, in its unit.
        unit: ``"pp"`` for a share between 0 and 1, or what its numbers are in, such as ``"nats"``.
        version: Raise it when the function gives other numbers: it is part of the name that keys and locks hash.

    Returns:
        A decorator. The function is given a net's logits on its test set, (examples, classes), and the right answers,
        (examples,), and returns one finite number, of these alone. A net that diverged has none. Workers call it: it
        stands in a file of the folder of claims, or in a module that such a file imports.

    Raises:
        DesignError: Where another function or metric has this name and version, and without two positive bounds.

    Example:
        >>> from harness.design import METRICS
        >>> @answer_metric("second_best", "share of answers that are the second best", bounds=(0.5, 0.5))
        ... def second_best(logits, answers):
        ...     return (logits.argsort(1)[:, -2] == answers).mean()
        >>> METRICS["second_best"].unit
        'pp'
        >>> METRICS.remove("second_best"); ANSWER_METRICS.remove("second_best")
    """
    return _registered(ANSWER_METRICS, name, words, bounds, unit, version)


def _registered(
    functions: Extensions[F], name: str, words: str, bounds: tuple[float, float] | None, unit: str, version: int
) -> Callable[[F], F]:
    """Return what adds a function under a name, and the metric that parts read of what it gives."""
    functions.check_name(name, version)
    if not isinstance(bounds, tuple) or len(bounds) != 2:
        raise DesignError(
            f"metric {name!r} with bounds {bounds}: which difference is of interest, and up to which two arms count as "
            f"equal, only its author can say. Next: bounds=(sesoi, margin), both in its unit, {unit}"
        )
    full = name if version == 1 else f"{name}@{version}"
    read = Metric(name, words, stored=full, bounds=bounds, counts="" if unit == PERCENTAGE_POINTS else unit)

    def register(function: F) -> F:
        functions.add(name, function, version=version)
        add_metric(read, version=version)
        return function

    return register
