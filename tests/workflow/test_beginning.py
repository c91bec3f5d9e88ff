"""What `harness new` writes: a claim that runs as it stands, and nothing over what is there."""

import subprocess
import sys

import pytest

from harness.errors import UsageError
from harness.workflow import begin, open_session, plan
from harness.workflow._beginning import _possible
from tests.command import harness
from tests.project import ROOT


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_STORE", raising=False)
    return tmp_path


def ok(*arguments):
    result = harness(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def followed(told):
    """Run the command that the last words of a command name, and return what it prints."""
    return ok(*" ".join(told.split()).rpartition("Next: harness ")[2].split())


@pytest.mark.parametrize("options", [(), ("--folder", "mine"), ("--folder", "project/doe_claims", "--package")])
def test_a_template_is_planned_and_run_as_it_stands(here, options):
    """In the working folder's claims, in a folder elsewhere and in a package: new, then what it says, then quickly."""
    told = ok("new", "doe2026", *options)
    assert "doe2026/largest-beat-random" in followed(told)
    found = told.partition("Next: harness plan")[2].split()
    assert "wrote" in ok("run", *found, "--quick")


def test_a_template_passes_the_checks_of_our_own_claims(here):
    """Style and format, with the repository's settings."""
    begin("doe2026", folder=here / "doe_claims", package=True)
    for check in (("check",), ("format", "--check")):
        line = [sys.executable, "-m", "ruff", *check, "--config", ROOT / "pyproject.toml", "--no-cache", here]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_template_is_typed(here):
    """As strictly as our own claims are."""
    begin("doe2026", folder=here / "doe_claims")
    line = [sys.executable, "-m", "mypy", "--strict", "--config-file", ROOT / "pyproject.toml"]
    done = subprocess.run(
        [*line, "--cache-dir", here / "cache", here / "doe_claims"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_next_commands_are_those_that_are_there(here):
    """Each line of the template's page is a command of the harness that takes these arguments."""
    begin("doe2026", folder="mine")
    lines = (
        (here / "mine" / "doe2026" / "README.md").read_text().partition("```sh\n")[2].partition("```")[0].splitlines()
    )
    commands = [line.partition("#")[0].split()[1:] for line in lines]
    assert [command[0] for command in commands] == ["plan", "run", "pilot", "lock", "verify", "export"]
    assert all("--claims" in command for command in commands)
    ok(*commands[0])
    (claim,) = plan(open_session("doe2026", claims="mine", device="cpu")).claims
    assert claim.claim == commands[-1][1]


def test_nothing_is_overwritten(here):
    """Neither a paper's folder nor a project's file: the files keep their bytes."""
    begin("doe2026", folder="doe_claims", package=True)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=r"doe_claims/doe2026 is there already, .* Next: write a further claim in"):
        begin("doe2026", folder="doe_claims")
    with pytest.raises(UsageError, match=r"pyproject.toml is there already, .* Next: leave out --package"):
        begin("roe2026", folder="doe_claims", package=True)
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before
    begin("roe2026", folder="doe_claims")
    assert len(open_session(claims="doe_claims", device="cpu").claims) == 2


@pytest.mark.parametrize(
    ("given", "possible"),
    [("1803.03635 v2", "paper1803_03635_v2"), ("Zhou-2019", "Zhou_2019"), ("class", "class_"), ("", "doe2026")],
)
def test_a_key_that_names_no_folder_is_refused_with_one_that_does(here, given, possible):
    """What is proposed can be taken."""
    with pytest.raises(UsageError, match=rf"cannot be the key of a paper.*Next: harness new {possible}$"):
        begin(given)
    assert _possible(given) == possible
    assert not list(here.iterdir())
    begin(possible)
    assert len(open_session(device="cpu").claims) == 1


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("claims", "each hides the others"),
        ("my-claims", "cannot be the name"),
        ("json", "another package called 'json'"),
    ],
)
def test_a_folder_that_can_be_no_package_is_refused(here, folder, why):
    """A name that Python cannot import, or that would hide another package."""
    with pytest.raises(UsageError, match=rf"{why}.* Next: --folder doe_claims --package"):
        begin("doe2026", folder=folder, package=True)
    assert not list(here.iterdir())
