"""A claim at several scales side by side, from the verdicts at each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.design import Claim, Scale
from harness.report._notation import anchor, interval
from harness.verdict import ClaimVerdict, Verdicts

Others = Mapping[Scale, Verdicts]  # those at other scales


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison at one scale; `link` leads to the claim's section there, and is empty at the scale at hand.

    Scale, data and verdict stand in the first row of a scale.
    """

    scale: Scale | None
    link: str
    data: str
    verdict: str
    comparison: str
    effect: str
    n: str


def side_by_side(claim: Claim, verdict: ClaimVerdict, scale: Scale, others: Others) -> Sequence[Row]:
    """Return a row a deciding part of each scale, what they share in the first; none if there is `scale` only."""
    known = {other: each.claims[claim.id] for other, each in others.items() if claim.id in each.claims}
    if not known:
        return []
    known[scale] = verdict
    rows = []
    for each in Scale:
        if each in known:
            link = "" if each == scale else f"../{each}/report.md#{anchor(claim.id)}"
            rows += _rows(claim, known[each], each, link, verdict.version)
    return rows


def _rows(claim: Claim, verdict: ClaimVerdict, scale: Scale, link: str, version: int) -> list[Row]:
    data = _data(claim, scale)
    text = verdict.in_words(scale)
    if verdict.version != version:
        text += f", version {verdict.version}"
    n = str(verdict.n or "–")
    if not verdict.parts:
        told = verdict.rests_on
        return [Row(scale=scale, link=link, data=data, verdict=text, comparison=told, effect="–", n=n)]
    rows = [
        Row(
            scale=scale,
            link=link,
            data=data,
            verdict=text,
            comparison=part.name,
            effect=interval(part),
            n=str(part.n),
        )
        for part in verdict.parts
    ]
    return [rows[0], *(replace(row, scale=None, link="", data="", verdict="") for row in rows[1:])]


def _data(claim: Claim, scale: Scale) -> str:
    """Return the tasks that the claim's parts are read on."""
    parts = claim.design(scale).parts if scale in claim.predicted else ()
    return ", ".join(dict.fromkeys(part.task for part in parts)) or "–"
