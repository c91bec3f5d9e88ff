"""The candidates for the next round of locks: every one can be planned, and each paper that is awaited has one."""

import pytest

from harness.design import Scale
from harness.design._catalogue import Catalogue
from harness.design._check import check_design
from tests.command import harness
from tests.project import ROOT

FOLDER = ROOT / "candidates"
CANDIDATES = Catalogue.load(FOLDER)
PAPERS = {  # by key; those of two parts of the catalogue, in its order
    "morcos2019", "mehta2019", "gomez2019", "leclerc2018", "liu2019", "zhou2019", "frankle2020b", "renda2020", "ma2021",
    "lee2019", "wang2020", "tanaka2020", "frankle2021", "su2020", "chijiwa2021",
}  # fmt: skip


@pytest.mark.parametrize("claim", CANDIDATES.claims.values(), ids=lambda claim: claim.id)
def test_every_design_can_give_a_verdict(claim):
    """At scale micro, with what a compared pair differs in declared, and parts that read what their arms measure."""
    check_design(claim, Scale.MICRO)


def test_each_paper_has_one_claim():
    """None is missing, none is there twice; a paper that nobody awaits is no fault."""
    papers = [claim.paper for claim in CANDIDATES.claims.values()]
    assert sorted(set(papers)) == sorted(papers)
    assert set(papers) >= PAPERS
    assert set(papers) == CANDIDATES.papers.keys()


def test_nothing_is_locked():
    """Candidates are predicted and piloted; a lock is a decision that is taken for a claim of the repository."""
    assert not CANDIDATES.registry_file.exists()


def test_all_are_planned_together(tmp_path):
    """As one who looks through them does."""
    done = harness("plan", "--claims", FOLDER, "--store", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(id in done.stdout for id in CANDIDATES.claims if len(id) < 30)
