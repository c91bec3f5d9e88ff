"""Judge and report are pure functions of rows; the command is quick; the folders import in one direction."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import catalogue
from harness.judge import judge
from harness.lock import Registry
from harness.results import Results, read

ROOT = Path(__file__).parents[1]
COMMITTED = ROOT / "reports" / "micro"
SCALES = sorted(path.parent.name for path in ROOT.glob("reports/*/results.parquet") if path.parent.name != "scratch")


def python(code, **more):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, **more)


def command(*arguments, absent=()):
    """Run the command in one process and fail if it imported a module that it should do without."""
    code = f"""
import sys
from harness.cli import app
try:
    app({list(arguments)!r}, prog_name="harness")
except SystemExit as stop:
    assert not stop.code, stop.code
loaded = [name for name in {list(absent)!r} if name in sys.modules]
assert not loaded, loaded
"""
    result = python(code)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module", params=SCALES)
def scale(request):
    """Each scale with a committed report."""
    return request.param


@pytest.fixture(scope="module")
def again(tmp_path_factory, scale):
    """A copy of the project with nothing left of the committed report but its rows, judged and reported again."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "claims", root / "claims", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "pilots.csv", root / "docs")
    made = shutil.ignore_patterns("verdicts.json", "junit.xml", "report.md", "figures")
    shutil.copytree(ROOT / "reports" / scale, root / "reports" / scale, ignore=made)
    command("judge", "--scale", scale, "--root", str(root), absent=("torch",))
    command("report", "--scale", scale, "--root", str(root), absent=("torch",))
    return root


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_rows_alone_bring_the_report_back(again, scale):
    """Deleting all of a committed report but its rows, judge and report give the same bytes, without torch."""
    assert files(again / "reports" / scale) == files(ROOT / "reports" / scale)


def test_a_locked_claim_without_rows_stays_in_the_family():
    """A claim judged by itself is still one among all its paper has locked: leaving rows out makes no p smaller."""
    catalogue.load(ROOT)
    results, registry = read(COMMITTED / "results.parquet"), Registry(ROOT / "claims" / "registry.lock")
    whole = judge(results, registry)["claims"]
    id = next(id for id, verdict in whole.items() if len(verdict["family"]) > 1)
    alone = Results(results.frame, results.meta | {"claims": {id: results.claims[id]}})
    verdicts = judge(alone, registry)["claims"]
    assert verdicts.keys() == {id}
    assert verdicts[id]["family"] == whole[id]["family"]
    assert verdicts[id]["p_rep"] >= whole[id]["p_rep"]


def test_the_same_bytes_twice(again, scale):
    """Judging and reporting again changes no byte."""
    before = files(again / "reports" / scale)
    command("judge", "--scale", scale, "--root", str(again))
    command("report", "--scale", scale, "--root", str(again))
    assert files(again / "reports" / scale) == before


def test_plan_does_without_torch():
    """Planning knows the networks' counts and keys without torch."""
    command("plan", absent=("torch", "matplotlib", "pandas"))


@pytest.mark.parametrize("arguments", [("list",), ("--help",), ("verify", "--help")])
def test_looking_around_is_quick(arguments):
    """What a user types first imports none of the slow packages."""
    command(*arguments, absent=("torch", "pandas", "matplotlib", "scipy", "pyarrow", "sklearn"))


def test_the_report_shows_every_replicate():
    """Each locked claim's section has a row a replicate, its figure, source, deviations, cost and prediction."""
    report = (COMMITTED / "report.md").read_text()
    sections = report.split("\n## ")[1:]
    claims = [s for s in sections if "/" in s.splitlines()[0]]
    assert len(claims) == 5
    for section in claims:
        n = 20 if section.startswith(("frankle2019b", "ramanujan")) else 60 if section.startswith("controls") else 10
        rows = section.split("Every replicate")[1].splitlines()
        assert sum(row.startswith("| ") and row.split()[1].isdigit() for row in rows) == n
        for part in ("**Source.**", "**Deviations from the paper.**", "**Cost.**", "**Predicted.**", "figures/"):
            assert part in section


def test_the_report_has_controls_and_robustness():
    """A/A and planted effects, floors and null settings stand in one table; each claim is shown at other settings."""
    report = (COMMITTED / "report.md").read_text()
    table = report.split("\n## Controls\n")[1].split("\n## ")[0]
    for control in ("in order", "swapped at random", "planted in each", "floor arms", "null setting"):
        assert control in table
    for section in report.split("\n## frankle2019")[1:] + report.split("\n## ramanujan")[1:]:
        own = section.split("\n## ")[0]
        for setting in ("as locked", "accuracy at the early stop", "learning rate halved", "learning rate doubled"):
            assert f"| {setting} |" in own


def test_readme_has_the_reports_verdicts():
    """README's verdict table says what the committed report says."""
    readme = (ROOT / "README.md").read_text()
    report = (COMMITTED / "report.md").read_text()
    rows = [line for line in report.splitlines() if line.startswith("| [")]
    assert len(rows) == 4
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        name = cells[0].partition("]")[0].strip("[")
        line = next(text for text in readme.splitlines() if text.startswith("|") and name in text)
        assert cells[1] in line
        assert cells[2] in line


def imports(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_claims_import_the_vocabulary_and_their_own_study():
    """A claim imports harness (not its modules), its own paper's folder, and the standard library."""
    for path in (ROOT / "claims").rglob("*.py"):
        paper = path.parent.name
        for name in imports(path):
            if name.startswith("harness"):
                assert name.count(".") <= 1, f"{path}: {name}"
                module = ROOT / "harness" / f"{name.removeprefix('harness.')}.py"
                assert not module.is_file(), f"{path}: {name}"
            if name.startswith("claims"):
                assert name.startswith(f"claims.{paper}"), f"{path}: {name}"


def test_the_engine_never_imports_claims():
    """No module of harness imports the package claims; they are found by name at run time."""
    for path in (ROOT / "harness").glob("*.py"):
        assert not [name for name in imports(path) if name.split(".")[0] == "claims"], path


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("stats", {"numpy", "scipy"}),
        ("verdict", {"numpy", "harness"}),
        ("expression", {"harness"}),
        ("hypothesis", {"harness"}),
        ("streams", {"numpy"}),
    ],
)
def test_pure_modules_stay_pure(module, allowed):
    """Statistics know numpy and scipy only; the vocabulary knows no third-party package."""
    third_party = {name.split(".")[0] for name in imports(ROOT / "harness" / f"{module}.py")}
    assert third_party - set(sys.stdlib_module_names) <= allowed
