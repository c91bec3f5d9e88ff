"""What a figure shows of arms, one panel a metric: the picture follows from what was measured.

* at several densities: curves over density;
* anything else: every replicate's value on a strip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from harness.axes import Along
from harness.catalogue import Design
from harness.hypothesis import Part
from harness.results import Results
from harness.stats import mean_interval
from harness.style import COLOURS, MARKERS

NARROW = 7.0  # points: the width of a band that holds one density


@dataclass(frozen=True)
class Panel:
    """Arms of a claim, shown in one metric, in which all of them have values."""

    results: Results
    claim: str
    design: Design
    arms: Sequence[str]
    metric: str

    def values(self, arm: str) -> pd.DataFrame:
        """Return an arm's values in percent or log points: one row a replicate, one column a density."""
        return self.results.values(self.claim, arm, metric=self.metric) * 100

    @property
    def layer(self) -> str:
        """The layer that the metric is of; empty where it is of the whole network."""
        return self.metric.partition("/")[2]

    def look(self, arm: str) -> tuple[str, str]:
        """Return an arm's colour and marker by its place in its group, so that it looks the same everywhere."""
        arms = next((arms for arms in self.design.panels.values() if arm in arms), tuple(self.design.arms))
        i = list(arms).index(arm) % len(COLOURS)
        return COLOURS[i], MARKERS[i]


Picture = Callable[[Axes, Panel], None]


def panels(results: Results, claim: str, design: Design) -> dict[str, list[Panel]]:
    """Return the panels by title: for each group of arms one for every metric in which parts read one of them."""
    groups = dict(design.panels) or {"": tuple(design.arms)}
    return {title: list(_of(results, claim, design, arms)) for title, arms in groups.items()}


def _of(results: Results, claim: str, design: Design, arms: Sequence[str]) -> Iterator[Panel]:
    read = dict.fromkeys(part.metric for part in design.compared() if not set(part.reads).isdisjoint(arms))
    for name in read or [design.metric]:
        shown = [arm for arm in arms if not results.values(claim, arm, metric=name).empty]
        yield Panel(results, claim, design, shown, name)


def picture(panel: Panel) -> Picture:
    """Return how a panel is drawn."""
    return curves if any(len(panel.design.points[arm]) > 1 for arm in panel.arms) else strips


def jitter(n: int, width: float) -> NDArray[np.float64]:
    """Return n fixed offsets within +-width that do not line up: multiples of the golden ratio."""
    golden = np.arange(n, dtype=np.float64) * 0.6180339887
    return np.asarray((golden % 1.0 - 0.5) * 2 * width, np.float64)


def curves(axis: Axes, panel: Panel) -> None:
    """Draw values over density: mean, 95 % band, each replicate's value; arms at one density as a line across."""
    along, drawn = Along(panel.metric), []
    for arm in panel.arms:
        colour, marker = panel.look(arm)
        table = panel.values(arm)
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
                axis.plot(x * np.exp(jitter(len(column), 0.05)), column, ".", color=colour, ms=3, alpha=0.45, zorder=1)
        drawn.append(values)
    axis.set_xscale("log")
    densities = sorted({float(d) * 100 for arm in panel.arms for d in panel.design.points[arm]}, reverse=True)
    axis.set_xlim(densities[0] * 1.12, densities[-1] / 1.12)
    axis.xaxis.set_major_locator(FixedLocator(_spaced(densities)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _percent(x)))
    along.finish(axis, "y", np.concatenate([values.ravel() for values in drawn]))
    axis.set_xlabel("\n".join(["weights kept (%, log scale)", *_shaded(axis, panel)]))
    axis.legend(loc="lower left")


def _percent(kept: float) -> str:
    return f"{kept:.0f}" if kept >= 10 else f"{kept:.1f}"


def _shaded(axis: Axes, panel: Panel) -> list[str]:
    """Shade where the hypothesis is read of this panel's arms, and say so; a single density is shaded about itself."""
    read = {_read(part, panel): part.band for part in panel.design.parts if part.metric == panel.metric}
    single = sorted({kept[0] for kept in read if len(kept) == 1}, reverse=True)
    for kept, band in read.items():
        if len(kept) > 1 and band is not None:
            axis.axvspan(float(band.low) * 100, float(band.high) * 100, color="#000000", alpha=0.07, lw=0, zorder=0)
    for x in single:
        axis.axvline(x, color="#000000", alpha=0.12, lw=NARROW, zorder=0)
    if not any(read):
        return []
    only = "" if any(len(kept) > 1 for kept in read) else f", {' and '.join(map(_percent, single))} % kept"
    return [f"shaded: where the hypothesis is read{only}"]


def _read(part: Part, panel: Panel) -> tuple[float, ...]:
    """Return the densities (%) in its band at which `part` reads a pair of whose arms the panel shows the first."""
    arms = [arm for pair in part.pairs if pair[0] in panel.arms for arm in pair]
    if part.band is None:
        return ()
    read = {float(d) * 100 for arm in arms if len(panel.design.points[arm]) > 1 for d in panel.design.read(arm, part)}
    return tuple(sorted(read))


def _spaced(densities: Sequence[float], apart: float = 1.8) -> list[float]:
    ticks: list[float] = []
    for d in densities:
        if not ticks or ticks[-1] / d >= apart:
            ticks.append(d)
    return ticks


def strips(axis: Axes, panel: Panel) -> None:
    """Draw arms without a density axis: every replicate's value, mean and 95 % interval."""
    along, drawn = Along(panel.metric), []
    for place, arm in enumerate(panel.arms):
        colour, marker = panel.look(arm)
        values = along.places(panel.values(arm).to_numpy().mean(1))
        interval, mean = mean_interval(values), values.mean()
        axis.plot(values, place + jitter(len(values), 0.22), ".", color=colour, ms=5, alpha=0.5)
        axis.plot(along.within(interval.lower, interval.upper), [place, place], color=colour, lw=3, alpha=0.9)
        axis.plot([mean], [place], marker, color=colour, ms=8, mec="white", mew=1)
        axis.annotate(
            along.written(mean), (mean, place - 0.26), (0, 2), textcoords="offset points", ha="center", fontsize=9
        )  # fmt: skip
        drawn.append(values)
    _rows(axis, panel)
    along.finish(axis, "x", np.concatenate(drawn))


def _rows(axis: Axes, panel: Panel) -> None:
    axis.set_yticks(range(len(panel.arms)), [arm.partition(",")[0] for arm in panel.arms])
    axis.set_ylim(len(panel.arms) - 0.4, -0.7)
