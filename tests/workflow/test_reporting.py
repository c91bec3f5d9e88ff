"""A report is one of what lies in its folder, whatever scale the session was opened for."""

import json
import shutil

import pytest

from harness.errors import ResultsError
from harness.workflow import open_session, report
from tests.project import ROOT


def test_a_report_is_of_the_scale_that_lies_there(tmp_path):
    """Rows of standard, written from a session of micro, give the committed page of standard: it quotes micro."""
    committed = ROOT / "reports" / "standard"
    out = tmp_path / "copied"
    shutil.copytree(committed, out)
    (out / "report.md").unlink()
    written = report(open_session(scale="micro", out=out, root=ROOT, device="cpu"))
    assert written.read_text() == (committed / "report.md").read_text()


def edited(path, id, **changed):
    """Write other things of one claim into a file of verdicts."""
    content = json.loads(path.read_text())
    content["claims"][id] |= changed
    path.write_text(json.dumps(content))


@pytest.fixture
def project(tmp_path):
    """The project's claims and reports, without what is drawn."""
    root = tmp_path / "project"
    for folder in ("claims", "docs", "reports"):
        shutil.copytree(
            ROOT / folder, root / folder, ignore=shutil.ignore_patterns("figures", "scratch", "__pycache__")
        )
    return root


def test_stored_verdicts_are_never_believed(project):
    """Those beside the rows are an error where they are others; those of re-runs and other scales are not even read."""
    out, id = project / "reports" / "standard", "frankle2019/random-reinit-hurts"
    before = (out / "report.md").read_text()
    shutil.copytree(out, project / "reports" / "again")
    session = open_session(scale="standard", out=project / "reports" / "again", root=project, device="cpu")
    for file in ("micro/verdicts.json", "again/elsewhere/h100/verdicts.json"):
        edited(project / "reports" / file, id, outcome="refuted")
    assert report(session).read_text() == before
    edited(session.out / "verdicts.json", id, outcome="refuted")
    with pytest.raises(ResultsError, match=r"has other verdicts than the rows beside it give. Next: harness judge"):
        report(session)
