"""A figure shows what was measured: which picture that gives, and that the numbers in it are those of the rows."""

import re
from fractions import Fraction

import pandas as pd
import pytest

from harness import figures, pictures
from harness import judge as judging
from harness.expression import magnitudes, random_mask
from harness.hypothesis import beats, percent_kept
from harness.lock import Registry
from harness.results import Results
from harness.tasks import DIGITS
from tests import synthetic
from tests.synthetic import MICRO, NET, around, claim, design


def sizes(*layers):
    """A design of two arms of initial magnitudes, compared in these layers."""
    parts = [beats("all", "large", on=DIGITS, metric=f"near_zero/{layer}", label=f"in {layer}") for layer in layers]
    mask = random_mask(NET, keep=Fraction(1, 5))
    return design(*parts, arms={"all": magnitudes(NET, DIGITS), "large": magnitudes(NET, DIGITS, mask=mask)})


def measured(made, percent, n=4):
    """Results of a claim, percent(arm) giving the percent of each replicate in every metric that its parts read."""
    names = dict.fromkeys(part.metric for part in made.design(MICRO).compared())
    each = [synthetic.results((made, lambda arm, at: around(percent(arm), 0.5, n)), metric=name) for name in names]
    return Results(pd.concat([results.frame for results in each], ignore_index=True), each[0].meta)


def drawn(monkeypatch, tmp_path, made, results):
    """The claim's figure, judged from its results alone, as SVG."""
    synthetic.register(monkeypatch, made)
    verdicts = judging.judge(results, Registry(tmp_path / "lock"))
    return figures.draw(results, made, verdicts["claims"][made.id]).decode()


def narrow_bands(svg):
    """How many bands about a single density are shaded in a figure."""
    return len(re.findall(rf"stroke-width: {pictures.NARROW:g}[;\"]", svg))


def texts(svg):
    """The lines of text in a figure, in order."""
    return re.findall(r"<!-- (.*) -->", svg)


def test_every_metric_that_parts_read_has_a_panel(monkeypatch, tmp_path):
    """Layers stand one below the other, of each group of arms those metrics that its arms are read in."""
    made = claim(sizes("output", "fc1"))
    results = measured(made, lambda arm: 20)
    svg = drawn(monkeypatch, tmp_path, made, results)
    assert [text for text in texts(svg) if text in ("output", "fc1")] == ["output", "fc1"]
    parts = (beats("a", "b", on=DIGITS), beats("c", "d", on=DIGITS, metric="early_stop_accuracy"))
    grouped = claim(design(*parts, panels={"one": ("a", "b"), "two": ("c", "d", "dense")}))
    shown = pictures.panels(measured(grouped, lambda arm: 50), grouped.id, grouped.design(MICRO))
    assert {title: [(p.metric, p.arms) for p in panels] for title, panels in shown.items()} == {
        "one": [("test_accuracy", ["a", "b"])],
        "two": [("early_stop_accuracy", ["c", "d", "dense"])],
    }


def test_every_figure_says_how_many_replicates(monkeypatch, tmp_path):
    """Of curves too: a dot is a replicate, and there are n."""
    made = claim(design(beats("a", "b", on=DIGITS)))
    svg = drawn(monkeypatch, tmp_path, made, measured(made, lambda arm: 90, n=7))
    assert "difference (pp): dots are n = 7 replicates," in texts(svg)


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
