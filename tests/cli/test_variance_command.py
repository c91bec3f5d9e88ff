"""``harness variance`` and ``harness diff`` as a user types them, with worker processes, on a project of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests import command

ROOT = Path(__file__).parents[2]
CLAIM = '''"""A small claim, and the training that is watched."""

from harness import DIGITS, Adam, Design, Recipe, Source, beats, claim, mlp, train, watch

NET = mlp(64, 24, 10)
DENSE = train(NET, DIGITS, Recipe(optimiser=Adam(3e-3), steps=60, batch=50))
FAST = train(NET, DIGITS, Recipe(optimiser=Adam(6e-3), steps=60, batch=50))

watch("small/dense", lambda scale: DENSE)


@claim(
    "small/faster",
    statement="A higher learning rate learns more in sixty steps.",
    source=Source(version="none", place="none", published="none"),
    predicted={"micro": "reproduced"},
)
def faster(scale):
    return Design(
        arms={"fast": FAST, "slow": DENSE},
        parts=(beats("fast", "slow", on=DIGITS),),
        contrast=("recipe.optimiser.lr",),
    )
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with one paper and one watched training, its baseline accepted by the command."""
    root = tmp_path_factory.mktemp("project")
    for name, text in {
        "claims/__init__.py": "",
        "claims/small/__init__.py": "",
        "claims/small/faster.py": CLAIM,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    done = harness(root, "variance", "--accept", "--reason", "the first", "--values", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def harness(root, *arguments, **environment):
    """Run the command in this process."""
    return command.harness(*arguments, "--root", root, **environment)


def as_typed(root, *arguments, **environment):
    """Run the command as a user does: a process of its own, with workers of its own."""
    line = [sys.executable, "-m", "harness", *arguments, "--root", str(root)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", **environment}
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment)


def test_green_ends_with_zero_and_writes_what_servers_read(project, tmp_path):
    """Exit status 0, every tier in the output, junit.xml, and the GitHub step summary appended to its file."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    done = harness(project, "variance", "--first", "5000", GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 0, done.stdout + done.stderr
    for tier in ("0 identity", "1a repeat", "1b trajectory", "2 location", "3 spread"):
        assert f"tier {tier}" in done.stdout
    assert "fresh replicates 5000 to 5004" in done.stdout
    assert summary.read_text().startswith("before\n## Seed variance: green")
    suite = ElementTree.parse(project / "reports" / "scratch" / "variance" / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("5", "0")


@pytest.mark.slow
def test_workers_find_the_same(project):
    """In a process of its own, with workers of its own, the check ends as in this one, finding by finding."""
    asked = ("variance", "--first", "5000")
    here, typed = harness(project, *asked), as_typed(project, *asked, "--workers", "1")
    assert typed.returncode == 0, typed.stdout + typed.stderr
    found, same = ([line for line in done.stdout.splitlines() if "tier" in line] for done in (here, typed))
    assert found == same != []


def test_red_ends_with_one_and_names_the_tier(project):
    """A recipe changed after it was accepted is red: exit status 1, the tier and the next command."""
    file = project / "claims" / "small" / "faster.py"
    file.write_text(CLAIM.replace("Adam(3e-3)", "Adam(3.15e-3)"))
    try:
        done = harness(project, "variance", "small")
    finally:
        file.write_text(CLAIM)
    assert done.returncode == 1
    assert "the recipe's key is" in done.stdout
    assert "losses leave the committed ones at step" in done.stdout
    assert "harness variance small/dense --accept" in done.stdout


def test_what_cannot_be_checked_has_statuses_of_its_own(project):
    """An edited baseline is 3; an unknown recipe, and accepting without a reason, are 2; each says what is next."""
    file = project / "reports" / "baselines" / "small-dense-micro.json"
    whole = file.read_text()
    file.write_text(json.dumps({**json.loads(whole), "reason": "another"}))
    edited = harness(project, "variance")
    file.write_text(whole)
    assert (edited.returncode, "edited by hand" in edited.stderr) == (3, True)
    unknown = harness(project, "variance", "smal")
    assert (unknown.returncode, "did you mean small/dense?" in unknown.stderr) == (2, True)
    unreasoned = harness(project, "variance", "--accept")
    assert (unreasoned.returncode, "--reason" in unreasoned.stderr) == (2, True)


def test_diff_prints_two_baselines(project):
    """A baseline against itself differs in nothing, without torch and with exit status 0."""
    file = str(project / "reports" / "baselines" / "small-dense-micro.json")
    done = harness(project, "diff", file, file)
    assert done.returncode == 0, done.stderr
    assert "| small/dense: test accuracy |" in done.stdout
    assert "+0.00 (+0.00 to +0.00) pp | paired, n 10 |" in done.stdout
    assert "Verdicts that changed: none." in done.stdout
