"""Axes of figures along what was measured: accuracies by their error, other shares as they are, the rest by ratio."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from harness.design import metric
from harness.report._notation import significant, written
from harness.report._style import GRID

ERROR_TICKS = (0.5, 1, 2, 5, 10, 20, 50, 90)  # percent; read as accuracies
FINER_TICKS = (0.5, 0.7, 1, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 90)  # where fewer than three of those show
LEAST_ERROR = 0.05  # percent; a perfect score is drawn here

Which = Literal["x", "y"]


class Along:
    """How values of one metric are drawn: `values`, a hundredfold of what is stored, as places on an axis."""

    def __init__(self, name: str) -> None:
        self.metric = metric(name)

    def places(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where values are drawn: accuracies at their error in percent, at least what a log scale can show."""
        return np.maximum(100 - values, LEAST_ERROR) if self.metric.is_accuracy else values

    def within(self, low: float, high: float) -> tuple[float, float]:
        """Return the ends of an interval of places, kept to where there are values."""
        return (max(low, LEAST_ERROR), min(high, 100.0)) if self.metric.is_accuracy else (low, high)

    def written(self, place: float) -> str:
        """Return the value at a place as it is printed."""
        return written(100 - place if self.metric.is_accuracy else place, self.metric.name)

    def finish(self, axis: Axes, which: Which, places: NDArray[np.float64]) -> None:
        """Set scale, limits, ticks and label of an axis that shows `places`."""
        along = axis.xaxis if which == "x" else axis.yaxis
        if self.metric.is_accuracy:
            self._errors(axis, which, places)
        elif self.metric.log:
            along.set_major_locator(FixedLocator(_round_numbers(places)))
            along.set_minor_locator(NullLocator())
            along.set_major_formatter(FuncFormatter(lambda place, _: significant(math.exp(place / 100))))
        axis.grid(axis=which, color=GRID, lw=0.6)
        scale = "\nthe error is on a log scale" if self.metric.is_accuracy else ""
        unit = "log scale" if self.metric.log else self.metric.counts or "%"
        words = f"{self.metric.words} ({unit}){scale}"
        (axis.set_xlabel if which == "x" else axis.set_ylabel)(words)

    def _errors(self, axis: Axes, which: Which, errors: NDArray[np.float64]) -> None:
        """Show errors (%) on a log scale, read as accuracy: a collapse and a tenth of a point fit into one panel."""
        set_scale, set_limits, along = (
            (axis.set_xscale, axis.set_xlim, axis.xaxis)
            if which == "x"
            else (axis.set_yscale, axis.set_ylim, axis.yaxis)
        )
        set_scale("log")
        low, high = errors.min() / 1.15, min(errors.max() * 1.15, 100.0)
        set_limits(high, low)
        ticks, finer = ([tick for tick in each if low <= tick <= high] for each in (ERROR_TICKS, FINER_TICKS))
        along.set_major_locator(FixedLocator(ticks if len(ticks) > 2 else finer))
        along.set_minor_locator(NullLocator())
        along.set_major_formatter(FuncFormatter(lambda error, _: f"{100 - error:g}"))


def _round_numbers(places: NDArray[np.float64]) -> list[float]:
    """Return the places, in log points, of 1, 2, 5, 10, ... that are near what is shown."""
    low, high = places.min() - 20, places.max() + 20
    decades = range(math.floor(low / 230) - 1, math.ceil(high / 230) + 1)
    every = [100 * math.log(digit * 10.0**decade) for decade in decades for digit in (1, 2, 3, 5, 7)]
    return [place for place in every if low <= place <= high]
