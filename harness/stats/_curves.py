"""What a part reads of an arm along its axis: one number a replicate of its values at several points.

To add a reading, register one more `Reading`, here or in any module that is imported: nothing else knows their names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.errors import DesignError
from harness.extensions import Extensions
from harness.stats._paired import FloatArray

Read = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One number a replicate, by `of`, of an arm's values at the points of its axis, and words.

    `of` is given the places of the points, shape (points,), and the values there, (replicates, points), in the order of
    the axis: a density falls. A place is the natural logarithm of a point where the axis is one of ratios. It returns
    (replicates,): a value in the unit of the metric, or with `is_place` a place. It needs at least `fewest` points; of
    an arm at one point, a reading that needs more is 0, or its place.

    `named` stands behind a part's name. In the sentence of the hypothesis `each` is said of an arm, ``{arm}``, `whole`
    of their difference, ``{gap}``, which may say ``{towards}`` where the axis leads, and `over` before the points.
    `str` gives the name, with ``@version`` from version 2 on: this is what locks hold.

    Raises DesignError for fewer than one point, and for words that cannot be filled in.
    """

    name: str
    version: int = 1
    of: Read
    fewest: int = 1
    is_place: bool = False
    named: str = ""
    each: str = "{arm}"
    whole: str = "{gap}"
    over: str = "over"

    def __post_init__(self) -> None:
        try:
            self.each.format(arm=""), self.whole.format(gap="", towards="")
        except (ValueError, LookupError) as error:
            raise DesignError(
                f"reading {self.name!r}: its words cannot be filled in ({error}). Next: write {{arm}} in each=, and "
                "{gap} and {towards} in whole="
            ) from error
        if self.fewest < 1:
            raise DesignError(f"reading {self.name!r} of {self.fewest} points. Next: fewest=1 or more")

    def __str__(self) -> str:
        return self.name if self.version == 1 else f"{self.name}@{self.version}"

    def read(self, place_P: FloatArray, value_RP: FloatArray) -> FloatArray:
        """Return one number a replicate, shape (replicates,).

        Of an arm at one point, a reading that needs more is 0, or that place: nothing changes along it.
        """
        if len(place_P) == 1 and self.fewest > 1 and not self.is_place:
            return np.zeros(len(value_RP))
        return self.of(place_P, value_RP)


READINGS = Extensions[Reading]("reading")


def add_reading(reading: Reading) -> Reading:
    """Add a reading, to be found by what `str` gives; return it. Raises DesignError where another has that name."""
    READINGS.add(reading.name, reading, version=reading.version)
    return reading


def _mean(place_P: FloatArray, value_RP: FloatArray) -> FloatArray:
    means: FloatArray = value_RP.mean(axis=1)
    return means


def _fitted_change(place_P: FloatArray, value_RP: FloatArray) -> FloatArray:
    """Return what the least-squares line over the places rises from the first to the last."""
    if place_P[0] > place_P[-1]:  # summed from the lowest place up, as committed verdicts are
        return -_fitted_change(place_P[::-1], value_RP[:, ::-1])
    x_P = place_P - place_P.mean()
    change: FloatArray = value_RP @ x_P / (x_P @ x_P) * (x_P.max() - x_P.min())
    return change


def _peak(place_P: FloatArray, value_RP: FloatArray) -> FloatArray:
    """Return how far the largest value between the ends is above the larger end; below 0 where it is not."""
    height: FloatArray = value_RP[:, 1:-1].max(axis=1) - np.maximum(value_RP[:, 0], value_RP[:, -1])
    return height


def _dip(place_P: FloatArray, value_RP: FloatArray) -> FloatArray:
    """Return how far the smallest value between the ends is below the smaller end; below 0 where it is not."""
    return _peak(place_P, -value_RP)


def _peak_place(place_P: FloatArray, value_RP: FloatArray) -> FloatArray:
    """Return where the largest value is; the first of several."""
    places: FloatArray = place_P[value_RP.argmax(axis=1)]
    return places


def _dip_place(place_P: FloatArray, value_RP: FloatArray) -> FloatArray:
    """Return where the smallest value is; the first of several."""
    return _peak_place(place_P, -value_RP)


MEAN = add_reading(Reading(name="mean", of=_mean, over="mean over"))
SLOPE = add_reading(
    Reading(name="slope", of=_fitted_change, fewest=3, named=" increasingly", whole="change of {gap} {towards}")
)
PEAK = add_reading(Reading(name="peak", of=_peak, fewest=3, named=" in its peak", each="peak of {arm}"))
DIP = add_reading(Reading(name="dip", of=_dip, fewest=3, named=" in its dip", each="dip of {arm}"))
PEAK_PLACE = add_reading(
    Reading(
        name="peak place", of=_peak_place, fewest=3, is_place=True, named=" in the place of its peak",
        each="place of the peak of {arm}",
    )
)  # fmt: skip
DIP_PLACE = add_reading(
    Reading(
        name="dip place", of=_dip_place, fewest=3, is_place=True, named=" in the place of its dip",
        each="place of the dip of {arm}",
    )
)  # fmt: skip
