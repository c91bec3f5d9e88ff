"""Code is no part of a key: that it has changed under a store is said, by plan, run and why."""

import ast
import shutil

import pytest

from harness.compute import _code as code
from harness.compute._code import code_digest
from harness.sources import bare
from harness.workflow import explain, open_session, plan, run
from tests.project import ROOT

WARNED = "was computed by other code of the harness than this, and is taken as it is. Next: harness variance"


class Told:
    """A progress that keeps its notes."""

    def __init__(self):
        self.notes = []

    def note(self, message, *, warning=False):
        """Keep what is noted."""
        self.notes.append((message, warning))

    def begin(self, *given):
        """Show nothing."""

    advance = end = begin


def bared(text):
    """A module's text without comments, docstrings and layout."""
    return bare(ast.parse(text))


def test_what_changes_nothing_is_not_in_the_digest():
    """Comments, docstrings and layout are left out, every other character counts."""
    one = bared('"""A module."""\n\ndef f(x):\n    """Twice."""\n    return 2 * x\n')
    assert one == bared("# a comment\n\ndef f(\n    x,\n): return 2*x")
    assert one != bared("def f(x):\n    return 3 * x\n")


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("engine/_updates.py", "rate.copy_(now)", "rate.copy_(2 * now)"),
        ("kernels/_step_programs.py", "size * mean, root", "2 * size * mean, root"),
    ],
)
def test_a_changed_engine_has_another_digest(file, before, after, tmp_path, monkeypatch):
    """Adam's rate doubled, and the digest is another one; a comment, and it is the same."""
    copy = tmp_path / "harness"
    shutil.copytree(ROOT / "harness", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "HERE", copy)
    path = copy / file
    was = path.read_text()
    digests = []
    for text in (was, was + "# a comment\n", was.replace(before, after)):
        path.write_text(text)
        code_digest.cache_clear()
        digests.append(code_digest())
    code_digest.cache_clear()
    assert digests[0] == digests[1] != digests[2]


@pytest.fixture
def session(tmp_path):
    """A quick session of one claim, computed once."""
    shutil.copytree(ROOT / "claims" / "ramanujan2020", tmp_path / "claims" / "ramanujan2020")
    made = open_session("ramanujan2020", quick=True, root=tmp_path, device="cpu", workers=1, store=tmp_path / "store")
    run(made)
    return made


def test_changed_code_under_a_full_store_is_named(session, monkeypatch):
    """Nothing is due, and plan, run and why say that other code computed it; as long as it is the same, they do not."""
    quiet, loud = Told(), Told()
    run(session, progress=quiet)
    assert (plan(session).totals.warning, explain(session).warning) == ("", "")
    monkeypatch.setattr("harness.compute._plan.code_digest", lambda: "0" * 12)
    run(session, progress=loud)
    needed = plan(session).totals.different
    assert [note for note in quiet.notes if note[1]] == []
    warnings = [message for message, warning in loud.notes if warning]
    assert [WARNED in message and message.startswith(f"{needed} of") for message in warnings] == [True]
    assert plan(session).totals.warning == explain(session).warning == warnings[0]
