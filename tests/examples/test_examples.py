"""The projects in examples/: each is planned, run quickly, locked and reported as an outsider would, in a copy."""

import importlib
import runpy
import shutil
import sys
import tomllib

import numpy as np
import pytest

from harness.data import SETS
from harness.design import METRICS
from harness.expression import ANSWER_METRICS, CRITERIA, MASK_METRICS
from harness.networks import NETWORKS
from tests import command
from tests.packages import install
from tests.project import ROOT
from tests.wheel import install_wheel

REGISTRIES = (ANSWER_METRICS, CRITERIA, MASK_METRICS, METRICS, NETWORKS, SETS)
EXAMPLES = {path.parent.name: path.parent for path in sorted((ROOT / "examples").glob("*/pyproject.toml"))}


def entry_points(example):
    """The entry points of an example's package, by group without its prefix."""
    groups = tomllib.loads((EXAMPLES[example] / "pyproject.toml").read_text())["project"]["entry-points"]
    return {group.partition(".")[2]: points for group, points in groups.items()}


def go(example, do):
    """Plan, run quickly, lock and report; return what each printed."""
    (place,) = entry_points(example)["claims"]
    papers = [path.parent.name for path in EXAMPLES[example].glob("*/*/__init__.py")]
    out = "scratch"
    told = {}
    for name, *arguments in (
        ("plan",),
        ("run", "--quick", "--out", out),
        ("lock", *papers),
        ("judge", "--out", out),
        ("report", "--out", out),
    ):
        done = do(name, *arguments, "--claims", place)
        assert done.returncode == 0, done.stdout + done.stderr
        told[name] = done.stdout
    return told


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder; what a test imports, and what that registers, is forgotten after it."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    for registry in REGISTRIES:
        monkeypatch.setattr(registry, "_things", dict(registry._things))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in EXAMPLES:
            del sys.modules[name]


OTHER_DATA = ("csv_claim", "own_network")  # than the digits that come with the harness


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_goes_from_plan_to_report(example, here, tmp_path, monkeypatch):
    """Its package is found as pip would lay it out; nothing is written into it."""
    project = tmp_path / "site-packages"
    shutil.copytree(EXAMPLES[example], project, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path for path in project.rglob("*") if path.suffix != ".pyc"}
    points = {group: [f"{k} = {v}" for k, v in each.items()] for group, each in entry_points(example).items()}
    install(project, monkeypatch, example.replace("_", "-"), **points)
    go(example, command.harness)
    report = (here / "scratch" / "report.md").read_text()
    assert "[arXiv ]" not in report, "a paper without an arXiv number has no link"
    assert ("made of scikit-learn's handwritten digits" in report) == (example not in OTHER_DATA), "whose data they are"
    (lock,) = here.glob("places/*/registry.lock")
    assert lock.read_text()
    written = {path for path in project.rglob("*") if "dist-info" not in str(path) and "__pycache__" not in str(path)}
    assert written <= before


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_imports_front_doors_only(example):
    """As an outsider's: the words of `harness`, and rooms by their front doors."""
    for file in EXAMPLES[example].rglob("*.py"):
        lines = [line for line in file.read_text().splitlines() if line.startswith(("from harness", "import harness"))]
        assert not [line for line in lines if "._" in line or "import _" in line], file


def test_own_registry_ends_with_a_report_of_its_own(here, tmp_path):
    """Installed in place all is in its own folder, registry and store too, and the working folder stays empty."""
    folder = shutil.copytree(EXAMPLES["own_registry"] / "own_registry", tmp_path / "own_registry")
    for line in (("lock", "smallnets2026"), ("verify",)):
        done = command.harness(*line, "--claims", folder)
        assert done.returncode == 0, done.stdout + done.stderr
    report = (folder / "reports" / "micro" / "report.md").read_text()
    assert "smallnets2026/largest-beat-random" in report
    assert "smallnets2026/start-matters" in report
    assert (folder / ".harness" / "store" / "records").is_dir()
    assert len((folder / "registry.lock").read_text().splitlines()) == 3
    assert not list(here.iterdir())


def test_csv_claim_has_the_table_that_its_script_writes(tmp_path):
    """From its seed, to the last byte, so that the committed rows can be told from others."""
    made = runpy.run_path(str(EXAMPLES["csv_claim"] / "make_rings.py"))
    made["write"](tmp_path / "rings.csv")
    assert (tmp_path / "rings.csv").read_bytes() == made["TABLE"].read_bytes()


def test_own_criterion_scores_as_the_paper_says(here, monkeypatch):
    """A plain loop over the weights that are alive: its square over that of it and of all that are no smaller."""
    monkeypatch.syspath_prepend(EXAMPLES["own_criterion"])
    importlib.import_module("own_criterion.lamp2021.study")
    weights = np.array([[0.5, -2.0, 0.0], [1.0, 3.0, -0.25]], np.float32)
    alive = np.array([[True, True, False], [True, True, True]])
    expected = np.zeros(weights.shape)
    for place in zip(*np.nonzero(alive), strict=True):
        larger = [float(w) ** 2 for w in weights[alive] if abs(w) >= abs(weights[place])]
        expected[place] = float(weights[place]) ** 2 / sum(larger)
    np.testing.assert_allclose(CRITERIA["lamp"].scores("fc1", weights, alive), expected, rtol=1e-12)
    assert MASK_METRICS["evenness"]({"fc1": alive, "output": alive[:, :1]}) == 2 / 5
    logits = np.eye(3)[[0, 1, 1, 2]]
    assert ANSWER_METRICS["worst_class"](logits, np.array([0, 1, 2, 2])) == 1 / 2


@pytest.mark.slow
def test_pip_installs_the_examples_beside_the_wheel(tmp_path):
    """Each folder by itself, without what it depends on; its commands are those of the other tests."""
    installed = install_wheel(tmp_path)
    for example, project in EXAMPLES.items():
        copy = shutil.copytree(project, tmp_path / "sources" / example)
        installed.pip(copy)
        work = tmp_path / "work" / example
        work.mkdir(parents=True)
        go(example, lambda *line, work=work: installed.run("harness", *line, cwd=work))
        assert (work / "scratch" / "report.md").is_file()
