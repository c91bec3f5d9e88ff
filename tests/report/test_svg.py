"""Figures as a page shows them: live text inside the picture, a title, the same bytes wherever and however often drawn.

Also tests `report._layout` and `report._style`.
"""

import os
import re
import subprocess
import sys
from functools import cache
from hashlib import sha256
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.design import Catalogue, Registry
from harness.report import _figures as figures
from harness.report import _layout as layout
from harness.report import _overview as overview
from harness.report import _summary as summary
from harness.report._svg import as_svg, styled
from harness.verdict import read_results, read_verdicts
from tests.project import ROOT
from tests.report.drawn import lines, page, texts

REPORTS = ROOT / "reports"
COMMITTED = sorted(path.relative_to(REPORTS) for path in REPORTS.glob("*/figures/*.svg"))
HOSTILE = {
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "axes.grid": True,
    "axes.unicode_minus": False,
    "text.usetex": True,
    "font.family": ["serif"],
    "figure.dpi": 300,
    "lines.linewidth": 7,
    "legend.loc": "center",
    "svg.fonttype": "path",
}
WIDTH_PT, LEAST_PT = 662.4, 7.0  # a page of 9.2 inches, and the smallest type that reads on it
DRAWS = """
import sys
from hashlib import sha256
from tests.report.test_svg import drawn
for name in sys.argv[1:]:
    print(name, sha256(drawn(name)).hexdigest())
"""


@cache
def committed(scale):
    """The committed rows and verdicts of a scale."""
    folder = REPORTS / scale
    return read_results(folder / "results.parquet"), read_verdicts(folder / "verdicts.json")


@cache
def claims():
    """The claims of the repository."""
    return Catalogue.load(ROOT / "claims")


def drawn(name):
    """Draw the committed figure `SCALE/FILE` again, from the committed rows and verdicts."""
    scale, _, file = name.partition("/")
    (results, verdicts), catalogue = committed(scale), claims()
    if file == "overview.svg":
        return overview.draw_overview(summary.groups(verdicts, Registry(catalogue.registry_file), catalogue))
    (id,) = (id for id in verdicts.claims if figures.file_name(id) == file)
    return figures.draw_figure(results, catalogue.claims[id], verdicts.claims[id])


def named(path):
    """What `drawn` calls a committed figure."""
    return f"{path.parts[0]}/{path.name}"


def small(width=layout.WIDTH):
    """A figure of two panels beside each other, with keys and labels that are wider than they are."""
    figure = Figure(figsize=(width, width))
    axes = [figure.add_axes((0, 0, 1, 1)) for _ in range(2)]
    for axis in axes:
        axis.plot([1, 2, 3], [0.123456, 2.5, -1], label="a line of the key that is rather long")
        axis.plot([1, 2, 3], [0, 1, 0], label="another")
        axis.set_xlabel("words " * 30 + "to the end, with 95 % of them")
        axis.set_title("title " * 20)
    layout.arrange(figure, [[layout.Block([axes], width, 2, 2)]])
    return figure


# --- what is committed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", COMMITTED, ids=named)
def test_a_committed_figure_reads_on_a_page(path):
    """Text is text, no line of it reaches outside the picture, the smallest type is seven points on a page's width."""
    svg = (REPORTS / path).read_text()
    width, height = page(svg)
    assert width <= WIDTH_PT
    written = lines(svg)
    assert len(written) > 10
    across = [line for line in written if not 0 <= line.left <= line.right <= width]
    upwards = [line for line in written if not 0 <= line.top <= line.bottom <= height]
    assert (across, upwards) == ([], [])
    assert min(line.size for line in written) >= LEAST_PT


@pytest.mark.parametrize("path", COMMITTED, ids=named)
def test_a_committed_figure_says_what_it_shows(path):
    """As an image with a title of a sentence, the one that the report gives as its alternative text."""
    svg = (REPORTS / path).read_text()
    root = ElementTree.fromstring(svg)
    (title,) = root.findall("{http://www.w3.org/2000/svg}title")
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", title.get("id"))
    report = (REPORTS / path.parts[0] / "report.md").read_text()
    assert f"![{title.text}](figures/{path.name})" in report
    assert re.search(r"\d", title.text)


@pytest.mark.parametrize("path", COMMITTED, ids=named)
def test_a_committed_figure_has_no_invisible_digits(path):
    """Two decimals of a point, and nothing of the day, the place or the version that drew it."""
    svg = (REPORTS / path).read_text()
    assert [tag for tag in re.findall(r"<[^>]*>", svg) if re.search(r"\d\.\d{3}", tag)] == []
    assert "<metadata>" not in svg


# --- the same bytes ---------------------------------------------------------------------------------------------------

CHANGED_BEFORE = "standard/frankle2019-any-input-scaling.svg"  # a key's frame was other in its last digit, now and then
needs_standard = pytest.mark.skipif(not (REPORTS / "standard").is_dir(), reason="draws a committed figure of it")


@needs_standard
def test_a_users_settings_change_no_byte():
    """Whatever a matplotlibrc sets, figures are drawn from matplotlib's own defaults and their style."""
    plain = drawn(CHANGED_BEFORE)
    with mpl.rc_context(HOSTILE):
        assert drawn(CHANGED_BEFORE) == plain
        assert mpl.rcParams["axes.grid"]  # the user's settings are there again afterwards


@needs_standard
@pytest.mark.parametrize("times", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_a_figure_is_drawn_in_one_way(times):
    """However often, with whatever lies in memory: the committed bytes."""
    expected = REPORTS / CHANGED_BEFORE.replace("/", "/figures/")
    assert {drawn(CHANGED_BEFORE) for _ in range(times)} == {expected.read_bytes()}


@pytest.mark.slow
@pytest.mark.parametrize("path", COMMITTED, ids=named)
def test_every_figure_is_drawn_in_one_way(path):
    """Five times in one process: the committed bytes."""
    assert {drawn(named(path)) for _ in range(5)} == {(REPORTS / path).read_bytes()}


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", range(5))
def test_every_figure_is_the_same_in_another_process(hash_seed):
    """Whatever the order of a set."""
    names = [named(path) for path in COMMITTED]
    done = subprocess.run(
        [sys.executable, "-c", DRAWS, *names], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
    )  # fmt: skip
    expected = {named(path): sha256((REPORTS / path).read_bytes()).hexdigest() for path in COMMITTED}
    assert dict(line.split() for line in done.stdout.splitlines()) == expected


# --- how --------------------------------------------------------------------------------------------------------------


def test_text_stays_as_it_is_written():
    """Places are rounded and words are not; what XML would take for its own is escaped."""
    with styled():
        figure = Figure(figsize=(4, 2))
        figure.text(0.123456, 0.5, "p < 0.12345 & more")
        svg = as_svg(figure, "one < two").decode()
    assert texts(svg) == ["p < 0.12345 & more"]
    assert '<title id="title">one &lt; two</title>' in svg
    ElementTree.fromstring(svg)


def test_ids_do_not_follow_digits_that_are_not_printed():
    """Matplotlib hashes all digits of a clip path into its name; moved by less than is printed, it is the same."""
    made = []
    for noise in (0.0, 1e-9):
        with styled():
            figure = Figure(figsize=(4, 2))
            axis = figure.add_axes((0.1 + noise, 0.1, 0.8, 0.8))
            axis.plot([1, 2], [1, 2], "o-")
            made.append(as_svg(figure, "a line"))
    assert made[0] == made[1]
    assert b"url(#i" in made[0]


def test_keys_and_labels_stand_beside_what_they_are_of():
    """No key covers its panel, no panel another; what is too wide is broken between words, and not before a %."""
    with styled():
        figure = small()
        renderer = figure.canvas.get_renderer()
        boxes = [axis.get_window_extent(renderer) for axis in figure.findobj(Axes)]
        keys = [axis.get_legend().get_window_extent(renderer) for axis in figure.findobj(Axes)]
        whole = [axis.get_tightbbox(renderer) for axis in figure.findobj(Axes)]
        labels = [axis.xaxis.label.get_text() for axis in figure.findobj(Axes)]
    assert all(key.y1 <= box.y0 for key, box in zip(keys, boxes, strict=True))
    assert whole[0].x1 <= whole[1].x0
    assert min(box.x0 for box in whole) >= 0
    assert min(box.y0 for box in whole) >= 0
    assert max(box.x1 for box in whole) <= figure.bbox.x1
    for label in labels:
        assert label.replace("\n", " ") == "words " * 30 + "to the end, with 95 % of them"
        assert "\n%" not in label
        assert label.count("\n") > 2


def test_blocks_in_one_band_grow_to_be_as_high():
    """Up to the most that their axes may be."""
    with styled():
        figure = Figure(figsize=(layout.WIDTH, layout.WIDTH))
        one, two, three = (figure.add_axes((0, 0, 1, 1)) for _ in range(3))
        bands = [[layout.Block([[one]], 4, 1, 9), layout.Block([[two], [three]], 5, 2, 2)]]
        layout.arrange(figure, bands)
        high = [axis.get_position().height * figure.get_figheight() for axis in (one, two, three)]
    assert high[1] == high[2] == pytest.approx(2)
    assert high[0] > 4
    assert one.get_position().y1 == pytest.approx(two.get_position().y1)
    assert one.get_position().y0 == pytest.approx(three.get_position().y0)
