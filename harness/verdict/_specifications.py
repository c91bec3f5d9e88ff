"""What a claim's effect becomes where it is read otherwise: at other densities, at the early stop. None is chosen.

A band of densities and a step were locked. Somebody else might have locked others, on the same trainings: so the
comparison is made in every way that the rows allow, and all of them are printed (Simonsohn, Simmons and Nelson 2020,
"Specification curve analysis", Nature Human Behaviour 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

from harness.design import Band, Claim, Design, Part
from harness.errors import ResultsError
from harness.stats import MEAN, Interval, mean_interval
from harness.verdict._results import Results

LAST, STOP = "test_accuracy", "early_stop_accuracy"
NOISE = 9  # decimals: a difference of nothing is none, whatever rounding leaves of it
LEAST = 2  # pruned densities; with fewer there is nothing else to read


@dataclass(frozen=True, kw_only=True)
class Specification:
    """A part read in a band, at the last step or the early stop: mean and 95 % interval in its unit.

    `part` is the part as it was locked. `keeps` says whether the mean is on the side on which it is as locked. `missed`
    are the floors that the reference does not clear there; `locked` says that it is what was locked.
    """

    part: Part
    band: Band
    metric: str
    mean: float
    interval: Interval
    keeps: bool
    missed: tuple[str, ...]
    locked: bool


def specifications(claim: Claim, results: Results) -> list[Specification]:
    """Return every way to read each deciding part of a claim that compares accuracies over pruned densities.

    Bands are the locked one, each density by itself, and all pruned ones. Empty for parts with fewer than two of these.
    """
    design = claim.design(results.meta.scale)
    return [each for part in design.parts for each in _of(part, claim.id, design, results)]


def _of(part: Part, claim: str, design: Design, results: Results) -> Iterator[Specification]:
    levels = _levels(part, design)
    if part.reading is not MEAN or part.metric != LAST or part.band is None or len(levels) < LEAST:
        return
    bands = [part.band, *(Band(low=each, high=each) for each in levels), Band(low=min(levels), high=max(levels))]
    for band in dict.fromkeys(bands):
        for metric in (LAST, STOP):
            other = replace(part, band=band, metric=metric, floors=part.floors if metric == LAST else ())
            with suppress(ResultsError):  # of an arm that has no early stop, or is not measured there
                yield _read(part, other, band, claim, results)


def _read(locked: Part, part: Part, band: Band, claim: str, results: Results) -> Specification:
    x_R, reference_R = results.differences(claim, part), results.read(claim, part.reference, part)
    ahead = {floor: mean_interval(reference_R - results.read(claim, floor, part)).lower for floor in part.floors}
    mean, as_locked = (round(float(x.mean()), NOISE) for x in (x_R, results.differences(claim, locked)))
    return Specification(
        part=locked,
        band=band,
        metric=part.metric,
        mean=mean,
        interval=mean_interval(x_R),
        keeps=part.kind.keeps_side(mean, as_locked, part.bound),
        missed=tuple(floor for floor, lower in ahead.items() if not part.kind.clears(lower, part.bound)),
        locked=part == locked,
    )


def _levels(part: Part, design: Design) -> Sequence[Fraction]:
    """Return the pruned densities, or the points, that all arms of a part's pairs with more than one have, in order."""
    arms = [arm for pair in part.pairs for arm in pair]
    found = [set(design.points[arm]) for arm in arms if len(design.points[arm]) > 1]
    common = set.intersection(*found) if found else set()
    return design.axis.ordered(common - {Fraction(1)} if design.axis.is_density else common)
