"""The contracts between rooms hold, and each is seen to be broken where it is; nothing imports around them."""

import ast
import re
import shutil
import subprocess
import sys

import pytest

from tests.project import ROOT

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
PRIVATE = "Private modules stay in their room"
BREAKS = {  # file, what is put into a function of it: the contract that says no
    ("harness/verdict/_judge.py", "from harness.compute import Plan"): "A room imports from rooms below it",
    ("harness/report/_axes.py", "import harness.workflow"): "A room imports from rooms below it",
    ("harness/stats/_rule.py", "import pandas, torch"): "Only the engine and its kernels import torch",
    ("harness/engine/_updates.py", "import triton"): "Only kernels know Triton",
    ("harness/kernels/_twins.py", "from harness.errors import RunError"): "Kernels know torch and Triton",
    ("harness/design/_lock.py", "from harness.store import Store"): "Verdicts and reports need neither torch",
    ("harness/cli/options.py", "import claims.han2015"): "The harness imports no claims of the repository",
    ("harness/workflow/_planning.py", "from rich.table import Table"): "Only the command knows typer and rich",
    ("harness/compute/_plan.py", "from harness.design import Claim"): "Computing knows no claims",
    ("harness/report/_report.py", "from harness.verdict._judge import judge_results"): PRIVATE,
    ("claims/han2015/study.py", "from harness.expression._nodes import Prune"): PRIVATE,
    ("claims/han2015/study.py", "import harness.engine"): "Claims are written in the vocabulary",
}
DYNAMIC = {"import_module", "__import__", "spec_from_file_location", "run_module", "run_path", "load_module"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of what the contracts are about."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("harness", "claims", "candidates"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "contracts.py", root / "tests")
    return root


def linted(root):
    """Run the linter in a folder; return its status and what it prints, on one line."""
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=60
    )
    return done.returncode, " ".join(done.stdout.split())


def test_every_contract_holds(copy):
    """What is committed keeps all contracts."""
    status, told = linted(copy)
    assert status == 0, told
    assert "10 kept, 0 broken" in told


@pytest.mark.parametrize(("file", "line"), BREAKS)
def test_a_broken_contract_is_caught(copy, file, line):
    """A forbidden import is found where it is lazy, inside a function, and where it only leads to what is forbidden."""
    whole = (copy / file).read_text()
    (copy / file).write_text(f"{whole}\n\ndef lazily():\n    {line}\n")
    try:
        status, told = linted(copy)
    finally:
        (copy / file).write_text(whole)
    assert status == 1
    assert re.search(rf"{BREAKS[file, line]}(?:(?!KEPT).)* BROKEN", told), told


def test_nothing_is_imported_by_a_name_made_at_run_time():
    """The linter sees no dynamic imports, so they stand in two places: claims and measurements of one's own."""
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("harness", "claims")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in DYNAMIC)
        or (isinstance(node, ast.Name) and node.id in DYNAMIC)
        or (isinstance(node, ast.alias) and node.name in DYNAMIC)
    }
    assert found == {"harness/design/_catalogue.py", "harness/engine/_untrained.py"}


@pytest.mark.parametrize("room", sorted({path.parent.name for path in (ROOT / "harness").glob("*/_*.py")} - {"cli"}))
def test_a_front_door_lists_what_others_use(room):
    """Each room says in one sentence what it is, lists all that its front door imports, and keeps the rest private."""
    folder = ROOT / "harness" / room
    tree = ast.parse((folder / "__init__.py").read_text())
    assert (ast.get_docstring(tree) or "").split("\n")[0].endswith(".")
    imported = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    (listed,) = (ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    assert sorted(listed) == sorted(imported)
    assert all(path.name.startswith("_") for path in folder.glob("*.py"))
