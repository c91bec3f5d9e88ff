"""A report is one of what lies in its folder, whatever scale the session was opened for."""

import shutil

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
