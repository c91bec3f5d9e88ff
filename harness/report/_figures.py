"""One figure a claim, as SVG: what was measured of every arm, and the paired differences the verdict rests on.

The same rows give the same bytes: no dates, no random identifiers, text as outlines. Figures stand on a white card, so
that they read on white and on dark pages; colours are Okabe and Ito's, made for colour-blind readers.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

from harness.design import Claim, Part
from harness.report._notation import unit_of
from harness.report._pictures import jitter, panels, picture
from harness.report._style import COLOURS, FAINT, INK, STYLE
from harness.verdict import ClaimVerdict, PartVerdict, Results, Verdicts

PLACES = 9  # decimals of where a part of a figure is: finer than what is printed, coarser than the solver's noise
COLUMN, ROW, RIGHT = 4.8, 3.4, 4.4  # inches: a panel of arms, and the differences beside


def draw_figure(results: Results, claim: Claim, verdict: ClaimVerdict) -> bytes:
    """Return the claim's figure as SVG: panels of arms, one below the other a metric, and a row a comparison."""
    design = claim.design(results.meta.scale)
    columns = panels(results, claim.id, design)
    parts = design.compared()
    deep, wide = max(map(len, columns.values())), COLUMN * len(columns)
    with mpl.rc_context(STYLE):
        height = max(4.6, ROW * deep, 0.6 + 1.35 * len(parts))
        figure = Figure(figsize=(wide + RIGHT, height))
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[wide, RIGHT])[0]
        axes = left.subplots(deep, len(columns), squeeze=False)
        for column, (title, shown) in zip(axes.T, columns.items(), strict=True):
            for axis in column[len(shown) :]:
                axis.remove()
            for axis, panel in zip(column, shown, strict=False):
                picture(panel)(axis, panel)
                named = ", ".join(filter(None, (title, panel.layer)))
                axis.set_title(named or "Every arm" * (panel is shown[0]))
        rows = right.subplots(len(parts), 1, squeeze=False)[:, 0]
        for place, (axis, part, result) in enumerate(zip(rows, parts, verdict.compared, strict=True)):
            _difference(axis, results, claim.id, part, result, decides=place < len(design.parts))
        units, n = ", ".join(dict.fromkeys(unit_of(part) for part in parts)), len(results.replicates(claim.id))
        rows[-1].set_xlabel(
            f"difference ({units}): dots are n = {n} replicates,\nthe bar is the 95 % interval of their mean"
        )
        figure.suptitle(claim.id, x=0.01, ha="left", fontsize=12, fontweight="bold")
        _settle(figure)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _numbered(out.getvalue())


def _settle(figure: Figure) -> None:
    """Lay the figure out once, without drawing it, and round where its parts and their axes are.

    The layout's solver takes its constraints in an order that changes from drawing to drawing, and with it the last
    digits of a coordinate, which the same rows must not give otherwise.
    """
    ConstrainedLayoutEngine().execute(figure)
    for part in figure.subfigs:  # axes are placed relative to these
        box = part.bbox_relative
        box.p0, box.p1 = np.round(box.p0, PLACES) + 0.0, np.round(box.p1, PLACES) + 0.0  # no zero below zero
    for axis in figure.findobj(Axes):
        axis.set_position(Bbox.from_bounds(*(round(each, 5) for each in axis.get_position().bounds)))


def _numbered(svg: bytes) -> bytes:
    """Return a figure whose clip paths are numbered as they come: matplotlib names them by a hash of all their digits.

    Where the layout's noise is too small to be printed, it still changed these names.
    """
    ids = dict.fromkeys(re.findall(rb"url\(#(p[0-9a-f]{10})\)", svg))
    for number, id in enumerate(ids, start=1):
        svg = svg.replace(b"#" + id, b"#clip%d" % number).replace(b'id="' + id + b'"', b'id="clip%d"' % number)
    return svg


def _difference(axis: Axes, results: Results, claim: str, part: Part, result: PartVerdict, *, decides: bool) -> None:
    """Draw one comparison: a dot a replicate, mean and 95 % interval, 0, and the bound it is held to."""
    values = results.differences(claim, part)
    colour = COLOURS[0] if decides else FAINT
    axis.axvline(0, color=INK, lw=1)
    for side in part.kind.refuted:
        axis.axvline(side.value(part.bound), color=COLOURS[1], lw=1.5, ls=(0, (3, 1.5)))
    axis.plot(values, jitter(len(values), 0.3), ".", color=colour, ms=5, alpha=0.5)
    if result.lower is not None and result.upper is not None:
        axis.plot([result.lower, result.upper], [0, 0], color=colour, lw=3)
    axis.plot([np.nan if result.mean is None else result.mean], [0], "o", color=colour, ms=8, mec="white", mew=1)
    if part.published is not None:
        axis.plot([part.published], [0.62], "*", color=COLOURS[2], ms=11, mec="white", mew=0.8)
        axis.annotate(
            "paper", (part.published, 0.62), (8, 0), textcoords="offset points", va="center", color=COLOURS[2]
        )  # fmt: skip
    axis.set_ylim(-0.6, 0.95 if part.published is not None else 0.6)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    role = ", null setting" if part.null_setting else "" if decides else ", beside"
    axis.set_title(f"{part.name}\n{part.kind.holds_to(part.bound, unit_of(part))}{role}", fontsize=9)
    axis.grid(axis="x", color="#dddddd", lw=0.6)


def write_figures(results: Results, claims: Mapping[str, Claim], verdicts: Verdicts, folder: Path) -> None:
    """Write the figures of all judged claims into `folder`, one SVG a claim."""
    folder.mkdir(parents=True, exist_ok=True)
    for id, verdict in verdicts.claims.items():
        if verdict.parts:
            (folder / file_name(id)).write_bytes(draw_figure(results, claims[id], verdict))


def file_name(claim: str) -> str:
    """Return the file name of a claim's figure."""
    return f"{claim.replace('/', '-')}.svg"
