"""One figure a claim, as SVG: curves or strips of every arm, and the paired differences the verdict rests on.

The same rows give the same bytes: no dates, no random identifiers, text as outlines. Figures stand on a white card, so
that they read on white and on dark pages; colours are Okabe and Ito's, made for colour-blind readers.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from harness.axes import Along
from harness.catalogue import Claim, Design, Scale
from harness.hypothesis import Kind, Part
from harness.notation import unit_of
from harness.results import Results
from harness.stats import mean_interval

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe & Ito 2008
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, FAINT = "#222222", "#8a8a8a"

STYLE: Any = {
    "svg.hashsalt": "harness",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "path.simplify": False,
}


def draw(results: Results, claim: Claim, verdict: Mapping[str, Any]) -> bytes:
    """Return the claim's figure as SVG: a panel of arms each, and a row a comparison."""
    scale = Scale(results.meta["scale"])
    design = claim.design(scale)
    panels = dict(design.panels) or {"": tuple(design.arms)}
    parts, judged = design.compared(), [*verdict["parts"], *verdict["beside"]]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.8 * len(panels) + 4.4, max(4.6, 0.6 + 1.35 * len(parts))), layout="constrained")
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[4.8 * len(panels), 4.4])[0]
        axes = left.subplots(1, len(panels), squeeze=False)[0]
        for axis, (title, arms) in zip(axes, panels.items(), strict=True):
            curves = any(len(design.points[arm]) > 1 for arm in arms)
            (_curves if curves else _strips)(axis, results, claim.id, design, arms)
            axis.set_title(title or "Every arm")
        rows = right.subplots(len(parts), 1, squeeze=False)[:, 0]
        for place, (axis, part, result) in enumerate(zip(rows, parts, judged, strict=True)):
            _difference(axis, results, claim.id, part, result, decides=place < len(design.parts))
        units = ", ".join(dict.fromkeys(unit_of(part) for part in parts))
        rows[-1].set_xlabel(f"difference ({units}): dots are replicates,\nthe bar is the 95 % interval of their mean")
        figure.suptitle(claim.id, x=0.01, ha="left", fontsize=12, fontweight="bold")
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def _metric(design: Design, arms: Sequence[str]) -> str:
    """Return what a panel of `arms` shows: what the first part that reads one of them reads."""
    return next((design.metric_of(arm) for arm in arms if design.reads(arm)), design.metric)


def _look(design: Design, arm: str) -> tuple[str, str]:
    """Return an arm's colour and marker, by its place in its panel: the same arm looks the same in a figure."""
    for arms in design.panels.values():
        if arm in arms:
            i = list(arms).index(arm)
            return COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
    i = list(design.arms).index(arm)
    return COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]


def _jitter(n: int, width: float) -> NDArray[np.float64]:
    """Return n fixed offsets within +-width that do not line up: multiples of the golden ratio."""
    golden = np.arange(n, dtype=np.float64) * 0.6180339887
    return np.asarray((golden % 1.0 - 0.5) * 2 * width, np.float64)


def _curves(axis: Axes, results: Results, claim: str, design: Design, arms: Sequence[str]) -> None:
    """Draw values over density: mean, 95 % band, each replicate's value; arms at one density as a line across."""
    along, drawn = Along(_metric(design, arms)), []
    for arm in arms:
        colour, marker = _look(design, arm)
        table = results.values(claim, arm, metric=along.metric.name) * 100
        if table.empty:
            continue
        values, kept = along.places(table.to_numpy()), table.columns.to_numpy(float) * 100
        mean = values.mean(0)
        band = [mean_interval(column) for column in values.T]
        low, high = np.array([along.within(b.lower, b.upper) for b in band]).T
        if len(kept) == 1 and kept[0] == 100:
            axis.axhspan(low[0], high[0], color=colour, alpha=0.15, lw=0)
            axis.axhline(mean[0], color=colour, lw=1.4, ls=(0, (4, 2)), label=arm)
        else:
            axis.fill_between(kept, low, high, color=colour, alpha=0.18, lw=0)
            axis.plot(kept, mean, color=colour, marker=marker, ms=5, lw=1.6, label=arm)
            for column, x in zip(values.T, kept, strict=True):
                axis.plot(x * np.exp(_jitter(len(column), 0.05)), column, ".", color=colour, ms=3, alpha=0.45, zorder=1)
        drawn.append(values)
    axis.set_xscale("log")
    densities = sorted({float(d) * 100 for arm in arms for d in design.points[arm]}, reverse=True)
    axis.set_xlim(densities[0] * 1.12, densities[-1] / 1.12)
    axis.xaxis.set_major_locator(FixedLocator(_spaced(densities)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}" if x >= 10 else f"{x:.1f}"))
    for band_read in sorted({(p.band.low, p.band.high) for p in design.parts if p.band and _shown(p, arms)}):
        axis.axvspan(*(float(end) * 100 for end in band_read), color="#000000", alpha=0.07, lw=0, zorder=0)
    along.finish(axis, "y", np.concatenate([values.ravel() for values in drawn]))
    axis.set_xlabel("weights kept (%, log scale)\nshaded: where the hypothesis is read")
    axis.legend(loc="lower left")


def _shown(part: Part, arms: Sequence[str]) -> bool:
    """Whether a panel of `arms` shows an arm that `part` reads in its band, the reference apart."""
    return any(arm in arms for arm, _ in part.pairs)


def _spaced(densities: Sequence[float], apart: float = 1.8) -> list[float]:
    ticks: list[float] = []
    for d in densities:
        if not ticks or ticks[-1] / d >= apart:
            ticks.append(d)
    return ticks


def _strips(axis: Axes, results: Results, claim: str, design: Design, arms: Sequence[str]) -> None:
    """Draw arms without a density axis: every replicate's value, mean and 95 % interval."""
    along, drawn = Along(_metric(design, arms)), []
    arms = [arm for arm in arms if not results.values(claim, arm, metric=along.metric.name).empty]
    for place, arm in enumerate(arms):
        colour, marker = _look(design, arm)
        values = along.places((results.values(claim, arm, metric=along.metric.name) * 100).to_numpy().mean(1))
        interval, mean = mean_interval(values), values.mean()
        axis.plot(values, place + _jitter(len(values), 0.22), ".", color=colour, ms=5, alpha=0.5)
        axis.plot(along.within(interval.lower, interval.upper), [place, place], color=colour, lw=3, alpha=0.9)
        axis.plot([mean], [place], marker, color=colour, ms=8, mec="white", mew=1)
        axis.annotate(
            along.written(mean), (mean, place - 0.26), (0, 2), textcoords="offset points", ha="center", fontsize=9
        )  # fmt: skip
        drawn.append(values)
    axis.set_yticks(range(len(arms)), [arm.partition(",")[0] for arm in arms])
    axis.set_ylim(len(arms) - 0.4, -0.7)
    along.finish(axis, "x", np.concatenate(drawn))


def _difference(
    axis: Axes, results: Results, claim: str, part: Part, result: Mapping[str, Any], *, decides: bool
) -> None:
    """Draw one comparison: a dot a replicate, mean and 95 % interval, 0, and the bound it is held to."""
    values = results.differences(claim, part)
    bound = part.bound_pp if part.kind is Kind.BEATS else -part.bound_pp
    bounds = (bound, -bound) if part.kind is Kind.EQUALS else (bound,)
    colour = COLOURS[0] if decides else FAINT
    axis.axvline(0, color=INK, lw=1)
    for x in bounds:
        axis.axvline(x, color=COLOURS[1], lw=1.5, ls=(0, (3, 1.5)))
    axis.plot(values, _jitter(len(values), 0.3), ".", color=colour, ms=5, alpha=0.5)
    if result["lower_pp"] is not None:
        axis.plot([result["lower_pp"], result["upper_pp"]], [0, 0], color=colour, lw=3)
    axis.plot([result["mean_pp"]], [0], "o", color=colour, ms=8, mec="white", mew=1)
    if part.published_pp is not None:
        axis.plot([part.published_pp], [0.62], "*", color=COLOURS[2], ms=11, mec="white", mew=0.8)
        axis.annotate(
            "paper", (part.published_pp, 0.62), (8, 0), textcoords="offset points", va="center", color=COLOURS[2]
        )  # fmt: skip
    axis.set_ylim(-0.6, 0.95 if part.published_pp is not None else 0.6)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    role = ", null setting" if part.null_setting else "" if decides else ", beside"
    held_to = {
        Kind.BEATS: f"sesoi {bound:+g}",
        Kind.MATCHES: f"margin {bound:+g}",
        Kind.EQUALS: f"margin ±{abs(bound):g}",
    }
    axis.set_title(f"{part.name}\n{held_to[part.kind]} {unit_of(part)}{role}", fontsize=9)
    axis.grid(axis="x", color="#dddddd", lw=0.6)


def write(results: Results, claims: Mapping[str, Claim], verdicts: Mapping[str, Any], folder: Path) -> None:
    """Write the figures of all judged claims into `folder`, one SVG a claim."""
    folder.mkdir(parents=True, exist_ok=True)
    for id, verdict in verdicts["claims"].items():
        if verdict["parts"]:
            (folder / file_name(id)).write_bytes(draw(results, claims[id], verdict))


def file_name(claim: str) -> str:
    """Return the file name of a claim's figure."""
    return f"{claim.replace('/', '-')}.svg"
