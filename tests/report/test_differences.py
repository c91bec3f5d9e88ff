"""Differences are in ink, on one scale where they can be, and the paper's number stands beside what it is of."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, matches
from harness.design._from_paper import Published
from harness.design._lock import Registry
from harness.design._parts import percent_kept
from harness.report import _differences as differences
from harness.report._style import COLOURS, INK
from harness.report._svg import styled
from harness.stats._paired import prediction_interval
from harness.verdict import _judge as judging
from tests import synthetic
from tests.synthetic import CATALOGUE, around, claim, design

BAND = percent_kept("24", "26")
A, C = beats("a", "b", on=DIGITS, band=BAND), beats("c", "b", on=DIGITS, band=BAND)
SAME = Published(value=1.5, of=("a", "b"), task="Digits", kept="25", trials=3)
OTHER = Published(value=1.5, of=("a", "b"), task="MNIST", kept="25", trials=3)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Return the axes of a claim's differences: a and c are ahead of b by these, d is far below as a floor."""

    def draw(*parts, printed=(), a=1.0, c=1.0, n=6, beside=()):
        made = claim(design(*parts, beside=beside))
        made = type(made)(**{**vars(made), "printed": printed})
        synthetic.register(monkeypatch, made)
        at = {"a": around(a, abs(a) / 2, n), "c": around(c, abs(c) / 2, n), "d": around(-20, 1, n)}
        results = synthetic.results((made, lambda arm, density: 50 + at.get(arm, np.zeros(n))))
        verdict = judging.judge_results(results, Registry(tmp_path / "lock"), CATALOGUE).claims[made.id]
        with styled():
            return differences.differences(Figure(), results, made, verdict), verdict

    return draw


def stars(axis):
    """The stars on axes: where each stands, and whether it is filled."""
    found = [line for line in axis.lines if line.get_marker() == "*"]
    return [(float(line.get_xdata()[0]), to_hex(line.get_markerfacecolor()) == INK) for line in found]


def brackets(axis):
    """The ends of the thin lines about the stars."""
    return [tuple(map(float, line.get_xdata())) for line in axis.lines if line.get_marker() == "|"]


def test_one_unit_has_one_scale(drawn):
    """Zero stands in one place; the widest comparison fits."""
    (one, other), _ = drawn(A, C, a=4.0, c=1.0)
    assert one.get_xlim() == other.get_xlim()
    low, high = one.get_xlim()
    assert low < 0 < 4.0 + 2.0 < high


def test_what_a_common_scale_would_flatten_has_its_own(drawn):
    """And the caption says so; log points are another unit, with a scale of their own in any case."""
    (one, other), _ = drawn(A, C, a=40.0, c=1.0)
    assert one.get_xlim()[1] > 10 * other.get_xlim()[1]
    assert "on scales of their own where a common one would flatten some" in other.get_xlabel()
    (one, other), _ = drawn(A, C, a=4.0, c=1.0)
    assert "scales of their own" not in other.get_xlabel()


def test_colours_tell_arms_apart_and_nothing_else(drawn):
    """A comparison is in ink, and its bound too; what stands beside is grey."""
    (one, other), _ = drawn(A, beside=[C])
    used = {to_hex(line.get_color()) for axis in (one, other) for line in axis.lines}
    assert used.isdisjoint({colour.lower() for colour in COLOURS})
    assert to_hex(one.lines[-1].get_color()) != to_hex(other.lines[-1].get_color())
    assert [line.get_xdata()[0] for line in one.lines if line.get_linestyle() == "--"] == [pytest.approx(0.4)]


def test_the_papers_number_is_filled_on_the_papers_data(drawn):
    """Hollow, and named by its data, on others; where it belongs to another comparison it is not drawn."""
    (one, other), _ = drawn(A, C, printed=(SAME,))
    assert (stars(one), stars(other)) == ([(1.5, True)], [])
    assert [text.get_text() for text in one.texts] == ["paper"]
    assert "star: the paper's number\n" in other.get_xlabel()
    (one, other), _ = drawn(A, C, printed=(OTHER,))
    assert (stars(one), stars(other)) == ([(1.5, False)], [])
    assert [text.get_text() for text in one.texts] == ["paper, MNIST"]
    assert other.get_xlabel().endswith("star: the paper's number, hollow on other data")


def test_a_parts_own_published_is_not_drawn(drawn):
    """It does not say of what it is."""
    (one,), _ = drawn(beats("a", "b", on=DIGITS, band=BAND, published=2.0))
    assert stars(one) == []
    assert "star" not in one.get_xlabel()


def test_the_interval_about_the_star_is_of_our_data(drawn):
    """Where means over the paper's trials would lie: not on other data, nor where the trials are not said."""
    (one,), verdict = drawn(A, printed=(SAME,))
    part = verdict.parts[0]
    expected = prediction_interval(part.mean, part.sd, part.n, further=3)
    assert brackets(one) == [pytest.approx((expected.lower, expected.upper))]
    assert "thin: 95 % of means over as many trials as the paper's" in one.get_xlabel()
    for printed in (OTHER, Published(value=1.5, of=("a", "b"), task="Digits", kept="25")):
        (one,), _ = drawn(A, printed=(printed,))
        assert brackets(one) == []
        assert "thin" not in one.get_xlabel()


@pytest.mark.parametrize(("value", "side"), [(0.2, "left"), (30.0, "right")])
def test_a_star_is_named_where_there_is_room(drawn, value, side):
    """To its right, or near the right end to its left; the axis reaches as far as the star."""
    (one,), _ = drawn(A, printed=(Published(value=value, of=("a", "b"), task="MNIST", kept="25"),))
    assert one.texts[0].get_ha() == side
    assert one.get_xlim()[0] < value < one.get_xlim()[1]


def test_a_bound_on_each_side_is_drawn(drawn):
    """What refutes is held to the bound that the title says; the role stands in it too."""
    part = matches("c", "b", on=DIGITS, floors=("d",), null_setting=True)
    (one,), _ = drawn(part, c=0.1)
    assert [line.get_xdata()[0] for line in one.lines if line.get_linestyle() == "--"] == [pytest.approx(-0.4)]
    assert one.get_title(loc="left") == "c matches b\nmargin −0.4 pp, null setting"
