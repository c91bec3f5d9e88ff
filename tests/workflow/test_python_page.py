"""The page docs/python-api.md, its blocks run in order in a project with one small claim."""

import os
import re
import subprocess
import sys

import pytest

from harness.compute._executor import EXECUTORS
from tests.command import Here
from tests.project import ROOT

DOCS = ROOT / "docs"
PAGE = (DOCS / "python-api.md").read_text()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the claim of docs/adding-a-claim.md, as the working directory."""
    for path, code in re.findall(
        r"```python\n# (claims/\S+)\n(.*?)```", (DOCS / "adding-a-claim.md").read_text(), re.DOTALL
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    monkeypatch.setitem(EXECUTORS._things, "local", Here)
    return tmp_path


def test_the_page_runs_from_top_to_bottom(project, capsys):
    """Every block does what the page says, in order, as in a notebook; only what the page prints is printed."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 10
    known = {}
    for block in blocks:
        exec(compile(block, "python-api.md", "exec"), known)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "all 6 trainings and evaluations are stored"
    assert re.fullmatch(r"[+-]\d+\.\d\d pp \([+-]\d+\.\d\d to [+-]\d+\.\d\d\)", told[1])
    assert len(told) == 2


@pytest.mark.slow
def test_the_page_runs_as_a_script(project):
    """A script of all blocks, without ``if __name__ == "__main__"``, trains in worker processes and prints once."""
    (project / "page.py").write_text("\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)))
    ran = subprocess.run(
        [sys.executable, "page.py"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 2


def test_the_page_names_every_function():
    """What the workflow offers stands on the page, and no other name of it."""
    from harness import workflow

    functions = {name for name in workflow.__all__ if name[0].islower()}
    named = set(re.findall(r"workflow\.(\w+)\(|^\| `(\w+)\(", PAGE, re.MULTILINE))
    assert {a or b for a, b in named} == functions - {"require_data"}


def test_each_command_has_the_name_of_its_function_or_one_row():
    """A row names a command and functions that are there, and nothing else; no command is left out."""
    from harness import workflow
    from harness.cli import COMMANDS

    table = PAGE[PAGE.index("| command | function |") :].partition("\n\n")[0].splitlines()[2:]
    rows = [re.fullmatch(r"\| `harness ([\w -]+)` \| (`\w+\([^`]*\)`(?:, `\w+\([^`]*\)`)*) \|", line) for line in table]
    assert [line for line, row in zip(table, rows, strict=True) if row is None] == []
    commands = [row[1] for row in rows]
    assert {name for row in rows for name in re.findall(r"`(\w+)\(", row[2])} <= set(workflow.__all__)
    named_alike = {name for name in COMMANDS if name in workflow.__all__}
    assert sorted(c for c in commands if "--" not in c) == sorted({*COMMANDS, "store merge"} - named_alike)
