"""The overview figure: every claim of a report in one row, its effect in units of what it is held to.

Claims differ in what matters: tasks have their own smallest effect of interest and margin. Divided by these, effects of
all claims stand on one axis, and each row's strip is what its claim asserts. The same rows give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MultipleLocator

from harness.design import CONTROLS
from harness.report._layout import WIDTH
from harness.report._style import COLOURS, FAINT, INK
from harness.report._summary import Group, Line
from harness.report._svg import as_svg, styled
from harness.report._told import overview_in_a_sentence
from harness.stats import Bound, Kind, Outcome, kind
from harness.verdict import PartVerdict

LOOKS = {  # colour and marker: either tells the verdicts apart
    Outcome.REPRODUCED: (COLOURS[0], "o"),
    Outcome.REFUTED: (COLOURS[1], "D"),
    Outcome.INCONCLUSIVE: (COLOURS[4], "s"),
    Outcome.NOT_RUN: (FAINT, "x"),
    Outcome.ERROR: (INK, "X"),
}
LEFT, PLOT = 2.86, 2.94  # inches: the names, the axis
TYPE: Any = {"font.size": 8.5, "axes.labelsize": 8.5, "xtick.labelsize": 8.5, "legend.fontsize": 8}
ROW, TOP, BOTTOM = 0.232, 0.42, 1.04  # inches: a line, above the lines, below them
GAP = 0.45  # rows between papers
VERDICT = 2.64  # inches from the left: the marks, far enough from the axis for the arrows at its edge
EFFECT, REPLICATES, PREDICTED = 5.94, 8.43, 8.82  # inches from the left: where the columns beside the axis stand
FURTHEST = 8.0  # units; what lies beyond is clipped, and drawn as an arrow
BOUND: Any = (0, (3, 2))  # dashes
LEAST = 2.0  # units that the axis shows to either side


@dataclass(frozen=True)
class Place:
    """Where a row stands, counted in rows from the top, and what it says: a claim, or a paper's heading."""

    y: float
    line: Line | None
    text: str


def places(grouped: Sequence[Group]) -> list[Place]:
    """Return the rows of the figure, from the top: for each paper its heading, then its claims."""
    rows, y = [], 0.0
    for group in grouped:
        venue = f", {group.paper.venue}" if group.paper and group.key != CONTROLS else ""
        rows.append(Place(y, None, f"{group.key}{venue} – {group.tally}"))
        rows += [Place(y + i, line, line.name) for i, line in enumerate(group.lines, start=1)]
        y += 1 + len(group.lines) + GAP
    return rows


def in_units(part: PartVerdict) -> tuple[float, float, float] | None:
    """Return mean and interval of a part in units of its smallest effect of interest or margin; None without them."""
    if part.mean is None or part.lower is None or part.upper is None:
        return None
    return part.mean / part.bound, part.lower / part.bound, part.upper / part.bound


def draw_overview(grouped: Sequence[Group]) -> bytes:
    """Return the figure as SVG."""
    rows = places(grouped)
    deep = rows[-1].y + 1 if rows else 1
    height = TOP + ROW * deep + BOTTOM
    with styled(TYPE):
        figure = Figure(figsize=(WIDTH, height))
        axis = figure.add_axes((LEFT / WIDTH, BOTTOM / height, PLOT / WIDTH, ROW * deep / height))
        low, high = limits([row.line for row in rows if row.line])
        axis.set_xlim(low, high)
        axis.set_ylim(deep - 0.5, -0.5)
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
        axis.xaxis.set_major_locator(MultipleLocator(1 if high - low <= 10 else 2))
        for top, bottom in _blocks(rows):
            axis.vlines(0, top, bottom, color=INK, lw=1, zorder=1)
            axis.vlines([-1, 1], top, bottom, color=INK, lw=0.8, ls=BOUND, zorder=1)
        axis.set_xlabel(_unit([row.line.part for row in rows if row.line and row.line.part]), loc="center")
        for row in rows:
            _row(axis, row)
        _columns(axis)
        _legend(figure, [row.line for row in rows if row.line])
        return as_svg(figure, overview_in_a_sentence(grouped))


def _unit(parts: Sequence[PartVerdict]) -> str:
    """Say of what the axis counts multiples: with which kinds, of those that are drawn, it is the one or the other."""
    drawn = dict.fromkeys(part.kind for part in parts)
    held = {bound: ", ".join(name for name in drawn if kind(name).held_to is bound) for bound in Bound}
    words = {Bound.SESOI: "of the smallest effect of interest", Bound.MARGIN: "of the margin"}
    told = [f"{words[bound]} ({names})" for bound, names in held.items() if names]
    return "effect in units " + "\nor ".join(told)


def _blocks(rows: Sequence[Place]) -> list[tuple[float, float]]:
    """Return where the claims of each paper stand, top and bottom, without the headings."""
    heads = [row.y for row in rows if row.line is None]
    ends = [*(y - GAP for y in heads[1:]), *(row.y + 1 for row in rows[-1:])]
    return [(head + 0.5, end - 0.5) for head, end in zip(heads, ends, strict=True)]


def limits(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the ends of the axis: room for what is not further out than `FURTHEST`."""
    found = [units for line in lines if line.part and (units := in_units(line.part))]
    ends = [end for units in found for end in units if abs(end) <= FURTHEST]
    return math.floor(min([-LEAST, *ends])) - 0.25, math.ceil(max([LEAST, *ends])) + 0.25


def _at(inches: float) -> float:
    """Return a place across the page, in inches, as a fraction of the axis."""
    return (inches - LEFT) / PLOT


def _say(axis: Axes, inches: float, y: float, text: str, **more: Any) -> None:
    axis.text(_at(inches), y, text, transform=axis.get_yaxis_transform(), va="center", **more)


def _row(axis: Axes, row: Place) -> None:
    if row.line is None:
        _say(axis, 0.08, row.y, row.text, fontweight="bold")
        return
    line, part = row.line, row.line.part
    _say(axis, 0.2, row.y, row.text)
    (glyph,) = axis.plot([_at(VERDICT)], [row.y], transform=axis.get_yaxis_transform(), clip_on=False, **_look(line))
    glyph.set_gid(f"claim-{line.id.replace('/', '-')}")
    units = in_units(part) if part else None
    _say(axis, EFFECT, row.y, line.effect if part else line.rests_on, color=INK if part else FAINT)
    _say(axis, REPLICATES, row.y, line.n, ha="right")
    mark = {True: "✓", False: "✗", None: "–"}[line.came_out]
    _say(axis, PREDICTED, row.y, f"({mark})" if line.known_before else mark, ha="center")
    if part and units:
        _strip(axis, row.y, kind(part.kind))
        _effect(axis, row.y, line, units)


def _look(line: Line) -> dict[str, Any]:
    """Return how a verdict is marked, as keywords of matplotlib's `plot`."""
    colour, marker = LOOKS[line.outcome]
    face = colour if line.confirmatory else "white"
    return {"color": colour, "marker": marker, "ms": 5.5 if marker != "D" else 5, "mfc": face, "ls": "", "zorder": 4}


def _strip(axis: Axes, y: float, of: Kind) -> None:
    """Shade what a claim asserts: above 0, above minus the margin, or within it."""
    (low, high), (start, end) = axis.get_xlim(), of.interval
    start, end = max(start, low), min(end, high)
    axis.add_patch(Rectangle((start, y - 0.34), end - start, 0.68, color="#000000", alpha=0.075, lw=0))


def _effect(axis: Axes, y: float, line: Line, units: tuple[float, float, float]) -> None:
    """Draw mean and interval; what lies off the axis is an arrow at its edge, with the mean's value if that is off."""
    mean, lower, upper = units
    colour, _ = LOOKS[line.outcome]
    low, high = axis.get_xlim()
    ends = [min(max(end, low), high) for end in (lower, upper)]
    axis.plot(ends, [y, y], color=colour, lw=1.8, solid_capstyle="butt", zorder=3)
    for edge, marker, beyond in ((low, "<", lower < low), (high, ">", upper > high)):
        if beyond:
            axis.plot([edge], [y], marker, color=colour, ms=5, clip_on=False, zorder=4)
    if low <= mean <= high:
        axis.plot([mean], [y], **_look(line))
    else:
        side, ha = (low, "left") if mean < low else (high, "right")
        inwards = 6 if ha == "left" else -6
        axis.annotate(
            f"{mean:+.1f}".replace("-", "−"), (side, y), (inwards, 0), textcoords="offset points", ha=ha, va="center",
            fontsize=7, color=colour, zorder=5, bbox={"boxstyle": "square,pad=0.15", "fc": "white", "ec": "none"},
        )  # fmt: skip


def _columns(axis: Axes) -> None:
    y = -1.15
    _say(axis, 0.08, y, "claim", color=FAINT)
    _say(axis, VERDICT + 0.06, y, "verdict", color=FAINT, ha="right")
    _say(axis, EFFECT, y, "effect (95 % interval)", color=FAINT)
    _say(axis, REPLICATES, y, "n", color=FAINT, ha="right")
    _say(axis, PREDICTED, y, "predicted", color=FAINT, ha="center")


def _legend(figure: Figure, lines: Sequence[Line]) -> None:
    seen = {line.outcome for line in lines}
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=colour, marker=marker, ms=5.5, ls="", label=str(outcome))
        for outcome, (colour, marker) in LOOKS.items()
        if outcome in seen
    ]
    if any(line.verdict and not line.confirmatory for line in lines):
        handles.append(Line2D([], [], color=INK, mfc="white", marker="o", ms=5.5, ls="", label="hollow: exploratory"))
    handles.append(Patch(color="#000000", alpha=0.075, lw=0, label="what the claim asserts"))
    handles.append(Line2D([], [], color=INK, lw=0.8, ls=BOUND, label="±1: that effect or margin"))
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols=min(len(handles), 5),
        handlelength=1.6,
        columnspacing=1.4,
        frameon=False,
    )
