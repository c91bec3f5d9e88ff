"""The right half of a figure: each comparison's difference in every replicate, its mean, and what it is held to.

All of it is in ink, as colours tell arms apart; what stands beside and decides nothing is grey. A star is a number that
the paper prints: filled on the paper's own data, hollow elsewhere. On the paper's data, where it says over how many
trials its mean is, a thin line shows where 95 of 100 such means would lie after what was measured here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.design import Claim, Design, Part, Published, printed_of
from harness.report._pictures import jitter
from harness.report._printed import expected
from harness.report._style import FAINT, GRID, INK
from harness.stats import FloatArray
from harness.verdict import ClaimVerdict, PartVerdict, Results

FLATTENED = 8.0  # how many times wider a scale may be than what is drawn on it
ROOM = 0.06  # share of the axis left free at either end
CALLED = 0.72  # share of the axis up to which a star has its name on the right
ABOVE = 0.66  # where the paper's number stands, above the dots: these are within 0.3 of 0


@dataclass(frozen=True)
class Row:
    """A comparison as it is drawn."""

    axis: Axes
    part: Part
    result: PartVerdict
    values: FloatArray
    published: Sequence[Published]
    decides: bool

    @property
    def colour(self) -> str:
        """Ink where it decides, else grey."""
        return INK if self.decides else FAINT


def differences(figure: Figure, results: Results, claim: Claim, verdict: ClaimVerdict) -> list[Axes]:
    """Draw every comparison of a claim on axes of its own, those of one unit on one scale, and return these."""
    design = claim.design(results.meta.scale)
    rows = [
        Row(
            figure.add_axes((0, 0, 1, 1)),
            part,
            result,
            results.differences(claim.id, part),
            printed_of(claim, part, design),
            place < len(design.parts),
        )
        for place, (part, result) in enumerate(zip(design.compared(), verdict.compared, strict=True))
    ]
    for row in rows:
        _draw(row, design)
    scales = _share_scales(rows)
    for row in rows:
        _call_star(row, design)
    units = ", ".join(dict.fromkeys(row.part.unit for row in rows))
    lines = [
        f"difference ({units}): dots are n = {len(results.replicates(claim.id))} replicates,",
        "the bar is the 95 % interval of their mean; dashed: the bound",
    ]
    if scales > len({row.part.unit for row in rows}):
        lines.append("on scales of their own where a common one would flatten some")
    stars = [(each, row) for row in rows for each in row.published]
    if stars:
        hollow = any(not each.same_task(row.part, design) for each, row in stars)
        lines.append(f"star: the paper's number{', hollow on other data' * hollow}")
    if any(expected(each, row.part, row.result, design) for each, row in stars):
        lines.append("thin: 95 % of means over as many trials as the paper's")
    rows[-1].axis.set_xlabel("\n".join(lines))
    return [row.axis for row in rows]


def _draw(row: Row, design: Design) -> None:
    """Draw one comparison: a dot a replicate, mean and 95 % interval, 0, the bound, and what the paper prints."""
    axis, part, result = row.axis, row.part, row.result
    axis.axvline(0, color=INK, lw=0.8)
    for side in part.kind.refuted:
        axis.axvline(side.value(part.bound), color=INK, lw=1.2, ls=(0, (3, 1.5)))
    axis.plot(row.values, jitter(len(row.values), 0.3), ".", color=row.colour, ms=5, alpha=0.55, mew=0)
    if result.lower is not None and result.upper is not None:
        axis.plot([result.lower, result.upper], [0, 0], color=row.colour, lw=3)
    mean = np.nan if result.mean is None else result.mean
    axis.plot([mean], [0], "o", color=row.colour, ms=8, mec="white", mew=1)
    for each in row.published:
        same = each.same_task(part, design)
        if (found := expected(each, part, result, design)) is not None:
            axis.plot([found.lower, found.upper], [ABOVE, ABOVE], "|-", color=INK, lw=0.8, ms=5)
        axis.plot([each.value], [ABOVE], "*", color=INK, ms=10, mfc=INK if same else "white", mew=0.8)
    axis.set_ylim(-0.6, 1.0 if row.published else 0.6)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    role = ", null setting" if part.null_setting else "" if row.decides else ", beside"
    axis.set_title(f"{part.name}\n{part.kind.holds_to(part.bound, part.unit)}{role}", fontsize=9)
    axis.grid(axis="x", color=GRID, lw=0.6)
    axis.set_axisbelow(True)


def _call_star(row: Row, design: Design) -> None:
    """Say whose the stars are, to their right or, where there is no room, to their left."""
    if not row.published:
        return
    ends = [each.value for each in row.published]
    for each in row.published:
        if (found := expected(each, row.part, row.result, design)) is not None:
            ends += [found.lower, found.upper]
    others = dict.fromkeys(each.task for each in row.published if not each.same_task(row.part, design))
    low, high = row.axis.get_xlim()
    right = max(ends) - low <= CALLED * (high - low)
    row.axis.annotate(
        ", ".join(["paper", *others]), (max(ends) if right else min(ends), ABOVE), (8 if right else -8, 0),
        textcoords="offset points", ha="left" if right else "right", va="center", fontsize=8, color=INK,
    )  # fmt: skip


def _ends(row: Row) -> tuple[float, float]:
    """Return between which values everything of a comparison lies, 0 too."""
    interval = [end for end in (row.result.lower, row.result.upper) if end is not None]
    bounds = [side.value(row.part.bound) for side in row.part.kind.refuted]
    drawn = [0.0, *bounds, *interval, *row.values, *(each.value for each in row.published)]
    return min(drawn), max(drawn)


def _share_scales(rows: Sequence[Row]) -> int:
    """Give comparisons of one unit one scale, so that 0 stands in one place; what that would flatten has another.

    Return how many scales there are. They are given from the widest comparison down: one goes with those of which none
    is `FLATTENED` times as wide.
    """
    scales, units = 0, defaultdict[str, list[Row]](list)
    for row in rows:
        units[row.part.unit].append(row)
    for group in units.values():
        left = sorted(group, key=_wide, reverse=True)
        while left:
            together = [row for row in left if _wide(row) * FLATTENED >= _wide(left[0])]
            lows, highs = zip(*map(_ends, together), strict=True)
            room = ROOM * (max(highs) - min(lows))
            for row in together:
                row.axis.set_xlim(min(lows) - room, max(highs) + room)
            left = left[len(together) :]
            scales += 1
    return scales


def _wide(row: Row) -> float:
    low, high = _ends(row)
    return high - low
