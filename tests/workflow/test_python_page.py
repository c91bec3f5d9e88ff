"""The page docs/python-api.md, its blocks run in order in a project with one small claim."""

import re
from pathlib import Path

import pytest

from tests.inline import Inline

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "python-api.md").read_text()


class Here(Inline):
    """Stands where worker processes are started, and computes in the process itself."""

    def __init__(self, **asked):
        assert asked == {"device": "cpu", "workers": 1}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


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
    monkeypatch.setattr("harness.compute.Local", Here)
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


def test_the_page_names_every_function():
    """What the workflow offers stands on the page, and no other name of it."""
    from harness import workflow

    functions = {name for name in workflow.__all__ if name[0].islower()}
    named = set(re.findall(r"workflow\.(\w+)\(|^\| `(\w+)\(", PAGE, re.MULTILINE))
    assert {a or b for a, b in named} == functions - {"require_data"}
