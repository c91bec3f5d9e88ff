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

from harness.catalogue import Claim, Design, Scale
from harness.hypothesis import Kind
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
    """Return the claim's figure as SVG."""
    scale = Scale(results.meta["scale"])
    design = claim.design(scale)
    panels = dict(design.panels) or {"": tuple(design.arms)}
    with mpl.rc_context(STYLE):
        parts = [*verdict["parts"], *verdict["beside"]]
        figure = Figure(figsize=(4.6 * len(panels) + 4.6, 4.9), layout="constrained")
        axes = figure.subplots(1, len(panels) + 1, squeeze=False, width_ratios=[1.0] * len(panels) + [0.9])[0]
        for axis, (title, arms) in zip(axes[:-1], panels.items(), strict=True):
            curves = any(len(design.points[arm]) > 1 for arm in arms)
            (_curves if curves else _strips)(axis, results, claim.id, design, arms)
            axis.set_title(title or "Test accuracy")
        _differences(axes[-1], results, claim.id, design, parts)
        figure.suptitle(claim.id, x=0.01, ha="left", fontsize=12, fontweight="bold")
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


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
    """Draw accuracy over density: mean, 95 % band, each replicate's value; arms at one density as a line across."""
    lows = []
    for arm in arms:
        colour, marker = _look(design, arm)
        table = results.values(claim, arm) * 100
        values, kept = table.to_numpy(), table.columns.to_numpy(float) * 100
        mean = values.mean(0)
        band = [mean_interval(column) for column in values.T]
        low, high = np.array([b.lower for b in band]), np.array([b.upper for b in band])
        if len(kept) == 1 and kept[0] == 100:
            axis.axhspan(low[0], high[0], color=colour, alpha=0.15, lw=0)
            axis.axhline(mean[0], color=colour, lw=1.4, ls=(0, (4, 2)), label=arm)
        else:
            axis.fill_between(kept, low, high, color=colour, alpha=0.18, lw=0)
            axis.plot(kept, mean, color=colour, marker=marker, ms=5, lw=1.6, label=arm)
            for column, x in zip(values.T, kept, strict=True):
                axis.plot(x * np.exp(_jitter(len(column), 0.05)), column, ".", color=colour, ms=3, alpha=0.45, zorder=1)
        lows.append(float(values.min()))
    axis.set_xscale("log")
    densities = sorted({float(d) * 100 for arm in arms for d in design.points[arm]}, reverse=True)
    axis.set_xlim(densities[0] * 1.12, densities[-1] / 1.12)
    ticks = _spaced(densities)
    axis.xaxis.set_major_locator(FixedLocator(ticks))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}"))
    for part in design.parts:
        if part.band is not None and part.arm in arms:
            axis.axvspan(
                float(part.band.low) * 100, float(part.band.high) * 100, color="#000000", alpha=0.05, lw=0, zorder=0
            )
    axis.set_xlabel("weights kept (%, log scale); shaded: where the hypothesis is read")
    axis.set_ylabel("test accuracy (%)")
    axis.grid(axis="y", color="#dddddd", lw=0.6)
    axis.legend(loc="lower left")


def _spaced(densities: Sequence[float], apart: float = 1.35) -> list[float]:
    ticks: list[float] = []
    for d in densities:
        if not ticks or ticks[-1] / d >= apart:
            ticks.append(d)
    return ticks


def _strips(axis: Axes, results: Results, claim: str, design: Design, arms: Sequence[str]) -> None:
    """Draw arms without a density axis: every replicate's accuracy, mean and 95 % interval, error on a log scale."""
    for place, arm in enumerate(arms):
        colour, marker = _look(design, arm)
        values = (results.values(claim, arm) * 100).to_numpy().mean(1)
        error = np.maximum(100 - values, 0.05)
        interval = mean_interval(values)
        axis.plot(error, place + _jitter(len(error), 0.22), ".", color=colour, ms=5, alpha=0.5)
        mean = 100 - values.mean()
        axis.plot([100 - interval.upper, 100 - interval.lower], [place, place], color=colour, lw=3, alpha=0.9)
        axis.plot([mean], [place], marker, color=colour, ms=8, mec="white", mew=1)
        axis.annotate(
            f"{values.mean():.2f}", (mean, place), (0, 13), textcoords="offset points", ha="center", fontsize=9
        )
    axis.set_xscale("log")
    axis.invert_xaxis()
    axis.xaxis.set_major_locator(FixedLocator([90, 50, 20, 10, 5, 2, 1]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 - x:g}"))
    axis.set_yticks(range(len(arms)), [arm.partition(",")[0] for arm in arms])
    axis.set_ylim(len(arms) - 0.4, -0.7)
    axis.set_xlabel("test accuracy (%; the error is on a log scale)")
    axis.grid(axis="x", color="#dddddd", lw=0.6)


def _differences(axis: Axes, results: Results, claim: str, design: Design, judged: Sequence[Mapping[str, Any]]) -> None:
    """Draw each part's paired differences: a dot a replicate, mean and 95 % interval, 0 and the bound it is held to."""
    parts = design.compared()
    for place, (part, result) in enumerate(zip(parts, judged, strict=True)):
        values = results.read(claim, part.arm, part) - results.read(claim, part.reference, part)
        bound = part.bound_pp if part.kind is Kind.BEATS else -part.bound_pp
        colour = COLOURS[0] if place < len(design.parts) else FAINT
        axis.plot(values, place + _jitter(len(values), 0.2), ".", color=colour, ms=5, alpha=0.5)
        if result["lower_pp"] is not None:
            axis.plot([result["lower_pp"], result["upper_pp"]], [place, place], color=colour, lw=3)
        axis.plot([result["mean_pp"]], [place], "o", color=colour, ms=8, mec="white", mew=1)
        axis.plot([bound, bound], [place - 0.36, place + 0.36], color=COLOURS[1], lw=1.6, ls=(0, (3, 1.5)))
        if part.kind is Kind.EQUALS:
            axis.plot([-bound, -bound], [place - 0.36, place + 0.36], color=COLOURS[1], lw=1.6, ls=(0, (3, 1.5)))
        word = "sesoi" if part.kind is Kind.BEATS else "margin"
        axis.annotate(
            f"{word} {bound:+g}",
            (bound, place + 0.36),
            (2, -9),
            textcoords="offset points",
            fontsize=8,
            color=COLOURS[1],
        )
        if part.published_pp is not None:
            axis.plot([part.published_pp], [place - 0.3], "*", color=COLOURS[2], ms=11, mec="white", mew=0.8)
            axis.annotate(
                "paper",
                (part.published_pp, place - 0.3),
                (7, -3),
                textcoords="offset points",
                fontsize=8,
                color=COLOURS[2],
            )
        note = " (null setting)" if part.null_setting else "" if place < len(design.parts) else " (beside)"
        axis.annotate(
            part.name + note, (0, place - 0.42), (0, 2), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=9, va="bottom",
        )  # fmt: skip
    axis.axvline(0, color=INK, lw=1)
    axis.set_ylim(len(parts) - 0.45, -0.75)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.set_title("Paired difference")
    axis.set_xlabel("percentage points; dots: replicates, bar: 95 % interval of the mean")
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
