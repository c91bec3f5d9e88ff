"""The commands that write nothing: they import no more than they need, and look where they are told to.

Also tests `workflow._examining` and `workflow._listing`.
"""

import shutil
import subprocess
import sys

import pytest

from harness import __version__ as installed
from tests.command import harness
from tests.process import ROOT, command, python

SLOW = ("torch", "pandas", "matplotlib", "scipy", "pyarrow", "sklearn")


def test_plan_does_without_torch():
    """Planning knows the networks' counts and keys without torch."""
    command("plan", absent=("torch", "matplotlib", "pandas"))


@pytest.mark.parametrize("arguments", [("list",), ("--help",), ("verify", "--help")])
def test_looking_around_is_quick(arguments):
    """What a user types first imports none of the slow packages."""
    command(*arguments, absent=SLOW)


def test_importing_the_workflow_is_quick():
    """A notebook that imports the workflow waits for none of the slow packages, nor for typer and rich."""
    absent = (*SLOW, "typer", "rich", "safetensors")
    code = f"import sys; from harness import workflow; print([name for name in {absent!r} if name in sys.modules])"
    assert python(code).stdout.strip() == "[]"


def test_claims_may_lie_elsewhere(tmp_path):
    """--claims FOLDER lists the claims of a folder of any name, in a project that has none."""
    shutil.copytree(ROOT / "claims" / "frankle2020", tmp_path / "mine" / "frankle2020")
    shutil.copytree(ROOT / "claims" / "frankle2019b", tmp_path / "mine" / "frankle2019b")
    shutil.copytree(ROOT / "claims" / "frankle2019", tmp_path / "mine" / "frankle2019")
    (tmp_path / "project").mkdir()
    told = command("list", "--root", str(tmp_path / "project"), "--claims", str(tmp_path / "mine"))
    assert "frankle2020/stability-predicts" in told
    assert "ramanujan2020" not in told


def test_doctor_looks_at_a_folder_that_is_not_there(tmp_path):
    """A mistyped folder is reported, not a traceback."""
    done = harness("doctor", "--root", str(tmp_path / "typo" / "deeper"))
    assert "Traceback" not in done.stderr
    assert "0 records, 0 units" in done.stdout


def test_an_unexpected_error_is_not_a_scientific_result(tmp_path, monkeypatch):
    """Exit status 1 is kept for verdicts: a mistake of the harness ends with its traceback and status 3."""
    (tmp_path / "claims").mkdir()
    monkeypatch.setattr("harness.workflow.list_claims", lambda session: 1 / 0)
    monkeypatch.setattr("harness.cli.looking.open_report", lambda *given: None)
    done = harness("list", "--root", str(tmp_path))
    assert done.returncode == 3
    assert "ZeroDivisionError" in done.stderr


def test_a_mistake_in_a_file_of_claims_is_told_in_words(tmp_path):
    """With the file and the line, and no traceback."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "broken.py").write_text("1 / 0\n")
    done = harness("list", "--root", str(tmp_path))
    assert done.returncode == 2
    assert "broken.py:1: ZeroDivisionError: division by zero. Next: correct the file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_stops_reading_is_no_scientific_result():
    """Piped into what ends early, as ``harness list | head -1``, the command does not end with status 1."""
    listing = f"{sys.executable} -m harness list | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", listing], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 3)


def test_a_paper_without_an_init_file_is_not_passed_over(tmp_path):
    """Its claims would be missing from every table without a word."""
    shutil.copytree(ROOT / "claims" / "ramanujan2020", tmp_path / "claims" / "ramanujan2020")
    (tmp_path / "claims" / "ramanujan2020" / "__init__.py").unlink()
    done = harness("list", "--root", tmp_path)
    assert done.returncode == 2
    assert "ramanujan2020 has no __init__.py" in done.stderr
    assert "Next: touch " in done.stderr


def test_run_says_where_its_results_are(tmp_path):
    """A run of some claims writes to scratch, and the next command it names reads from there."""
    shutil.copytree(ROOT / "claims" / "ramanujan2020", tmp_path / "claims" / "ramanujan2020")
    done = harness("run", "ramanujan2020", "--quick", "--root", tmp_path, "--workers", "1")
    assert done.returncode == 0, done.stderr
    (last,) = [line for line in done.stdout.splitlines() if "Next: " in line]
    assert last == "wrote reports/scratch/results.parquet. Next: harness judge --out reports/scratch"
    assert harness("judge", "--out", tmp_path / "reports" / "scratch", "--root", tmp_path).returncode == 0


def test_the_version_is_told():
    """As any command tells it."""
    told = harness("--version")
    assert (told.returncode, told.stdout) == (0, f"ticket-harness {installed}\n")


@pytest.mark.parametrize("asked", ["judge", "report"])
def test_a_claim_named_to_what_takes_none_is_answered_in_words(asked):
    """It says that all claims of the results are meant, and what else can be said."""
    result = harness(asked, "frankle2019/some-claim")
    assert result.returncode == 2
    assert f"harness {asked} {asked}s all claims that results.parquet holds" in result.stderr
    assert "takes no names: frankle2019/some-claim. Next: harness" in result.stderr
