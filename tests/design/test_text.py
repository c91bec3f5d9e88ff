"""Text that a page would not show as it stands is refused before it is run or reported."""

from dataclasses import replace

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.design._check import check_design
from harness.design._claim import Source
from harness.design._parts import percent_kept
from harness.errors import DesignError
from tests.synthetic import MICRO, arm, claim, dense, design

MADE = claim(design(beats("a", "b", on=DIGITS)))
ARMS = {"b": arm(1), "dense": dense()}
SOURCE = Source(version="v1", place="section 1", published="none")


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (claim(design(beats("a|b", "b", on=DIGITS), arms={**ARMS, "a|b": arm(0)})), r"'a\|b' holds '\|'"),
        (claim(design(beats("a", "b", on=DIGITS, label="x\ny"))), r"'x\\ny' is empty or holds what cannot be seen"),
        (replace(MADE, statement="a <b>beats</b> b."), "holds '<b'"),
        (replace(MADE, source=replace(SOURCE, place="<!-- -->")), "holds '<!'"),
        (replace(MADE, deviations={MICRO: ["one\n* two"]}), "is empty or holds what cannot be seen"),
        (
            claim(design(beats(" ", "b", on=DIGITS), arms={**ARMS, " ": arm(0)})),
            "' ' is empty or holds what cannot be seen",
        ),
        (
            claim(design(beats("a\u200b", "b", on=DIGITS), arms={**ARMS, "a\u200b": arm(0)})),
            "holds what cannot be seen",
        ),
        (claim(design(beats("\ud800", "b", on=DIGITS), arms={**ARMS, "\ud800": arm(0)})), "holds what cannot be seen"),
    ],
    ids=["|", "a label of two lines", "a tag", "a comment", "a deviation of two lines", "blank", "no width", "no text"],
)
def test_what_a_page_would_not_show_is_refused(made, shown):
    """Names stand in tables, and all else in lines of their own."""
    with pytest.raises(DesignError, match=f"paper/claim: .*{shown}, which reports would not show"):
        check_design(made, MICRO)


def test_ordinary_text_passes():
    """Comparisons with numbers and bars outside of names are text like any other."""
    check_design(replace(MADE, statement="a < 5 and |a - b| > 0."), MICRO)


@pytest.mark.parametrize("text", ["1/0", "abc", "", "-5", "1e1", 5])
def test_percents_are_decimal_text(text):
    """Fractions, words and floats are no densities that a reader sees printed."""
    with pytest.raises(DesignError, match="percent kept: expected decimal text"):
        percent_kept(text)
