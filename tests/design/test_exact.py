"""The command on a project of one exact claim: nothing is trained, from plan to verify."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ID = "example2026/lenet-has-few-weights"
PAPER = """
from harness import paper

paper(key="example2026", authors="A. Author", title="On Counting", venue="an example", arxiv="0000.00000")
"""
CLAIM = """
from harness import Design, Source, claim, exact, mlp


@claim(
    "example2026/lenet-has-few-weights",
    statement="LeNet-300-100 has 266,200 prunable weights.",
    source=Source(version="an example", place="this page", published="266,200"),
    predicted={"micro": "reproduced"},
)
def few(scale):
    return Design(exact=(exact("weights", mlp(784, 300, 100, 10).weights, expected=266_200),))
"""


def harness(root, *arguments):
    """Run the command in a process of its own; fail if it imported torch."""
    return each(root, arguments)


def each(root, *lines):
    """Run commands one after the other in one process; fail if one of them imported torch."""
    code = f"""
import sys
from harness.cli import app
for line in {[[*line, "--root", str(root)] for line in lines]!r}:
    try:
        app(line, prog_name="harness")
    except SystemExit as stop:
        assert not stop.code, stop.code
    assert "torch" not in sys.modules, line
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose only claim is exact, locked and verified."""
    root = tmp_path_factory.mktemp("project")
    (root / "claims" / "example2026").mkdir(parents=True)
    (root / "claims" / "__init__.py").write_text("")
    (root / "claims" / "example2026" / "__init__.py").write_text(PAPER)
    (root / "claims" / "example2026" / "few.py").write_text(CLAIM)
    told = each(root, ("lock", ID), ("verify", "--device", "cpu"))
    assert "0 replicates" in told
    assert "all 0 trainings and evaluations are stored" in told
    return root


def verdict(folder):
    return json.loads((folder / "verdicts.json").read_text())["claims"][ID]


def test_verify_reports_an_exact_claim_without_torch(project):
    """Locked, it is confirmatory and counts among the predictions; its section has the table of quantities."""
    found = verdict(project / "reports" / "micro")
    assert (found["outcome"], found["status"], found["n"]) == ("reproduced", "confirmatory", 0)
    report = (project / "reports" / "micro" / "report.md").read_text()
    assert "| weights | 266200 | 266200 | yes |" in report
    assert "came out as predicted: 1 of 1." in report
    assert "Computed on" not in report


def test_verify_again_changes_no_byte(project):
    """The committed results, which hold no row, give the same bytes."""
    folder = project / "reports" / "micro"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    harness(project, "verify", "--device", "cpu")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("option", "status"), [(("--replicates", "7"), "confirmatory"), (("--quick",), "quick")])
def test_options_of_a_run_do_not_reach_it(project, option, status):
    """It has no replicates to change; a quick run decides nothing, as ever."""
    harness(project, "verify", "--device", "cpu", *option)
    assert verdict(project / "reports" / "scratch")["status"] == status


def test_plan_list_and_pilot_take_it(project):
    """Nothing is due and there is nothing to look at ahead."""
    assert ID in harness(project, "list")
    assert ID in each(project, ("plan",), ("pilot", "--device", "cpu")).partition("logged to")[0]
    pilots = project / "docs" / "pilots.csv"
    assert not pilots.is_file()


def test_another_expectation_after_the_lock_shows(project):
    """What is claimed is locked: changing it afterwards is refused."""
    path = project / "claims" / "example2026" / "few.py"
    path.write_text(path.read_text().replace("expected=266_200", "expected=266_201"))
    with pytest.raises(AssertionError, match="changed since version 1 was locked"):
        harness(project, "plan")
    path.write_text(CLAIM)
