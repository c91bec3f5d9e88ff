"""The candidates for the next round of locks: every one can be planned, and each paper that is awaited has one."""

from contextlib import contextmanager
from unittest import mock

import pytest

from harness.data._sets import SETS
from harness.design import METRICS, Catalogue, Scale
from harness.design._check import check_design
from harness.expression import ANSWER_METRICS, COMBINATIONS, CRITERIA, MASK_METRICS
from harness.networks._modules import NETWORKS
from tests.command import harness
from tests.project import ROOT

FOLDER = ROOT / "candidates"
ADDED_TO = (SETS, METRICS, ANSWER_METRICS, MASK_METRICS, COMBINATIONS, CRITERIA, NETWORKS)
PAPERS = {  # by key; those of two parts of the catalogue, in its order
    "morcos2019", "mehta2019", "gomez2019", "leclerc2018", "liu2019", "zhou2019", "frankle2020b", "renda2020", "ma2021",
    "lee2019", "wang2020", "tanaka2020", "frankle2021", "su2020", "chijiwa2021",
    "liu2022", "gadhikar2023", "evci2020", "evci2022", "paul2023", "gadhikar2024", "pensia2020", "you2020",
    "greydanus2024", "he2022", "pellegrini2022", "redman2024", "gadhikar2024b", "gadhikar2025", "adnan2025",
    "tsayag2026",
}  # fmt: skip


@contextmanager
def apart():
    """Keep what a folder of claims registers, criteria and metrics of its own, from other tests of this process."""
    before = [dict(extensions._things) for extensions in ADDED_TO]
    try:
        yield
    finally:
        for extensions, things in zip(ADDED_TO, before, strict=True):
            extensions._things.clear()
            extensions._things.update(things)


@pytest.fixture(scope="module")
def candidates():
    """The folder's catalogue, and what it registers for as long as this file's tests run."""
    with apart():
        yield Catalogue.load(FOLDER)


def test_every_design_can_give_a_verdict(candidates):
    """At scale micro, with what a compared pair differs in declared, and parts that read what their arms measure."""
    for claim in candidates.claims.values():
        check_design(claim, Scale.MICRO)


def test_each_paper_has_a_claim(candidates):
    """None is missing; a paper that nobody awaits is no fault."""
    papers = {claim.paper for claim in candidates.claims.values()}
    assert papers >= PAPERS
    assert papers == candidates.papers.keys()


def test_nothing_is_locked(candidates):
    """Candidates are predicted and piloted; a lock is a decision that is taken for a claim of the repository."""
    assert not candidates.registry_file.exists()


def test_all_are_planned_together(candidates, tmp_path):
    """As one who looks through them does."""
    with mock.patch.dict("os.environ", {"COLUMNS": "200"}):
        done = harness("plan", "--claims", FOLDER, "--store", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [id for id in candidates.claims if id not in done.stdout] == []
