"""A session: where results go, so that a run replaces no report but its own."""

import shutil
from pathlib import Path

import pytest

from harness.workflow import open_session
from tests.project import ROOT

NAMED = ["ramanujan2020"]


@pytest.fixture
def root(tmp_path):
    """A project with two papers' claims."""
    for paper in ("ramanujan2020", "frankle2018"):
        shutil.copytree(ROOT / "claims" / paper, tmp_path / "project" / "claims" / paper)
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("asked", "folder"),
    [
        ({}, "micro"),
        ({"names": NAMED}, "scratch"),
        ({"quick": True}, "scratch"),
        ({"replicates": 3}, "scratch"),
        ({"variant": "half-rate"}, "micro/variants/half-rate"),
        ({"variant": "half-rate", "names": NAMED}, "scratch/variants/half-rate"),
        ({"variant": "half-rate", "quick": True}, "scratch/variants/half-rate"),
        ({"names": NAMED, "out": "elsewhere"}, None),
    ],
)
def test_only_a_whole_run_replaces_a_report(root, asked, folder):
    """All claims as locked write to the report, or beside it for a variant; anything less writes to scratch."""
    session = open_session(root=root, device="cpu", **asked)
    assert session.out == (Path("elsewhere") if folder is None else root / "reports" / folder)


def test_claims_of_another_project_replace_no_report(root, tmp_path):
    """Claims of a folder in the project are its own, whatever the folder is called; others write to scratch."""
    shutil.copytree(root / "claims", root / "papers")
    shutil.copytree(root / "claims", tmp_path / "theirs")
    inside, outside = (
        open_session(root=root, claims=of, device="cpu") for of in (root / "papers", tmp_path / "theirs")
    )
    assert inside.out == root / "reports" / "micro"
    assert outside.out == root / "reports" / "scratch"
