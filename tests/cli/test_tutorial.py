"""The page docs/tutorial.md, followed word by word outside of the repository."""

import re
import shlex
import time

import pandas as pd
import pytest

from harness.verdict import read_results
from tests import command
from tests.project import ROOT
from tests.wheel import install_wheel

PAGE = (ROOT / "docs" / "tutorial.md").read_text()
BLOCKS = re.findall(r"```(sh|python|diff)\n(.*?)```", PAGE, re.DOTALL)
CLAIM = "zhu2018/large-sparse-beats-small-dense"
GRID = re.findall(r"^\| (\S+) \| ([\d,]+) \| (\S+) \(.*?\) \| (\S+) \(.*?\) \| (\S+) \(.*?\) \|$", PAGE, re.MULTILINE)


def changed(text, diff):
    """The text with each line that the block takes away replaced by the one that it gives."""
    old, new = ([line[1:] for line in diff.splitlines() if line.startswith(sign)] for sign in "-+")
    for before, after in zip(old, new, strict=True):
        assert text.count(before) == 1
        text = text.replace(before, after)
    return text


def follow(folder, do, skipped=()):
    """Follow the page in a folder, but for some commands; return what was run and printed, in order."""
    told, path = [], None
    for kind, block in BLOCKS:
        if kind == "python":
            where, _, code = block.partition("\n")
            path = folder / where.removeprefix("# ")
            path.write_text(code)
        elif kind == "diff":
            path.write_text(changed(path.read_text(), block))
        else:
            lines = [line for line in block.splitlines() if line not in skipped]
            told += [(line, do(folder, *shlex.split(line))) for line in lines]
    return told


def piloted(folder):
    """The mean of each arm and comparison in the log of pilots; of a repeated look the latest."""
    log = pd.read_csv(folder / "docs" / "pilots.csv")
    return dict(zip(log["what"], log["mean"], strict=True))


def in_process(folder, name, *arguments):
    if name == "rm":
        (folder / arguments[0]).unlink()
        return ""
    if arguments[0] == "lock":
        time.sleep(1)  # what is dated to the second: the pilot came before
    done = command.harness(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split())


def check(folder, told):
    """What the page says has come of it."""
    plans = [text for line, text in told if line == "harness plan zhu2018"]
    assert "unknown. Next: harness pilot" in plans[0]
    assert "perhaps not" in plans[1]
    assert re.search(r"30 │ \S+ \(\S+\) +│ \S+ at the pilots' effect \S+ +│ \d+ +│ yes", plans[2])
    leads = piloted(folder)
    assert leads["large-sparse beats small-dense"] == pytest.approx(1.40, abs=0.5)
    rows = read_results(folder / "reports" / "micro" / "results.parquet").frame
    by_arm = rows[rows["metric"] == "test_accuracy"].groupby(["arm", "replicate"])["value"].mean().unstack("arm")
    assert len(by_arm) == 30
    assert 100 * (by_arm["large-sparse"] - by_arm["small-dense"]).mean() == pytest.approx(1.07, abs=1.2)
    assert 100 * (by_arm["large-sparse"] - by_arm["random"]).mean() == pytest.approx(2.21, abs=1.0)
    report = (folder / "reports" / "micro" / "report.md").read_text()
    assert f"### {CLAIM}" in report
    assert "test accuracy, mean over weights 740 to 2960" in report
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", report)
    assert [link for link in links if not (folder / "reports" / "micro" / link).exists()] == []


def test_the_page_goes_from_an_abstract_to_a_report(tmp_path, monkeypatch):
    """Each command and block in its order, but for the grid of learning rates."""
    monkeypatch.chdir(tmp_path)
    told = follow(tmp_path, in_process, skipped=["harness pilot zhu2018 --grid"])
    check(tmp_path, told)


def test_the_page_changes_two_lines():
    """What the page takes away is in the claim once, and what it gives is another line."""
    (diff,) = [block for kind, block in BLOCKS if kind == "diff"]
    *_, claim = [block for kind, block in BLOCKS if kind == "python"]
    assert "replicates=30" in changed(claim, diff)
    assert len(claim.splitlines()) < 75


@pytest.mark.slow
def test_a_stranger_follows_the_tutorial(tmp_path):
    """With a wheel that pip has installed, and worker processes; the grid's accuracies are those of the page."""
    installed = install_wheel(tmp_path)
    folder = tmp_path / "work"
    folder.mkdir()

    def do(folder, name, *arguments):
        done = installed.run(name, *arguments, cwd=folder) if name == "harness" else None
        if done is None:
            return in_process(folder, name, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    told = follow(folder, do)
    check(folder, told)
    found = piloted(folder)
    assert len(GRID) == 4
    for arm, weights, *means in GRID:
        for lr, mean in zip((0.003, 0.01, 0.03), means, strict=True):
            assert found[f"{arm}, lr {lr} at weights {weights.replace(',', '')}"] == pytest.approx(float(mean), abs=1.5)
