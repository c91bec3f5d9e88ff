"""The page docs/your-own-paper.md, followed word by word outside of the repository."""

import re
import shlex

import pytest
import torch

from tests import command
from tests.project import ROOT
from tests.wheel import install_wheel

PAGE = (ROOT / "docs" / "your-own-paper.md").read_text()
LINES = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines()
COMMANDS = [shlex.split(line, comments=True) for line in LINES]
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def followed(folder, do):
    """Follow the page in a folder; return what each command prints, by its name."""
    told = {}
    for name, *arguments in COMMANDS:
        done = do(name, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        told.setdefault(arguments[0], []).append(" ".join(done.stdout.split()))
    return told


def seen(folder, told):
    """What has come of it."""
    assert "largest-beat-random" in (folder / "reports" / "micro" / "report.md").read_text()
    assert "test examples right, as the training did." in told["export"][0]
    assert (folder / "claims" / "registry.lock").is_file()
    assert (folder / "docs" / "pilots.csv").is_file()


def test_the_page_goes_from_nothing_to_a_report(tmp_path, monkeypatch):
    """Each command is run as it stands, but for pip: the package is given as a folder, whose files are the same."""
    monkeypatch.chdir(tmp_path)

    def do(name, *arguments):
        if name != "harness":
            return command.Done(0, "", "")
        return command.harness(*("project/doe_claims" if each == "doe_claims" else each for each in arguments))

    told = followed(tmp_path, do)
    seen(tmp_path, told)
    assert (tmp_path / "project" / "doe_claims" / "reports" / "scratch" / "results.parquet").is_file()
    exec(CODE, {})
    assert set(torch.load("net/state_dict.pt")) == {"0.weight", "0.bias", "2.weight", "2.bias"}


@pytest.mark.slow
def test_a_stranger_follows_the_page(tmp_path):
    """With a wheel that pip has installed, and worker processes, in an empty folder."""
    installed = install_wheel(tmp_path)
    folder = tmp_path / "work"
    folder.mkdir()

    def do(name, *arguments):
        if name == "python":
            arguments = ("-m", "pip", "install", "--no-index", "--no-build-isolation", *arguments[3:])
        return installed.run(name, *arguments, cwd=folder)

    told = followed(folder, do)
    seen(folder, told)
    assert "claims in" in told["list"][0]
    ran = installed.run("python", "-c", CODE, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    shipped = installed.run("harness", "list", cwd=tmp_path)
    assert "places/shipped" in shipped.stdout
    assert "frankle2019/iterative-beats-one-shot" in shipped.stdout
