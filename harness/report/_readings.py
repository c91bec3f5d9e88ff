"""A claim read in every way that its rows allow, as a table: a row a band, at the last step and the early stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.design import Band, Claim, Part
from harness.report._hypothesis import band_of
from harness.report._notation import interval
from harness.verdict import MeanInterval, Results, Specification, specifications


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A part in one band, in words: at the last step and at the early stop."""

    part: str
    band: str
    last: str
    stop: str


@dataclass(frozen=True, kw_only=True)
class Readings:
    """All readings of a claim's parts; `kept` is how many of `of` keep the side that the part has as locked."""

    kept: int
    of: int
    rows: Sequence[Reading]


def readings(claim: Claim, results: Results) -> Readings | None:
    """Return every reading of a claim's deciding parts; None where there is nothing else to read."""
    found = [] if results.meta.quick else specifications(claim, results)
    if not found:
        return None
    places = dict.fromkeys((each.part, each.band) for each in found)
    rows = [
        Reading(part=part.name, band=_band(part, band), last=last, stop=stop)
        for part, band in places
        for last, stop in [_both([each for each in found if (each.part, each.band) == (part, band)])]
    ]
    return Readings(kept=sum(each.keeps for each in found), of=len(found), rows=rows)


def _band(part: Part, band: Band) -> str:
    words = band_of(replace(part, band=band))
    return f"**{words}**, as locked" if band == part.band else words


def _both(found: Sequence[Specification]) -> tuple[str, str]:
    told = {each.metric: _words(each) for each in found}
    return told.get("test_accuracy", "–"), told.get("early_stop_accuracy", "–")


def _words(each: Specification) -> str:
    notes = [*(["**not that side**"] if not each.keeps else []), *(f"{floor} not cleared" for floor in each.missed)]
    ends = each.interval
    effect = MeanInterval(mean=each.mean, lower=ends.lower, upper=ends.upper, unit=each.part.unit)
    return "; ".join([interval(effect), *notes])
