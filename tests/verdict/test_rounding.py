"""A jolted pass beside committed rows: what spreads are, of which rows, and their file."""

from dataclasses import replace

import numpy as np
import pytest

from harness.data._tasks import DIGITS
from harness.design._assertions import beats
from harness.errors import ResultsError
from harness.verdict._rounding import FILE, read_spreads, spreads, spreads_by_mean, write_spreads
from tests import synthetic
from tests.synthetic import CATALOGUE, claim, design

A, B = (claim(design(beats("a", "b", on=DIGITS)), id=f"paper/{name}") for name in "xy")


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """Two claims of the same arms."""
    synthetic.register(monkeypatch, A, B)


LEVEL = np.random.default_rng(5).normal(80, 1, 12)


def rows(moved_R=None, first=0):
    """Rows of both claims on replicates from the first one on; in the first claim arm a is moved by so many pp."""
    moved_R = np.zeros(12) if moved_R is None else moved_R
    level = LEVEL[first : first + len(moved_R)]
    return synthetic.results(
        (A, lambda arm, at: level + moved_R * (arm == "a")), (B, lambda arm, at: level), first=first
    )


@pytest.mark.parametrize("first", [0, 2])
def test_a_spread_is_the_sd_of_what_moved(first):
    """Ten of twelve replicates: the difference and arm a are moved by known numbers, arm b and the other claim by none.

    Numbers are those of the same replicates, whatever others the committed rows have.
    """
    moved_R = np.random.default_rng(6).normal(0.3, 0.2, 10)
    found = {(each.claim, each.what): each for each in spreads(rows(), rows(moved_R, first), CATALOGUE)}
    of_a = {what: each for (id, what), each in found.items() if id == "paper/x"}
    assert of_a.keys() == {"a beats b", "arm 'a' of a beats b", "arm 'b' of a beats b"}
    assert [each.n for each in of_a.values()] == [10, 10, 10]
    for what in ("a beats b", "arm 'a' of a beats b"):
        assert of_a[what].sd == pytest.approx(moved_R.std(ddof=1), rel=1e-4)
    assert of_a["arm 'b' of a beats b"].sd == pytest.approx(0, abs=1e-9)
    assert {each.unit for each in of_a.values()} == {"pp"}


@pytest.mark.parametrize(
    "changed", [{"digest": "another"}, {"suite_seed": 7}, {"replicates": (0,)}, {"replicates": tuple(range(3, 13))}]
)
def test_rows_of_another_design_or_other_replicates_give_no_spread(changed):
    """What is not the same training jolted says nothing of rounding, and one replicate has no spread."""
    other = synthetic.known(rows(), A.id, **changed)
    assert {each.claim for each in spreads(rows(), other, CATALOGUE)} == {B.id}


def test_the_file_keeps_the_claims_that_a_pass_leaves_out(tmp_path):
    """Written and read again they are equal; a later pass over one claim replaces that one's lines alone."""
    assert read_spreads(tmp_path) == ()
    first = spreads(rows(), rows(np.linspace(0, 1, 10)), CATALOGUE)
    assert write_spreads(first, tmp_path).name == FILE
    assert read_spreads(tmp_path) == tuple(first)
    again = [replace(each, sd=9.0) for each in first if each.claim == A.id]
    write_spreads(again, tmp_path)
    assert read_spreads(tmp_path) == (*again, *(each for each in first if each.claim == B.id))


def test_a_spread_belongs_to_its_design(tmp_path):
    """Of a claim that changed since, what an earlier pass found is not used."""
    found = spreads(rows(), rows(np.linspace(0, 1, 10)), CATALOGUE)
    changed = synthetic.known(rows(), A.id, digest="another")
    assert {claim for claim, _ in spreads_by_mean(found, changed)} == {B.id}


HEAD = "claim,digest,what,n,sd,unit\n"


@pytest.mark.parametrize(
    "text",
    [
        "garbage\n",
        "claim,n\nx,1\n",
        f"{HEAD}a,b,c,many,1,pp\n",
        *(f"{HEAD}a,b,c,10,{sd},pp\n" for sd in ("nan", "inf", "-1")),
        f"{HEAD}a,b,c,1,1,pp\n",
    ],
)
def test_a_file_that_is_none_of_ours_is_named(tmp_path, text):
    """Columns that are missing, numbers that are none, and spreads that no pass gives."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ResultsError, match=r"rounding.csv cannot be read"):
        read_spreads(tmp_path)
