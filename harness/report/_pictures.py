"""What a figure shows of arms, one panel a metric: the picture follows from what was measured.

* at several points: curves along the axis, density or another;
* a metric that sums up a series, as a barrier does a path, or ends it: the series, of every replicate and their mean;
* a share of nets: bars;
* anything else: every replicate's value on a strip.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from harness.design import METRICS, Axis, Design, Metric, Part, metric
from harness.expression import BIN, Fresh, Magnitudes
from harness.population import hundredths
from harness.report._axes import Along
from harness.report._notation import drawn_at, number_of, written
from harness.report._style import COLOURS, DASHES, GRID, INK, MARKERS
from harness.stats import Interval, mean_interval
from harness.verdict import Results

THIN, THICK = 0.6, 2.0  # lines: a replicate, the mean
STRIP, MARGIN = 0.14, 0.05  # shares of the range of points: what lies left of it for lines across, and beyond it
MOST_TICKS, APART = 6, 1.8  # points that each have a tick; beyond, how many times sparser the next one is
SAME = 1.02  # networks differ in their counts, and so by a little in density: a level that is no sparser is the same
NARROW = 7.0  # points: the width of a band that holds one density


@dataclass(frozen=True)
class Panel:
    """Arms of a claim, shown in one metric, in which all of them have values; `group` has those that have none too."""

    results: Results
    claim: str
    design: Design
    group: Sequence[str]
    arms: Sequence[str]
    metric: str

    def values(self, arm: str) -> pd.DataFrame:
        """Return an arm's values in percent or log points: one row a replicate, one column a point."""
        return self.results.values(self.claim, arm, metric=self.metric)

    def series(self, arm: str) -> NDArray[np.float64]:
        """Return what the metric sums up, shape (replicates, steps); empty without a series in the results."""
        return self.results.series(self.claim, arm, metric(self.metric).series).to_numpy(float)

    @property
    def n(self) -> int:
        """How many replicates there are."""
        return len(self.results.replicates(self.claim))

    @property
    def layer(self) -> str:
        """The layer that the metric is of; empty where it is of the whole network."""
        return self.metric.partition("/")[2]

    def look(self, arm: str) -> tuple[str, str, Any]:
        """Return an arm's colour, marker and dashes by its place in its group: the same in all of its panels."""
        again, i = divmod(list(self.group).index(arm), len(COLOURS))
        return COLOURS[i], MARKERS[(i + again) % len(MARKERS)], DASHES[(i + again) % len(DASHES)]

    def named(self, arm: str) -> str:
        """Return the name that an arm's mean has in the SVG."""
        return re.sub(r"\W+", "-", f"{self.metric} {arm}")


Picture = Callable[[Axes, Panel], None]


def panels(results: Results, claim: str, design: Design) -> dict[str, list[Panel]]:
    """Return the panels by title: for each group of arms one for every metric in which parts read one of them.

    Groups are the design's, or else the arms of a task each.
    """
    groups = dict(design.panels) or _by_task(design)
    return {title: list(_of(results, claim, design, arms)) for title, arms in groups.items()}


def _by_task(design: Design) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for arm, points in design.points.items():
        groups.setdefault(next(iter(points.values()))[0].task.name, []).append(arm)
    return groups if len(groups) > 1 else {"": list(design.arms)}


def _of(results: Results, claim: str, design: Design, arms: Sequence[str]) -> Iterator[Panel]:
    read = dict.fromkeys(part.metric for part in design.compared() if not set(part.reads).isdisjoint(arms))
    for name in read or [design.metric]:
        shown = [arm for arm in arms if not results.values(claim, arm, metric=name).empty]
        yield Panel(results, claim, design, arms, shown, name)


def picture(panel: Panel) -> Picture:
    """Return how a panel is drawn. Results from before series were kept have strips instead of them."""
    measured = metric(panel.metric)
    if any(len(panel.design.points[arm]) > 1 for arm in panel.arms):
        return curves
    if measured.series and all(panel.series(arm).size for arm in panel.arms):
        return SERIES[measured.series.partition("/")[0]]
    return bars if measured.all_right else strips


def jitter(n: int, width: float) -> NDArray[np.float64]:
    """Return n fixed offsets within +-width that do not line up: multiples of the golden ratio."""
    golden = np.arange(n, dtype=np.float64) * 0.6180339887
    return np.asarray((golden % 1.0 - 0.5) * 2 * width, np.float64)


def interval_of(values: NDArray[np.float64]) -> Interval:
    """Return the 95 % interval of the mean; of one replicate, which has no spread, the value itself."""
    return mean_interval(values) if len(values) > 1 else Interval(float(values[0]), float(values[0]))


def curves(axis: Axes, panel: Panel) -> None:
    """Draw values along the design's axis: mean, 95 % band, each replicate's value; some arms as a line across.

    Those are dense nets or, along another axis than density, arms at one point. The axis begins at the densest level
    that was pruned to, or the first point, and replicates of a line across stand at its left edge.
    """
    along, drawn, of = Along(panel.metric), [], panel.design.axis
    across = [arm for arm in panel.arms if _is_across(panel, arm)]
    other = [arm for arm in panel.arms if arm not in across]
    points = [drawn_at(of, d) for d in of.ordered({d for arm in other for d in panel.design.points[arm]})]
    stretch = Stretch(points, log=of.log)
    first = stretch.before(points[0], STRIP if across else MARGIN)
    axis.set_xscale("log" if of.log else "linear")
    axis.set_xlim(first, stretch.behind(points[-1], MARGIN))
    for arm in panel.arms:
        colour, marker, _ = panel.look(arm)
        table = panel.values(arm)
        values = along.places(table.to_numpy())
        levels = np.array([drawn_at(of, point) for point in table.columns.to_numpy(float)])
        mean = values.mean(0)
        band = [interval_of(column) for column in values.T]
        low, high = np.array([along.within(b.lower, b.upper) for b in band]).T
        if arm in across:
            axis.axhspan(low[0], high[0], color=colour, alpha=0.15, lw=0)
            axis.axhline(mean[0], color=colour, lw=1.4, ls=(0, (4, 2)), label=arm)
            levels = np.array([stretch.behind(first, STRIP / 3)])
        else:
            axis.fill_between(levels, low, high, color=colour, alpha=0.18, lw=0)
            axis.plot(levels, mean, color=colour, marker=marker, ms=5, lw=1.6, label=arm)
        for column, x in zip(values.T, levels, strict=True):
            places = stretch.around(x, jitter(len(column), stretch.length * STRIP / 4))
            axis.plot(places, column, ".", color=colour, ms=3.5, alpha=0.5, mew=0, zorder=1)
        drawn.append(values)
    axis.xaxis.set_major_locator(FixedLocator(_ticks(points, log=of.log)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number_of(of, x)))
    along.finish(axis, "y", np.concatenate([values.ravel() for values in drawn]))
    dots = f"dots: n = {panel.n} replicates{', of dashed lines at the left edge' * bool(across)}"
    bands = "band: 95 % interval of the mean"
    axis.set_xlabel("\n".join([_called(of), dots, bands, *_shaded(axis, panel)]))


@dataclass(frozen=True)
class Stretch:
    """From the first to the last of the points of a figure's axis, whose order they have; lengths are shares of it."""

    points: Sequence[float]
    log: bool

    @property
    def length(self) -> float:
        """How far the first point lies before the last, in logarithms where ratios count; below 0 if points rise."""
        first, last = self.points[0], self.points[-1]
        return math.log(first / last) if self.log else first - last

    def before(self, x: float, share: float) -> float:
        """Return the place that lies so far before `x`."""
        return x * math.exp(self.length * share) if self.log else x + self.length * share

    def behind(self, x: float, share: float) -> float:
        """Return the place that lies so far behind `x`."""
        return x / math.exp(self.length * share) if self.log else x - self.length * share

    def around(self, x: float, offsets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return places about `x`."""
        return x * np.exp(offsets) if self.log else x + offsets


def _is_across(panel: Panel, arm: str) -> bool:
    points = panel.design.points[arm]
    return set(points) == {1} if panel.design.axis.is_density else len(points) == 1


def _called(of: Axis) -> str:
    """Return what is written below an axis."""
    if of.is_density:
        return "weights kept (%, log scale)"
    told = ", ".join(filter(None, (of.unit, "log scale" * of.log)))
    return f"{of.name} ({told})" if told else of.name


def _shaded(axis: Axes, panel: Panel) -> list[str]:
    """Shade where the hypothesis is read of this panel's arms, and say so; a single point is shaded about itself."""
    of = panel.design.axis
    single: set[float] = set()
    wide: set[tuple[float, float]] = set()
    for part in panel.design.parts:
        levels = _read(part, panel)
        if part.band is not None and len(levels) > 1:
            wide.add((drawn_at(of, part.band.low), drawn_at(of, part.band.high)))
        if len(levels) == 1:
            single.add(levels[0])
    for ends in sorted(wide):
        axis.axvspan(*ends, color="#000000", alpha=0.07, lw=0, zorder=0)
    shown = _spaced(sorted(single, reverse=of.falls), SAME) if of.log else sorted(single)
    for x in shown:
        axis.axvline(x, color="#000000", alpha=0.12, lw=NARROW, zorder=0)
    if not wide and not single:
        return []
    at = " and ".join(number_of(of, x) for x in shown)
    told = f", {at} % kept" if of.is_density else f", {of.name} {at}"
    return ["shaded: where the hypothesis is read" + told * (not wide)]


def _read(part: Part, panel: Panel) -> Sequence[float]:
    """Return the points in its band at which `part` reads the panel's arms: of the arm that has most there.

    It is read in the panel that shows the first of a pair, and nowhere without a band or in another metric.
    """
    if part.band is None or part.metric != panel.metric:
        return ()
    arms = [arm for pair in part.pairs if pair[0] in panel.arms for arm in pair]
    levels = [panel.design.read(arm, part) for arm in arms if len(panel.design.points[arm]) > 1]
    of = panel.design.axis
    return max(([drawn_at(of, d) for d in each] for each in levels), key=len, default=())


def _ticks(points: Sequence[float], *, log: bool = True) -> list[float]:
    """Return where an axis has ticks: at each point where there are few, else some way apart."""
    if not log:
        return list(points[:: math.ceil(len(points) / MOST_TICKS)])
    levels = _spaced(points, SAME)
    return levels if len(levels) <= MOST_TICKS else _spaced(levels, APART)


def _spaced(points: Sequence[float], apart: float) -> list[float]:
    """Return the points, in their order, that are so many times smaller, or larger, than the one before them."""
    spaced: list[float] = []
    for d in points:
        if not spaced or max(spaced[-1] / d, d / spaced[-1]) >= apart:
            spaced.append(d)
    return spaced


def strips(axis: Axes, panel: Panel) -> None:
    """Draw arms at one point: every replicate's value, mean and 95 % interval."""
    along, drawn = Along(panel.metric), []
    for place, arm in enumerate(panel.arms):
        colour, marker, _ = panel.look(arm)
        values = along.places(panel.values(arm).to_numpy().mean(1))
        interval, mean = interval_of(values), values.mean()
        axis.plot(values, place + jitter(len(values), 0.22), ".", color=colour, ms=5, alpha=0.5)
        axis.plot(along.within(interval.lower, interval.upper), [place, place], color=colour, lw=3, alpha=0.9)
        axis.plot([mean], [place], marker, color=colour, ms=8, mec="white", mew=1)
        axis.annotate(
            along.written(mean), (mean, place - 0.26), (0, 2), textcoords="offset points", ha="center", fontsize=9
        )  # fmt: skip
        drawn.append(values)
    _rows(axis, panel)
    along.finish(axis, "x", np.concatenate(drawn))
    axis.set_xlabel(f"{axis.get_xlabel()}\ndots: n = {panel.n} replicates, bar: 95 % interval of their mean")


def _rows(axis: Axes, panel: Panel) -> None:
    axis.set_yticks(range(len(panel.arms)), [arm.partition(",")[0] for arm in panel.arms])
    axis.set_ylim(len(panel.arms) - 0.4, -0.7)


def bars(axis: Axes, panel: Panel) -> None:
    """Draw the share of a replicate's nets: a bar from 0 to the mean, its 95 % interval, every replicate's share."""
    nets = {len(nodes) for arm in panel.arms for nodes in panel.design.points[arm].values()}
    for place, arm in enumerate(panel.arms):
        colour, *_ = panel.look(arm)
        values = panel.values(arm).to_numpy().mean(1)
        interval, mean = interval_of(values), values.mean()
        (bar,) = axis.barh([place], [mean], height=0.62, color=colour, alpha=0.3, lw=0)
        bar.set_gid(panel.named(arm))
        axis.plot([mean, mean], [place - 0.31, place + 0.31], color=colour, lw=THICK)
        axis.plot(np.clip([interval.lower, interval.upper], 0, 100), [place, place], color=INK, lw=1.2, zorder=3)
        axis.plot(values, place + jitter(len(values), 0.24), ".", color=colour, ms=6, mec="white", mew=0.4, zorder=4)
        axis.annotate(
            f"{mean:.1f} %", (mean, place - 0.31), (0, 2), textcoords="offset points", ha="center", fontsize=9
        )
    _rows(axis, panel)
    axis.set_xlim(0, 100)
    axis.grid(axis="x", color=GRID, lw=0.6)
    axis.set_axisbelow(True)
    axis.set_xlabel(
        f"{metric(panel.metric).words} (%)\n"
        f"dots: n = {panel.n} replicates of {' or '.join(map(str, sorted(nets)))} nets\n"
        "bar: their mean, black line: its 95 % interval"
    )


def paths(axis: Axes, panel: Panel) -> None:
    """Draw test error between two copies of a net: a thin line a replicate, a thick one their mean."""
    for arm in panel.arms:
        colour, _, dashes = panel.look(arm)
        error_RT = hundredths(1 - panel.series(arm))
        t_T = np.linspace(0, 1, error_RT.shape[1])
        axis.plot(t_T, error_RT.T, color=colour, lw=THIN, alpha=0.5, zorder=1)
        (mean,) = axis.plot(
            t_T, error_RT.mean(0), color=colour, lw=THICK, ls=dashes, label=_labelled(panel, arm), zorder=2
        )
        mean.set_gid(panel.named(arm))
    axis.set_xlim(0, 1)
    axis.set_ylabel("test error (%)")
    _explained(axis, panel, "on the straight line from one copy (0) to the other (1)")


def histograms(axis: Axes, panel: Panel) -> None:
    """Draw how the magnitudes of a layer's kept weights are distributed: thin steps a replicate, thick their mean."""
    for arm in panel.arms:
        colour, _, dashes = panel.look(arm)
        count_RB = panel.series(arm)
        share_RB = hundredths(count_RB[count_RB.sum(1) > 0]) / count_RB.sum(1, keepdims=True)[count_RB.sum(1) > 0]
        edges = BIN * np.arange(count_RB.shape[1] + 1)
        for share_B in share_RB:
            axis.stairs(share_B, edges, color=colour, lw=THIN, alpha=0.4, baseline=None, zorder=1)
        mean = axis.stairs(
            share_RB.mean(0),
            edges,
            color=colour,
            lw=THICK,
            ls=dashes,
            baseline=None,
            label=_labelled(panel, arm),
            zorder=2,
        )
        mean.set_gid(panel.named(arm))
    axis.set_xlim(0, edges[-1])
    marked = np.arange(0, edges[-2], 2 * BIN)
    axis.set_xticks([*marked, edges[-2:].mean()], [*(f"{edge:g}" for edge in marked), f"≥ {edges[-2]:g}"])
    nodes = [node for arm in panel.arms for each in panel.design.points[arm].values() for node in each]
    initial = all(isinstance(node, Magnitudes) and isinstance(node.weights, Fresh) for node in nodes)
    axis.set_ylabel("weights kept (%)")
    shown = "initial magnitude" if initial else "magnitude"
    _explained(axis, panel, f"{shown}, in root mean squares of the layer")


def lessons(axis: Axes, panel: Panel) -> None:
    """Draw what a training was worth on its way, over its steps: a thin line a replicate, a thick one their mean."""
    kept = metric(panel.metric).series
    for arm in panel.arms:
        colour, _, dashes = panel.look(arm)
        table = panel.results.series(panel.claim, arm, kept)
        axis.plot(table.columns, table.to_numpy().T, color=colour, lw=THIN, alpha=0.5, zorder=1)
        (mean,) = axis.plot(
            table.columns, table.mean(), color=colour, lw=THICK, ls=dashes, label=_labelled(panel, arm), zorder=2
        )
        mean.set_gid(panel.named(arm))
    axis.set_ylabel(LESSONS[kept])
    _explained(axis, panel, "steps")


def _summed(panel: Panel) -> tuple[Metric, int]:
    """Return what the key says of a series, and the sign: of a negated metric the one it negates, where that is known.

    A barrier is a barrier in every figure.
    """
    shown = metric(panel.metric)
    return (metric(shown.source), -1) if shown.negated and shown.source in METRICS else (shown, 1)


def _labelled(panel: Panel, arm: str) -> str:
    summed, sign = _summed(panel)
    mean = sign * panel.values(arm).to_numpy().mean()
    unit = "" if summed.log else f" {summed.counts or '%'}"
    return f"{arm}: {written(mean, summed.name)}{unit}"


def _explained(axis: Axes, panel: Panel, across: str) -> None:
    """Finish a panel of thin lines and their means: y from 0, and what all of it is."""
    axis.set_ylim(0, axis.get_ylim()[1])
    axis.grid(axis="y", color=GRID, lw=0.6)
    words = _summed(panel)[0].words.removeprefix(f"{panel.layer}: ")
    lines = f"thick: mean of n = {panel.n} replicates, thin: each of them"
    axis.set_xlabel("\n".join((across, lines, f"in the key: {words}")))


LESSONS = {"return_so_far": "mean return of the last 100 episodes", "loss_so_far": "validation loss (nats a token)"}
SERIES: dict[str, Picture] = {
    "path_accuracy": paths,
    "magnitude_bin": histograms,
    **dict.fromkeys(LESSONS, lessons),
}
