"""A torch module in a file of claims: planned, run by a worker process of its own, judged and reported."""

import os
import subprocess
import sys

import pytest

from harness.networks import NETWORKS
from tests.command import harness
from tests.project import ROOT

PAPER = '''
"""A paper on sequences."""

from harness import paper

paper(key="sequences2026", authors="A. Author", title="Sequences", venue="an example", arxiv="0000.00000")
'''
CLAIM = '''
"""Tickets of a convolution in one dimension."""

from fractions import Fraction

from torch import nn

from harness import DIGITS, SGD, Design, Recipe, Source, beats, claim, network, prune, random_mask, train


class Rows(nn.Module):
    """Digits read pixel by pixel."""

    def __init__(self, width):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(1, width, 5), nn.GroupNorm(1, width)
        self.drop, self.output = nn.Dropout(0.1), nn.Linear(width, 10)

    def forward(self, x):
        return self.output(self.drop(self.norm(self.conv(x)).relu().mean(2)))


@network("sequences2026/rows", version=2)
def rows(inputs, width=8):
    """A convolution along the pixels."""
    return Rows(width)


NET, RECIPE = rows(inputs=(1, 64)), Recipe(optimiser=SGD(0.1), steps=40, batch=20)


@claim(
    "sequences2026/rows",
    statement="The largest weights make a better ticket than weights chosen at random.",
    source=Source(version="an example", place="here", published="none"),
    predicted={"micro": "reproduced"},
)
def magnitude(scale):
    """Both tickets start from the dense net's initial weights."""
    dense, keep = train(NET, DIGITS, RECIPE), Fraction(1, 2)
    masks = {"magnitude": prune(dense, keep=keep), "random": random_mask(NET, keep=keep)}
    tickets = {name: train(NET, DIGITS, RECIPE, mask=mask, start=dense.at(0)) for name, mask in masks.items()}
    parts = (beats("magnitude", "random", on=DIGITS),)
    return Design(arms={"dense": dense, **tickets}, parts=parts, contrast=("mask",))
'''


@pytest.fixture
def project(tmp_path):
    """A project with the claim."""
    folder = tmp_path / "claims" / "sequences2026"
    folder.mkdir(parents=True)
    (tmp_path / "claims" / "__init__.py").write_text("")
    (folder / "__init__.py").write_text(PAPER)
    (folder / "rows.py").write_text(CLAIM)
    return tmp_path


def as_typed(root, *arguments):
    """Run the command as a user does: a process of its own, with a worker of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", *arguments, "--root", str(root)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "HARNESS_STORE"}
        | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def told(root, *arguments):
    """Run the command in this process; return what it prints."""
    done = harness(*arguments, "--root", root)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_own_network_goes_from_plan_to_report(project):
    """Its cost is planned, a worker builds it, and the report says what it is."""
    assert "sequences2026/rows" in told(project, "plan", "sequences2026")
    as_typed(project, "run", "sequences2026", "--quick", "--workers", "1", "--device", "cpu")
    scratch = project / "reports" / "scratch"
    told(project, "judge", "--out", scratch)
    told(project, "report", "--out", scratch)
    text = (scratch / "report.md").read_text()
    assert "sequences2026/rows@2(inputs=(1, 64), width=8) (glorot-normal; 120 weights)" in text
    assert "magnitude − random" in text
    NETWORKS.remove("sequences2026/rows@2")
