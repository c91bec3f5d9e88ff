"""What a paper prints belongs to the comparison that it is of, and to no other; no lock hashes it."""

from dataclasses import replace
from fractions import Fraction

import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats, interaction, slope
from harness.design._catalogue import Catalogue
from harness.design._check import check_design
from harness.design._claim import Scale
from harness.design._from_paper import Published, printed_of
from harness.design._parts import percent_kept
from harness.errors import DesignError
from tests.project import ROOT
from tests.synthetic import MICRO, arm, claim, dense, design

QUARTER = percent_kept("24", "26")
PART = beats("a", "b", on=DIGITS, band=QUARTER)
PRINTED = Published(value=0.5, of=("a", "b"), task="MNIST", kept="21", trials=5)


def read_at(*percents):
    """A design whose arms a and b have these densities, compared in `PART` at all of them."""
    keeps = [Fraction(percent) / 100 for percent in percents]
    return design(beats("a", "b", on=DIGITS), arms={"a": arm(0, keeps), "b": arm(1, keeps), "dense": dense()})


@pytest.mark.parametrize(
    "part",
    [
        beats("b", "a", on=DIGITS, band=QUARTER),
        beats("a", "c", on=DIGITS, band=QUARTER),
        beats("a", "b", on=DIGITS, band=QUARTER, metric="early_stop_accuracy"),
        beats("a", "b", on=DIGITS, band=percent_kept("12", "26")),
        beats("a", "b", on=DIGITS, band=percent_kept("12", "13")),
        beats("a", "b", on=DIGITS),
        interaction("a", "b", less=("c", "d"), on=DIGITS, band=QUARTER),
        slope("a", "b", on=DIGITS, band=QUARTER),
    ],
    ids=["sense", "arms", "metric", "wide band", "other band", "all levels", "interaction", "slope"],
)
def test_a_number_belongs_to_what_it_is_of(part):
    """The arms in their order, the metric, one level near the paper's: in everything else it is another number."""
    built = design(PART)
    assert PRINTED.belongs_to(PART, built)
    assert not PRINTED.belongs_to(part, built)


@pytest.mark.parametrize(
    ("percent", "near"), [("21", True), ("26", True), ("26.5", False), ("17", True), ("16.5", False)]
)
def test_a_level_is_near_within_a_fifth(percent, near):
    """A round of pruning sparser or denser than the paper's is near enough, and further is not."""
    built = read_at(percent)
    assert PRINTED.belongs_to(built.parts[0], built) == near


def test_a_dense_net_has_no_density_to_compare():
    """A ticket against its dense net is read at the ticket's level; two dense nets at theirs."""
    built = design(beats("a", "dense", on=DIGITS, band=QUARTER), beats("dense", "e", on=DIGITS))
    built = replace(built, arms={**built.arms, "e": dense()})
    assert replace(PRINTED, of=("a", "dense")).belongs_to(built.parts[0], built)
    for kept, at_all in ((None, True), ("100", True), ("21", False)):
        assert replace(PRINTED, of=("dense", "e"), kept=kept).belongs_to(built.parts[1], built) == at_all


def test_a_number_without_a_density_is_of_no_band():
    """Where the paper says none, only a part that names none is of it."""
    built, whole = design(PART), beats("a", "b", on=DIGITS)
    unsaid = replace(PRINTED, kept=None)
    assert unsaid.belongs_to(whole, built)
    assert not unsaid.belongs_to(PART, built)


@pytest.mark.parametrize(("task", "same"), [("MNIST", False), ("Digits", True)])
def test_the_task_is_told_by_its_data_set(task, same):
    """However it is spelt: what is measured on other data is another task."""
    built = design(PART)
    assert replace(PRINTED, task=task).same_task(PART, built) == same


@pytest.mark.parametrize(
    "changed",
    [
        {"kept": "0"},
        {"kept": "101"},
        {"kept": "a fifth"},
        {"kept": "1/3"},
        {"kept": "1/0"},
        {"kept": 21},
        {"value": float("nan")},
        {"value": "1"},
        {"trials": 0},
        {"trials": 2.5},
        {"of": ("a", "a")},
        {"metric": "mood"},
    ],
)
def test_what_no_paper_can_print_is_refused(changed):
    """Densities are percents kept, a mean is over one trial at least, and metrics are known."""
    with pytest.raises(DesignError):
        replace(PRINTED, **changed)


def test_a_number_that_belongs_nowhere_is_refused():
    """It is a slip in a claim's file; one that another scale reads is not drawn here and passes."""
    made = claim(design(PART, beats("a", "c", on=DIGITS)))
    check_design(replace(made, printed=(PRINTED,)), MICRO)
    with pytest.raises(DesignError, match=r"printed of a minus d in test_accuracy, at 21 % kept, belongs to no part"):
        check_design(replace(made, printed=(replace(PRINTED, of=("a", "d")),)), MICRO)
    scales = {Scale.MICRO: design(beats("a", "c", on=DIGITS)), Scale.STANDARD: design(PART)}
    both = replace(
        made, printed=(PRINTED,), predicted=dict.fromkeys(scales, "reproduced"), build=scales.get, _designs={}
    )
    check_design(both, MICRO)
    assert printed_of(both, both.design(MICRO).parts[0], both.design(MICRO)) == []
    assert printed_of(both, PART, both.design(Scale.STANDARD)) == [PRINTED]


def test_no_lock_hashes_what_is_printed():
    """A fact of a paper may be added after the lock: the digest is that of before."""
    made = claim(design(PART))
    assert replace(made, printed=(PRINTED,)).digest(MICRO) == made.digest(MICRO)


def test_the_claims_of_the_repository_say_what_their_papers_print():
    """The number at 21 % kept stands where 24 % is read, and not where 3 to 12.5 % are."""
    made = Catalogue.load(ROOT / "claims").claims["frankle2019/random-reinit-hurts"]
    built = made.design(MICRO)
    decides, near = built.compared()
    assert printed_of(made, decides, built) == []
    assert [each.value for each in printed_of(made, near, built)] == [0.5]
