"""A session: where results go, so that a run replaces no report but its own."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.computing import judged_where
from harness.compute import EXECUTORS
from harness.errors import UsageError
from harness.workflow import _running as running
from harness.workflow import _session as sessions
from harness.workflow import open_session, plan, run, verify
from tests.inline import Inline
from tests.project import ROOT

NAMED = ["ramanujan2020"]


@pytest.fixture
def root(tmp_path):
    """A project with two papers' claims."""
    for paper in ("ramanujan2020", "frankle2018"):
        shutil.copytree(ROOT / "claims" / paper, tmp_path / "project" / "claims" / paper)
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("asked", "folder"),
    [
        ({}, "micro"),
        ({"names": NAMED}, "scratch"),
        ({"quick": True}, "scratch"),
        ({"replicates": 3}, "scratch"),
        ({"variant": "half-rate"}, "micro/variants/half-rate"),
        ({"variant": "half-rate", "names": NAMED}, "scratch/variants/half-rate"),
        ({"variant": "half-rate", "quick": True}, "scratch/variants/half-rate"),
        ({"names": NAMED, "out": "elsewhere"}, None),
    ],
)
def test_only_a_whole_run_replaces_a_report(root, asked, folder):
    """All claims as locked write to the report, or beside it for a variant; anything less writes to scratch."""
    session = open_session(root=root, device="cpu", **asked)
    assert session.out == (Path("elsewhere") if folder is None else root / "reports" / folder)


class Noted(Inline):
    """Computes in this process; keeps when it was made, entered and left."""

    def __init__(self, *, device, workers, prepare):
        self.seen.append("made")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.seen.append("left")


@pytest.fixture
def noted(monkeypatch):
    """The executor that notes when it is made and left, on a machine that seems to have a GPU."""
    monkeypatch.setitem(EXECUTORS._things, "local", Noted)
    monkeypatch.setitem(EXECUTORS._things, "elsewhere", Noted)
    monkeypatch.setattr(Noted, "seen", [], raising=False)
    monkeypatch.setattr(sessions, "_has_gpu", lambda: Noted.seen.append("looked") or True)
    return Noted


@pytest.mark.parametrize("command", [run, verify])
@pytest.mark.parametrize(
    ("device", "seen"), [("cpu", ["planned", "made", "left"]), ("cuda", ["made", "looked", "planned", "left"])]
)
def test_what_computes_on_a_gpu_starts_before_the_plan(root, tmp_path, monkeypatch, noted, command, device, seen):
    """Its workers take seconds to start; on a CPU nothing is started before it is known that something is due."""
    real = running.make_plan
    monkeypatch.setattr(running, "make_plan", lambda session: (noted.seen.append("planned"), real(session))[1])
    session = open_session(NAMED, root=root, quick=True, device="cpu", store=tmp_path / "store", out=tmp_path / "out")
    command(replace(session, device=device))
    assert noted.seen == seen


def test_what_was_started_ends_where_there_is_no_plan(root, monkeypatch, noted):
    """An error of the plan ends the workers of a GPU too."""
    monkeypatch.setattr(running, "make_plan", None)
    with pytest.raises(TypeError):
        run(open_session(NAMED, root=root, quick=True, device="cuda"))
    assert noted.seen == ["made", "looked", "left"]


def test_a_gpu_is_looked_for_where_it_is_to_compute(root, monkeypatch, noted):
    """What starts for nothing ends; a plan needs no GPU, and an executor that computes elsewhere none of ours."""
    session = open_session(NAMED, root=root, quick=True, device="cuda")
    assert plan(session).totals.kind == "cuda"
    with replace(session, executor="elsewhere").start_executor():
        pass
    assert noted.seen == ["made", "left"]
    monkeypatch.setattr(sessions, "_has_gpu", lambda: False)
    with pytest.raises(UsageError, match=r"no CUDA device.* Next: harness doctor"), session.start_executor():
        pass
    assert noted.seen == ["made", "left"] * 2


def test_claims_of_another_folder_replace_no_report(root, tmp_path):
    """The report is that of ``claims/``; drafts beside it, a part of it and other projects' claims write to scratch."""
    shutil.copytree(root / "claims", root / "drafts")
    shutil.copytree(root / "claims", tmp_path / "theirs")
    report, scratch = root / "reports" / "micro", root / "reports" / "scratch"
    folders = {
        root / "claims": report,
        root / "claims" / "ramanujan2020": scratch,
        root / "drafts": scratch,
        tmp_path / "theirs": scratch,
    }
    assert {of: open_session(root=root, claims=of, device="cpu").out for of in folders} == folders
    shutil.rmtree(root / "claims")  # a project may call its only folder of claims as it likes
    assert open_session(root=root, claims=root / "drafts", device="cpu").out == report
    assert open_session(root=root, claims=tmp_path / "theirs", device="cpu").out == scratch


@pytest.mark.parametrize("replicates", [0, -3])
def test_no_replicates_are_refused(root, replicates):
    """Nothing can be measured on none, and nothing is opened."""
    with pytest.raises(UsageError, match=rf"{replicates} replicates measure nothing. Next: --replicates 10"):
        open_session(root=root, replicates=replicates, device="cpu")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"quick": True}, "leave out --quick, --variant and --replicates"),
        ({"replicates": 3}, "leave out --quick, --variant and --replicates"),
        ({"variant": "half-rate"}, "leave out --quick, --variant and --replicates"),
        ({"scale": "standard"}, "it has none of ramanujan2020/edge-popup-matches-trained"),
    ],
)
def test_only_what_the_report_has_rows_of_is_kept_as_a_rerun(root, asked, why):
    """Other settings or replicates, and claims without committed rows, are refused before anything is computed."""
    scale = asked.get("scale", "micro")
    shutil.copytree(ROOT / "reports" / scale, root / "reports" / scale)
    out = root / "reports" / scale / "elsewhere" / "mine"
    with pytest.raises(UsageError, match=why):
        run(open_session(NAMED, root=root, out=out, device="cpu", **asked))
    assert not out.exists()


@pytest.mark.parametrize(
    ("out", "scale", "options"),
    [
        ("micro", "micro", ""),
        ("standard", "standard", " --scale standard"),
        ("standard/elsewhere/mine", "standard", " --scale standard"),
        ("micro/elsewhere/mine", "micro", ""),
        ("scratch", "standard", " --out reports/scratch"),
    ],
)
def test_the_next_step_of_a_run_is_the_judgement_of_its_rows(root, out, scale, options):
    """A re-run is judged with the report beside which it lies."""
    session = open_session(NAMED, root=root, scale=scale, out=root / "reports" / out, device="cpu")
    assert judged_where(session) == options


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"names": NAMED}, "this run is without frankle2018/larger-converges-more, frankle2018/xor-tickets"),
        ({"quick": True}, "this run is at other settings"),
        ({"replicates": 3}, "this run is at other settings"),
        ({"variant": "half-rate"}, "this run is at other settings"),
    ],
)
def test_a_report_is_not_replaced_by_less(root, given, why):
    """Neither by some of its claims nor by a quick run, wherever the folder's name comes from."""
    (root / "reports" / "micro" / "elsewhere").mkdir(parents=True)
    shutil.copy(ROOT / "reports" / "micro" / "results.parquet", root / "reports" / "micro")
    out = root / "reports" / "micro" / "elsewhere" / ".."
    with pytest.raises(UsageError, match=why):
        run(open_session(root=root, out=out, device="cpu", **given))
