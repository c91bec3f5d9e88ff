"""A project's own code is in no key: that it has changed under what is stored is said, by its name."""

import shutil
import sys

import pytest

from harness.compute import EXECUTORS
from harness.compute import _code as code
from harness.design import METRICS
from harness.expression import ANSWER_METRICS, COMBINATIONS, CRITERIA, MASK_METRICS
from harness.networks import NETWORKS
from harness.sources import source_digest
from harness.workflow import explain, open_session, plan, run
from tests.command import Here
from tests.compute.test_code import Told
from tests.workflow.test_own_network import PAPER

CLAIM = '''
"""A net, a criterion, a combination, metrics and a way to learn of its own."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from torch import nn

from harness import (
    DIGITS, SGD, Design, Recipe, Source, answer_metric, beats, claim, combination, combine, criterion, evaluate,
    fresh, mask_metric, network, prune, structure, train,
)
from harness.engine import Stack, learner
from harness.expression import Learn, kept_in

from .widths import WIDTH


class Rows(nn.Module):
    """Digits read at once."""

    def __init__(self):
        super().__init__()
        self.first, self.output = nn.Linear(64, WIDTH), nn.Linear(WIDTH, 10)

    def forward(self, x):
        return self.output(self.first(x).relu())


@network("ex/net")
def rows(inputs):
    """A layer."""
    return Rows()


@criterion("ex/small")
def small(weights, alive):
    """The smallest stay."""
    return -np.abs(weights)


@combination("ex/mean")
def mean(one, other):
    """Halfway."""
    return (one + other) / 2


@answer_metric("ex/sure", "mean of the largest logit", bounds=(1.0, 1.0), unit="logits")
def sure(logits, answers):
    """As it says."""
    return logits.max(1).mean()


@mask_metric("ex/full", "layers", bounds=(1.0, 1.0), unit="layers")
def full(layers):
    """As it says."""
    return len(layers)


@dataclass(frozen=True)
class Plain(Learn):
    """Weights."""

    words, moves_weights, learns_mask = "weights, plainly", True, False

    def kept_in(self, network, mask, layers):
        return kept_in(mask, network, layers)

    def under(self, network, recipe, mask):
        return self


@learner(Plain)
class PlainStack(Stack):
    """Without a change."""

    def after_step(self):
        pass


NET, RECIPE = rows(inputs=64), Recipe(optimiser=SGD(0.1), steps=4, batch=20)


@claim(
    "sequences2026/own",
    statement="One beats another.",
    source=Source(version="an example", place="here", published="none"),
    predicted={"micro": "reproduced"},
)
def own(scale):
    """Two trainings, and what else the project computes."""
    half = Fraction(1, 2)
    dense, other = train(NET, DIGITS, RECIPE), train(NET, DIGITS, RECIPE, learn=Plain())
    mixed = train(NET, DIGITS, RECIPE, start=combine("ex/mean", fresh(), fresh("reinit")))
    mask = prune(dense, keep=half, by="ex/small")
    sure = evaluate(NET, DIGITS, weights=dense, also=("ex/sure",))
    masked = train(NET, DIGITS, RECIPE, mask=mask, start=dense.at(0))
    arms = {"plain": other, "mixed": mixed, "sure": sure, "masked": masked}
    return Design(
        arms={**arms, "full": structure(mask, DIGITS, also=("ex/full",))},
        parts=(beats("plain", "mixed", on=DIGITS),),
        contrast=("learn", "start"),
    )
'''


@pytest.fixture
def claims(tmp_path, monkeypatch):
    """A project with the claim, run once; its trainings are 10, 2 of them pruned and 2 of them learned plainly."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a file written again within a second would not be read
    monkeypatch.setitem(EXECUTORS._things, "local", Here)
    folder = tmp_path / "claims" / "sequences2026"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(PAPER)
    (folder / "widths.py").write_text('"""Widths."""\n\nWIDTH = 6\n')
    (folder / "own.py").write_text(CLAIM)
    try:
        run(session(tmp_path))
        yield tmp_path
    finally:
        forget()


def forget():
    """Take out what the claim has registered."""
    for names in (NETWORKS, CRITERIA, COMBINATIONS, ANSWER_METRICS, MASK_METRICS, METRICS):
        for name in [name for name in names if name.startswith("ex/")]:
            names.remove(name)


def session(root):
    """The project's session, its claims loaded afresh."""
    return open_session(quick=True, root=root, device="cpu", workers=1, store=root / "store")


CHANGES = {
    "network 'ex/net'": ("self.first(x).relu()", "self.first(x).tanh()"),
    "criterion 'ex/small'": ("return -np.abs(weights)", "return -np.abs(weights) ** 2"),
    "combination 'ex/mean'": ("(one + other) / 2", "(one + other) / 3"),
    "metric of answers 'ex/sure'": ("logits.max(1).mean()", "logits.min(1).mean()"),
    "metric of masks 'ex/full'": ("return len(layers)", "return len(layers) + 1"),
    "class 'Plain'": ("pass", "self.learned_RP.mul_(0.5)"),
}


def test_what_a_project_s_code_computes_otherwise_written_is_named(claims):
    """Each by its name with how many are stored, by plan, run and why; comments, docstrings and layout are nothing."""
    file = claims / "claims" / "sequences2026" / "own.py"
    quiet = Told()
    run(session(claims), progress=quiet)
    assert [note for note in quiet.notes if note[1]] == []
    file.write_text(
        CLAIM.replace('"""Digits read at once."""', '"""Digits."""  # all of them').replace("(64, W", "(64,  W")
    )
    assert plan(session(claims)).totals.warning == ""
    told = {}
    for name, (was, now) in CHANGES.items():
        assert was in CLAIM
        file.write_text(CLAIM.replace(was, now))
        told[name] = dict(plan(session(claims)).totals.own_code)
    assert told == {
        "network 'ex/net'": {"network 'ex/net'": 10},
        "criterion 'ex/small'": {"criterion 'ex/small'": 4},
        "combination 'ex/mean'": {"combination 'ex/mean'": 2},
        "metric of answers 'ex/sure'": {"metric of answers 'ex/sure'": 2},
        "metric of masks 'ex/full'": {"metric of masks 'ex/full'": 2},
        "class 'Plain'": {"class 'Plain'": 2},
    }
    loud = Told()
    run(session(claims), progress=loud)
    (warning,) = [message for message, warning in loud.notes if warning]
    assert warning.startswith("class 'Plain' is not the code that computed 2 of the trainings and evaluations stored")
    assert "Next: raise its version where it computes something else now; else nothing" in warning
    assert explain(session(claims)).warning == warning
    file.write_text(
        CLAIM.replace('plainly", True, False', 'plainly", True, False\n    version = 2').replace("pass", "return")
    )
    again = plan(session(claims)).totals
    assert (again.warning, again.due) == ("", 2)


def test_a_constant_of_another_file_of_the_project_counts(claims):
    """The width that a net's module reads is part of the code that computed."""
    (claims / "claims" / "sequences2026" / "widths.py").write_text('"""Widths."""\n\nWIDTH = 7\n')
    assert "network 'ex/net' is not the code" in plan(session(claims)).totals.warning


def test_records_from_before_say_nothing(claims, monkeypatch):
    """What keeps no digest may have been computed by anything."""
    shutil.rmtree(claims / "store")
    monkeypatch.setattr("harness.compute._run.own_code", lambda node: {})
    run(session(claims))
    file = claims / "claims" / "sequences2026" / "own.py"
    file.write_text(CLAIM.replace("self.first(x).relu()", "self.first(x).tanh()"))
    assert plan(session(claims)).totals.warning == ""


def test_what_has_no_source_has_no_digest():
    """A function of C's, or made of a text."""
    made = {}
    exec("def made(): return 1", made)
    assert [source_digest(each) for each in (len, made["made"])] == ["", ""]
    assert len(source_digest(code.own_code)) == 12
