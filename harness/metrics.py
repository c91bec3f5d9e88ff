"""What a part of a hypothesis may read of a training or evaluation: stored numbers, and those derived from them.

A share (an accuracy, a barrier) is compared in percentage points, against the task's smallest effect of interest and
margin. A quantity that has no upper end (a step, a distance) is compared as its natural logarithm: a difference of .1
is a ratio of 1.105, or 10 log points, and such metrics have bounds of their own, fixed once like a task's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.errors import DesignError, nearest
from harness.population import Row

Rows = Mapping[str, Row]  # of one member: the last row of each stored metric

PERCENTAGE_POINTS = "pp"
LOG_POINTS = "log points"


@dataclass(frozen=True)
class Metric:
    """A number a member, in `words`; its hundredfold is in `unit`.

    `bounds` are the smallest effect of interest and the margin, where they are not the task's. `derive` makes it of
    what is stored; without one it is stored under its own name.
    """

    name: str
    words: str
    unit: str = PERCENTAGE_POINTS
    bounds: tuple[float, float] | None = None
    derive: Callable[[Rows], Row | None] | None = None


def _log(stored: str, *, of_step: bool = False) -> Callable[[Rows], Row | None]:
    def derive(rows: Rows) -> Row | None:
        if (row := rows.get(stored)) is None or (value := float(row.step) if of_step else row.value) <= 0:
            return None
        return Row("", row.step, math.log(value))

    return derive


def _converged(rows: Rows) -> Row | None:
    row = rows.get("test_accuracy")
    return None if row is None else Row("", row.step, float(row.value == 1))


METRICS = {
    metric.name: metric
    for metric in (
        Metric("test_accuracy", "test accuracy after the last step"),
        Metric("early_stop_accuracy", "test accuracy at the early stop"),
        Metric("validation_accuracy", "validation accuracy after the last step"),
        Metric("converged", "share of nets whose answers are all right", derive=_converged),
        Metric(
            "log_early_stop_step",
            "step of the early stop",
            LOG_POINTS,
            (10.0, 10.0),
            _log("early_stop_accuracy", of_step=True),
        ),
    )
}


def metric(name: str) -> Metric:
    """Return a metric by name. Raises DesignError, with the nearest names, for one that parts cannot read."""
    if name not in METRICS:
        raise DesignError(f"no metric {name!r} to compare{nearest(name, METRICS)} Metrics: {', '.join(METRICS)}")
    return METRICS[name]


def derived(name: str, rows: Rows) -> Row | None:
    """Return the row of metric `name` from a member's last rows, or None where they do not give it."""
    derive = METRICS[name].derive if name in METRICS else None
    if derive is None:
        return rows.get(name)
    row = derive(rows)
    return None if row is None else Row(name, row.step, row.value)
