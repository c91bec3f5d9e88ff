"""A figure shows what was measured: which picture that gives, and that the numbers in it are those of the rows.

Also tests `report._axes` and `report._figures`.
"""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from harness.data._tasks import DIGITS, XOR
from harness.design._assertions import beats
from harness.design._lock import Registry
from harness.design._parts import percent_kept
from harness.expression import between, fresh, magnitudes, random_mask, train
from harness.networks._network import mlp
from harness.networks._recipe import Adam, Recipe
from harness.report import _figures as figures
from harness.report import _pictures as pictures
from harness.report import _report as report
from harness.report._notation import kept
from harness.report._svg import styled
from harness.verdict import _judge as judging
from harness.verdict._results import Results, read_results, write_results
from tests import synthetic
from tests.report.drawn import texts
from tests.synthetic import CATALOGUE, HALVES, MICRO, NET, RECIPE, arm, around, claim, design

XOR_RECIPE = Recipe(optimiser=Adam(3e-2), steps=200, batch=4, validate_every=200)
PATHS = {"flat": (0.9, 0.9, 0.9), "hill": (0.9, 0.2, 0.8)}  # test accuracy at three points
BINS = {"all": [30, 10] + [0] * 10, "large": [1, 3] + [0] * 10}  # weights of a layer


def apart(draw, keep):
    """Two copies under one mask that differ in their data order."""
    mask = random_mask(NET, keep=keep, draw=draw)
    return between(*(train(NET, DIGITS, RECIPE, mask=mask, streams={"order": order}) for order in (0, 1)), points=3)


def copies(**changed):
    """A design of two arms of two copies each."""
    arms = {"flat": apart(0, Fraction(1, 2)), "hill": apart(1, Fraction(1, 2))}
    return design(beats("hill", "flat", on=DIGITS, metric="barrier"), **{"arms": arms} | changed)


def sizes(*layers):
    """A design of two arms of initial magnitudes, compared in these layers."""
    parts = [beats("all", "large", on=DIGITS, metric=f"near_zero/{layer}", label=f"in {layer}") for layer in layers]
    mask = random_mask(NET, keep=Fraction(1, 5))
    return design(*parts, arms={"all": magnitudes(NET, DIGITS), "large": magnitudes(NET, DIGITS, mask=mask)})


def blocks(nets=3):
    """A design of two arms of small blocks of nets that learn XOR."""
    arms = {
        f"{k} units": [train(mlp(2, k, 2), XOR, XOR_RECIPE, start=fresh("init", draw=i)) for i in range(nets)]
        for k in (2, 10)
    }
    part = beats("10 units", "2 units", on=XOR, metric="converged")
    return design(part, arms=arms, contrast=("network", "start"))


def measured(made, percent, n=4):
    """Results of a claim, percent(arm) giving the percent of each replicate in every metric that its parts read."""
    names = dict.fromkeys(part.metric for part in made.design(MICRO).compared())
    each = [synthetic.results((made, lambda arm, at: around(percent(arm), 0.5, n)), metric=name) for name in names]
    return Results(pd.concat([results.frame for results in each], ignore_index=True), each[0].meta)


def with_series(results, name, values):
    """The same results with a series beside: values(arm, replicate), one a step."""
    one = results.frame.drop_duplicates(["arm", "replicate", "density", "draw"])
    rows = [
        row | {"metric": name, "step": step, "value": float(value)}
        for row in one.to_dict("records")
        for step, value in enumerate(values(row["arm"], row["replicate"]))
    ]
    return replace(results, frame=pd.concat([results.frame, pd.DataFrame(rows)], ignore_index=True))


def drawn(monkeypatch, tmp_path, made, results):
    """The claim's figure, judged from its results alone, as SVG."""
    synthetic.register(monkeypatch, made)
    verdicts = judging.judge_results(results, Registry(tmp_path / "lock"), CATALOGUE)
    return figures.draw_figure(results, made, verdicts.claims[made.id]).decode()


def narrow_bands(svg):
    """How many bands about a single density are shaded in a figure."""
    return len(re.findall(rf"stroke-width: {pictures.NARROW:g}[;\"]", svg))


def corners(svg, name):
    """The corners of what has this name in the figure, shape (corners, 2), y upwards."""
    (path,) = re.findall(rf'<g id="{name}">\s*<path d="([^"]*)"', svg)
    return np.array(re.findall(r"[ML] (\S+) (\S+)", path), float) * [1, -1]


def thin_lines(svg):
    """How many lines of single replicates a figure has; grid lines are as thin and of another colour."""
    return sum(
        f"stroke-width: {pictures.THIN}" in style and "#dddddd" not in style
        for style in re.findall(r'style="([^"]*)"', svg)
    )


def as_drawn(values, places):
    """Whether places on paper are a positive multiple of the values, plus a constant."""
    slope, constant = np.polyfit(values, places, 1)
    return slope > 0 and np.allclose(slope * np.asarray(values) + constant, places, atol=0.02)


# --- which picture ----------------------------------------------------------------------------------------------------


def picture_of(built, series="", values=lambda arm, replicate: (1, 2)):
    made = claim(built)
    results = measured(made, lambda arm: 50)
    results = with_series(results, series, values) if series else results
    (shown,) = pictures.panels(results, made.id, built).values()
    return [pictures.picture(panel) for panel in shown]


def strips_of_accuracy():
    return design(beats("a", "b", on=DIGITS), arms={"a": arm(0, HALVES[:1]), "b": arm(1, HALVES[:1])})


def levels_of_copies():
    arms = {name: [apart(draw, keep) for keep in HALVES] for draw, name in enumerate(("flat", "hill"))}
    return copies(arms=arms)


@pytest.mark.parametrize(
    ("built", "series", "picture"),
    [
        (lambda: design(beats("a", "b", on=DIGITS)), "", pictures.curves),
        (strips_of_accuracy, "", pictures.strips),
        (blocks, "", pictures.bars),
        (copies, "path_accuracy", pictures.paths),
        (copies, "", pictures.strips),  # results from before series were kept
        (levels_of_copies, "", pictures.curves),
        (lambda: sizes("fc1"), "magnitude_bin/fc1", pictures.histograms),
        (lambda: sizes("fc1"), "magnitude_bin/output", pictures.strips),
    ],
)
def test_the_picture_follows_from_what_was_measured(built, series, picture):
    """Densities, the metric and the rows that are there choose it; no claim is asked for its name."""
    assert picture_of(built(), series) == [picture]


@pytest.mark.parametrize("built", [lambda: design(beats("a", "b", on=DIGITS)), strips_of_accuracy, blocks])
def test_one_replicate_is_drawn_without_an_interval(built, monkeypatch, tmp_path):
    """It has no spread; a run of one replicate is reported like any other."""
    made = claim(built())
    results = synthetic.results((made, lambda arm, at: np.array([50.0])), metric=made.design(MICRO).metric)
    assert drawn(monkeypatch, tmp_path, made, results)


def test_every_metric_that_parts_read_has_a_panel(monkeypatch, tmp_path):
    """Layers stand one below the other, of each group of arms those metrics that its arms are read in."""
    made = claim(sizes("output", "fc1"))
    results = measured(made, lambda arm: 20)
    for layer in ("output", "fc1"):
        results = with_series(results, f"magnitude_bin/{layer}", lambda arm, r: BINS[arm])
    svg = drawn(monkeypatch, tmp_path, made, results)
    assert [text for text in texts(svg) if text in ("output", "fc1")] == ["output", "fc1"]
    parts = (beats("a", "b", on=DIGITS), beats("c", "d", on=DIGITS, metric="early_stop_accuracy"))
    grouped = claim(design(*parts, panels={"one": ("a", "b"), "two": ("c", "d", "dense")}))
    shown = pictures.panels(measured(grouped, lambda arm: 50), grouped.id, grouped.design(MICRO))
    assert {title: [(p.metric, p.arms) for p in panels] for title, panels in shown.items()} == {
        "one": [("test_accuracy", ["a", "b"])],
        "two": [("early_stop_accuracy", ["c", "d", "dense"])],
    }


# --- what is in it ----------------------------------------------------------------------------------------------------


def test_no_two_arms_look_alike():
    """Beyond as many arms as there are colours, a colour comes back with another marker and other dashes."""
    built = design(beats("0", "1", on=DIGITS), arms={str(i): arm(i) for i in range(20)})
    made = claim(built)
    ((panel,),) = pictures.panels(measured(made, lambda arm: 50), made.id, built).values()
    colours, markers, dashes = zip(*(panel.look(name) for name in built.arms), strict=True)
    assert len(set(zip(colours, markers, strict=True))) == 20
    assert len(set(zip(colours, dashes, strict=True))) == 20


def test_every_figure_says_how_many_replicates(monkeypatch, tmp_path):
    """Of curves too: a dot is a replicate, and there are n."""
    made = claim(design(beats("a", "b", on=DIGITS)))
    svg = drawn(monkeypatch, tmp_path, made, measured(made, lambda arm: 90, n=7))
    assert "difference (pp): dots are n = 7 replicates," in texts(svg)


def test_a_path_is_drawn_from_copy_to_copy(monkeypatch, tmp_path):
    """The mean error at each point, a thin line a replicate, and in the key the barrier that parts read."""
    made = claim(copies())
    shift = around(0.0, 0.05, 4)
    results = with_series(
        measured(made, lambda arm: 40 if arm == "hill" else 1),
        "path_accuracy",
        lambda arm, r: np.array(PATHS[arm]) + shift[r] * (arm == "hill"),
    )
    svg = drawn(monkeypatch, tmp_path, made, results)
    means = np.concatenate([corners(svg, f"barrier-{arm}") for arm in PATHS])
    assert as_drawn([0, 0.5, 1] * 2, means[:, 0])
    assert as_drawn([1 - accuracy for arm in PATHS for accuracy in PATHS[arm]], means[:, 1])
    assert {"hill: 40.00 %", "flat: 1.00 %", "in the key: error barrier between two copies"} <= set(texts(svg))
    assert "thick: mean of n = 4 replicates, thin: each of them" in texts(svg)
    assert thin_lines(svg) == 4 + 4


def test_a_histogram_has_the_share_of_an_arms_weights_in_each_bin(monkeypatch, tmp_path):
    """Arms with other counts stand on one axis; a replicate in which nothing of the layer survives is left out."""
    made = claim(sizes("fc1"))
    results = with_series(
        measured(made, lambda arm: 20 if arm == "all" else 5),
        "magnitude_bin/fc1",
        lambda arm, r: [0] * 12 if (arm, r) == ("large", 3) else BINS[arm],
    )
    svg = drawn(monkeypatch, tmp_path, made, results)
    tops = {arm: corners(svg, f"near_zero-fc1-{arm}")[[1, 3, 5], 1] for arm in BINS}  # of the first three bins
    assert as_drawn([75, 25, 0, 25, 75, 0], np.concatenate([tops["all"], tops["large"]]))
    assert {"all: 20.00 %", "large: 5.00 %", "initial magnitude, in root mean squares of the layer"} <= set(texts(svg))
    assert thin_lines(svg) == 4 + 3


def test_a_bar_is_as_long_as_the_share_that_converged(monkeypatch, tmp_path):
    """From 0 to the mean; every replicate is a dot, and the caption says of how many nets."""
    made = claim(blocks(nets=3))
    svg = drawn(monkeypatch, tmp_path, made, measured(made, lambda arm: {"2 units": 20, "10 units": 80}[arm]))
    ends = [np.ptp(corners(svg, f"converged-{k}-units")[:, 0]) for k in (2, 10)]
    assert ends[1] == pytest.approx(4 * ends[0], abs=0.05)
    assert {"20.0 %", "80.0 %", "dots: n = 4 replicates of 3 nets"} <= set(texts(svg))


@pytest.mark.parametrize(
    ("band", "single", "wide", "caption"),
    [
        (percent_kept("24", "26"), 1, 0, "shaded: where the hypothesis is read, 25 % kept"),
        (percent_kept("12", "26"), 0, 1, "shaded: where the hypothesis is read"),
        (None, 0, 0, None),
    ],
)
def test_what_the_caption_calls_shaded_is_there(monkeypatch, tmp_path, band, single, wide, caption):
    """A band that holds one density is as visible as a wide one; without a band nothing is shaded, and none said."""
    made = claim(design(beats("a", "dense", on=DIGITS, band=band)))
    svg = drawn(monkeypatch, tmp_path, made, measured(made, lambda arm: 90))
    assert (narrow_bands(svg), svg.count("opacity: 0.07")) == (single, wide)
    assert [text for text in texts(svg) if text.startswith("shaded")] == [caption] * bool(caption)


def test_densities_that_differ_by_a_weight_are_one_density(monkeypatch, tmp_path):
    """Arms of other networks have other counts: a level of each is shaded once, and two levels of each are one band."""
    other = mlp(64, 13, 10)
    arms = {"a": arm(0), "other": [train(other, DIGITS, RECIPE, mask=random_mask(other, keep=keep)) for keep in HALVES]}
    assert {float(d) for d in design(arms=arms).points["a"]} != {float(d) for d in design(arms=arms).points["other"]}
    for band, single, wide in ((percent_kept("24", "26"), 1, 0), (percent_kept("12", "26"), 0, 1)):
        parts = [beats("a", "other", on=DIGITS, band=band), beats("other", "a", on=DIGITS, band=band, label="turned")]
        made = claim(design(*parts, arms=arms))
        svg = drawn(monkeypatch, tmp_path, made, measured(made, lambda arm: 90))
        assert (narrow_bands(svg), svg.count("opacity: 0.07")) == (single, wide)


def test_every_replicate_of_every_arm_is_drawn(monkeypatch, tmp_path):
    """A dense net has a line across, and its replicates at the left edge; what band and dots are is said below."""
    made = claim(design(beats("a", "dense", on=DIGITS)))
    results = measured(made, lambda arm: {"dense": 95}.get(arm, 90), n=7)
    (panel,) = pictures.panels(results, made.id, made.design(MICRO))[""]
    with styled():
        axis = Figure().add_axes((0, 0, 1, 1))
        pictures.picture(panel)(axis, panel)
    dots = [np.asarray(line.get_xydata()) for line in axis.lines if line.get_marker() == "."]
    assert [len(each) for each in dots] == [7] * (4 * 3 + 1)
    left, densest = axis.get_xlim()[0], 50
    (of_dense,) = [each for each in dots if np.allclose(each[:, 1].mean(), 5, atol=0.1)]
    assert np.all((of_dense[:, 0] < left) & (of_dense[:, 0] > densest))
    assert all(each[:, 0].max() < of_dense[:, 0].min() for each in dots if each is not of_dense)
    said = "dots: n = 7 replicates, of dashed lines at the left edge\nband: 95 % interval of the mean"
    assert said in axis.get_xlabel()


@pytest.mark.parametrize(
    ("levels", "ticks"),
    [
        ((62.5, 40, 6.25), ["62.5", "40", "6.25"]),
        ((50, 49.9, 25), ["50", "25"]),
        (tuple(70 * 0.7**k for k in range(8)), ["70", "34.3", "16.8", "8.24"]),
    ],
    ids=["few", "the same", "many"],
)
def test_each_level_has_a_tick_where_there_are_few(levels, ticks):
    """Up to six; levels of networks whose counts differ by a little are one."""
    assert [kept(each) for each in pictures._ticks(levels)] == ticks


def test_what_is_negated_is_shown_as_it_is(monkeypatch, tmp_path):
    """A barrier of 40 % is that, in the figure of a claim that reads how stable copies are too."""
    made = claim(copies(parts=(beats("hill", "flat", on=DIGITS, metric="stability"),)))
    results = measured(made, lambda arm: -40 if arm == "hill" else 0)
    svg = drawn(monkeypatch, tmp_path, made, with_series(results, "path_accuracy", lambda arm, r: PATHS[arm]))
    assert {"hill: 40.00 %", "flat: 0.00 %", "in the key: error barrier between two copies"} <= set(texts(svg))


# --- from files alone -------------------------------------------------------------------------------------------------


def test_a_figure_comes_back_from_the_results_alone(monkeypatch, tmp_path):
    """Written and read, results give the same bytes; without series they still report, with the same verdicts."""
    made = claim(copies())
    synthetic.register(monkeypatch, made)
    without = measured(made, lambda arm: 40 if arm == "hill" else 1)
    both = {"with": with_series(without, "path_accuracy", lambda arm, r: PATHS[arm]), "without": without}
    judged = {}
    for name, results in both.items():
        write_results(results, tmp_path / name / "results.parquet")
        again = read_results(tmp_path / name / "results.parquet")
        judged[name] = judging.judge_results(again, Registry(tmp_path / "lock"), CATALOGUE)
        report.write_report(again, judged[name], Registry(tmp_path / "lock"), CATALOGUE, [], tmp_path / name, {})
        made_again = (tmp_path / name / "figures" / "paper-claim.svg").read_bytes()
        assert made_again == figures.draw_figure(results, made, judged[name].claims[made.id])
    assert judged["with"] == judged["without"]
    assert (tmp_path / "with" / "report.md").read_bytes() == (tmp_path / "without" / "report.md").read_bytes()
