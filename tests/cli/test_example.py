"""The page docs/adding-a-claim.md, followed word by word, and the exit statuses of the command on what comes of it.

Also tests `workflow._piloting` and `workflow._jolting`.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from harness import verdict
from harness.errors import ResultsError
from harness.verdict import read_results, write_results
from harness.workflow import _running as running
from harness.workflow import _verifying as verifying
from harness.workflow._beside import Beside, Looked
from tests import command
from tests.design.test_lock import sealed
from tests.verdict.test_rounds import locks

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-claim.md").read_text()
ID = "example2026/magnitude-beats-random"


def harness(root, *arguments):
    """Run the command in this process on the project in `root`, with the store that is in it."""
    return command.harness(*arguments, "--root", root)


def as_typed(root, *arguments):
    """Run the command as a user does: a process of its own, with workers of its own."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments, "--root", str(root)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "HARNESS_STORE"}
        | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )


def ok(result):
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The page's project: its files written, piloted, locked and verified as the page says."""
    root = tmp_path_factory.mktemp("project")
    (root / "claims").mkdir()
    (root / "claims" / "__init__.py").write_text("")
    for path, code in re.findall(r"```python\n# (claims/\S+)\n(.*?)```", PAGE, re.DOTALL):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(code)
    commands = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL).group(1).splitlines()
    assert [line.split()[1] for line in commands] == ["plan", "pilot", "lock", "verify"]
    for line in commands:
        name, *options = line.partition("#")[0].split()[1:]
        if name == "lock":
            time.sleep(1)  # what is dated to the second: the pilot came before
        ok(harness(root, name, *options))
    ok(harness(root, "verify"))  # all claims: this one writes reports/micro
    return root


@pytest.fixture
def copy(project, tmp_path):
    """A copy of the project that a test may spoil; its results are stored."""
    return Path(shutil.copytree(project, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__")))


def test_the_page_ends_with_a_report(project):
    """Following the page gives a report with the claim's verdict, its figure, its pilots and its lock."""
    report = (project / "reports" / "scratch" / "report.md").read_text()
    assert f"## {ID}" in report
    assert "Pilots before the lock: 1 run, on digits" in report
    assert "version 1, locked" in report
    assert (project / "reports" / "scratch" / "figures" / "example2026-magnitude-beats-random.svg").is_file()
    verdict = json.loads((project / "reports" / "micro" / "verdicts.json").read_text())["claims"][ID]
    assert verdict["status"] == "confirmatory"
    assert verdict["n"] == 10


@pytest.mark.slow
def test_workers_give_the_same_report(copy):
    """Verified as a user types it, by worker processes and from an empty store, the claim's verdict is the same."""
    (command,) = re.findall(r"^harness (verify .*)$", PAGE, re.MULTILINE)
    verdicts = copy / "reports" / "scratch" / "verdicts.json"
    before = json.loads(verdicts.read_text())
    shutil.rmtree(copy / ".harness")
    ok(as_typed(copy, *command.partition("#")[0].split()))
    assert json.loads(verdicts.read_text()) == before
    assert list((copy / ".harness" / "store" / "records").iterdir())


def test_a_claim_takes_at_most_50_lines():
    """The whole example claim, imports and docstrings included, is a file of under 50 lines."""
    code = re.search(r"```python\n# claims/example2026/magnitude\S+\n(.*?)```", PAGE, re.DOTALL).group(1)
    assert len(code.splitlines()) < 50


def test_verify_again_computes_nothing_and_writes_the_same_bytes(copy):
    """With everything stored, verify ends with status 0 and changes no byte of the report."""
    before = {p: p.read_bytes() for p in (copy / "reports" / "micro").rglob("*") if p.is_file()}
    assert "are stored" in ok(harness(copy, "verify"))
    assert {p: p.read_bytes() for p in (copy / "reports" / "micro").rglob("*") if p.is_file()} == before


def test_a_turned_verdict_is_status_1(copy):
    """A recorded verdict that is now the opposite ends with status 1 and is named, in junit.xml too."""
    path = copy / "reports" / "micro" / "verdicts.json"
    path.write_text(path.read_text().replace('"outcome": "reproduced"', '"outcome": "refuted"'))
    result = harness(copy, "verify")
    assert result.returncode == 1
    assert f"{ID} turned: recorded refuted, now reproduced" in result.stdout
    assert "<failure" in (copy / "reports" / "micro" / "junit.xml").read_text()


def forge(copy, shift):
    """Shift an arm's committed accuracies, and judge and report them again, so that all files fit one another."""
    folder = copy / "reports" / "micro"
    rows = read_results(folder / "results.parquet")
    rows.frame.loc[rows.frame["arm"] == "magnitude", "value"] += shift / 100
    write_results(rows, folder / "results.parquet")
    ok(harness(copy, "judge"))
    ok(harness(copy, "report"))


def test_forged_rows_are_status_1(copy):
    """Rows, verdicts and report that fit one another, and that training does not give: an arm is .4 pp better."""
    forge(copy, 0.4)
    result = harness(copy, "verify")
    assert result.returncode == 1
    assert "other bytes" not in result.stdout
    told = " ".join(result.stdout.split())
    assert f"other numbers on the same kind of machine: {ID}, arm 'magnitude', replicate 0, " in told
    assert f"{ID}, arm 'magnitude' of magnitude beats random, has moved by -0.40 pp" in told
    assert "now − committed" in told


def test_a_jolted_pass_is_kept_beside_the_rows(copy):
    """Ten replicates trained again, one unit in the last place away: a spread for the comparison and for each arm.

    The store has jolted trainings beside the ordinary ones, and verify finds every committed number and file again.
    """
    told = ok(harness(copy, "rounding"))
    assert "computed in" in told
    assert "moved by one unit in the last place" in told
    lines = (copy / "reports" / "micro" / "rounding.csv").read_text().splitlines()
    assert lines[0] == "claim,digest,what,n,sd,unit"
    assert [line.split(",")[2:4] for line in lines[1:]] == [
        ["magnitude beats random", "10"],
        ["arm 'magnitude' of magnitude beats random", "10"],
        ["arm 'random' of magnitude beats random", "10"],
    ]
    spreads = [float(line.split(",")[4]) for line in lines[1:]]
    assert all(0 <= sd < 2 for sd in spreads)
    assert "are stored" in ok(harness(copy, "rounding"))
    assert "are stored" in ok(harness(copy, "verify"))


def test_nothing_committed_has_no_rounding(copy):
    """Without rows of the claim as it is now there is nothing that a jolted pass could be compared with."""
    shutil.rmtree(copy / "reports" / "micro")
    result = harness(copy, "rounding")
    assert (result.returncode, "Next: harness verify" in result.stderr) == (3, True)


def test_rows_that_training_gives_are_said_to_be(copy):
    """Every number and digest of the committed rows comes back."""
    told = " ".join(ok(harness(copy, "verify")).split())
    equal, rows = re.search(
        r"(\d+) of (\d+) numbers of 1 claim on the committed replicates are the committed", told
    ).groups()
    assert equal == rows
    assert "computed on this kind of machine both times: 1 of these claims" in told


def test_a_run_of_the_same_replicates_is_kept_beside_the_report(copy):
    """One command adds what another machine computed; the report shows it, and its own rows and verdicts stay.

    What this machine computes a second time is left out, and the report says why.
    """
    folder = copy / "reports" / "micro"
    own = {name: (folder / name).read_bytes() for name in ("results.parquet", "verdicts.json")}
    told = ok(harness(copy, "run", ID, "--out", folder / "elsewhere" / "mine", "--store", copy / "another store"))
    assert "Next: harness judge\n" in told
    ok(harness(copy, "judge"))
    ok(harness(copy, "report"))
    report = (folder / "report.md").read_text()
    assert "`elsewhere/mine`: it was computed on the report's own kind of machine" in report
    assert "computed again on other machines" not in report
    file = folder / "elsewhere" / "mine" / "results.parquet"
    rows = read_results(file)
    on_gpu = {name: replace(record, device="a GPU") for name, record in rows.meta.records.items()}
    known = rows.claims[ID]
    meta = rows.meta.with_claim(ID, replace(known, digests=tuple(f"{i:016}" for i in known.replicates)))
    write_results(replace(rows, meta=replace(meta, records=on_gpu)), file)
    ok(harness(copy, "judge"))
    ok(harness(copy, "report"))
    report = (folder / "report.md").read_text()
    assert "Of 1 claim computed again on other machines, 1 gave the same word." in report
    assert report.count("| the same replicates on another machine |") == 1
    assert {name: (folder / name).read_bytes() for name in own} == own
    verified = ok(harness(copy, "verify"))
    assert "computed on this kind of machine both times: 1 of these claims" in " ".join(verified.split())


def test_the_reports_own_rows_are_no_run_of_another_machine(copy):
    """From the store that the report was made of the same records come back: the report says that it left them out."""
    ok(harness(copy, "run", ID, "--out", copy / "reports" / "micro" / "elsewhere" / "mine"))
    ok(harness(copy, "judge"))
    ok(harness(copy, "report"))
    report = (copy / "reports" / "micro" / "report.md").read_text()
    assert "populations are the report's own, computed once" in report
    assert "computed again on other machines" not in report


def test_the_committed_report_is_looked_at_while_others_compute(copy, monkeypatch):
    """That begins before anything is computed and waits for nothing; rows are written over when it has ended."""
    told, computing = [], threading.Event()
    look, compute, write = verifying.other_bytes, running.compute, verdict.write_results

    def looked(session):
        assert computing.wait(10)
        time.sleep(0.2)
        told.append("looked")
        return look(session)

    def computed(*given):
        computing.set()
        told.append("computed")
        return compute(*given)

    monkeypatch.setattr(verifying, "other_bytes", looked)
    monkeypatch.setattr(running, "compute", computed)
    monkeypatch.setattr(verdict, "write_results", lambda *given: (told.append("written"), write(*given)))
    ok(harness(copy, "verify"))
    assert told == ["computed", "looked", "written"]


def test_a_limit_waits_for_no_look_at_the_committed_report(copy, monkeypatch):
    """What ends early ends at once, whatever still looks; what that has found wrong by then is told."""
    ended, shown = threading.Event(), ("verify", "--time-limit", "11s", "--store", copy / "empty")
    monkeypatch.setattr(verifying, "other_bytes", lambda session: ended.wait(60))
    began = time.monotonic()
    assert "to be continued" in ok(harness(copy, *shown))
    assert time.monotonic() - began < 30
    ended.set()
    looked = Future()
    looked.set_exception(ResultsError("what is committed is upside down"))
    monkeypatch.setattr(Beside, "look", lambda beside, look: Looked(looked, None))
    result = harness(copy, *shown)
    assert (result.returncode, "upside down" in result.stderr) == (3, True)


def test_a_link_in_the_report_is_no_error(copy):
    """It is no file of the report, wherever it leads."""
    (copy / "reports" / "micro" / "link").symlink_to("/nowhere")
    ok(harness(copy, "verify"))


def test_verdicts_without_their_rows_are_status_3(copy):
    """Nothing could be compared with them."""
    (copy / "reports" / "micro" / "results.parquet").unlink()
    result = harness(copy, "verify")
    assert result.returncode == 3
    assert re.search(
        r"has verdicts and lacks their rows, results\.parquet.* Next: git checkout", result.stderr, re.DOTALL
    )


def test_a_lock_alone_makes_nothing_red(copy):
    """A claim that is locked and not run stands in the report as not run: the committed one is that of before."""
    ok(harness(copy, "verify"))
    page = (copy / "reports" / "micro" / "report.md").read_text()
    ok(harness(copy, "lock", ID, "--replicates", "8"))
    told = ok(harness(copy, "verify", "--out", copy / "reports" / "scratch", "--replicates", "3"))
    assert "other bytes" not in told
    assert "amended" not in told
    (copy / "reports" / "micro" / "report.md").write_text(page + "touched\n")
    result = harness(copy, "verify", "--out", copy / "reports" / "scratch", "--replicates", "3")
    assert (result.returncode, "other bytes for report.md" in result.stdout) == (1, True)


def test_rows_that_are_of_no_lock_are_status_1(copy):
    """Committed rows that name another design, with file and lock as they were, are looked at no less closely."""
    file = copy / "reports" / "micro" / "results.parquet"
    rows = read_results(file)
    write_results(replace(rows, meta=rows.meta.with_claim(ID, replace(rows.claims[ID], digest="0" * 64))), file)
    ok(harness(copy, "judge"))
    ok(harness(copy, "report"))
    result = harness(copy, "verify")
    assert result.returncode == 1
    told = " ".join(result.stdout.split())
    assert f"the committed rows of {ID} are not those of its lock: the rows were computed from another version" in told


def test_a_broken_history_of_the_registry_is_status_1(copy):
    """What was locked is what rows are compared with: verify looks at its history too."""
    for arguments in (["init", "--quiet"], ["add", "claims"], ["commit", "--quiet", "-m", "locked"]):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b.example", *arguments], cwd=copy, check=True)
    ok(harness(copy, "verify"))
    path = copy / "claims" / "registry.lock"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["pilots"] += 1
    path.write_text(sealed(lines))
    result = harness(copy, "verify", "--out", copy / "reports" / "scratch")
    assert result.returncode == 1
    assert "the registry's history is broken at what lies there now" in " ".join(result.stdout.split())


def test_committed_rows_that_give_other_bytes_are_status_1(copy):
    """A report that its own rows no longer give ends with status 1 and names the file."""
    with (copy / "reports" / "micro" / "report.md").open("a") as report:
        report.write("touched\n")
    result = harness(copy, "verify")
    assert result.returncode == 1
    assert "other bytes for report.md" in result.stdout


def test_another_number_of_replicates_is_exploratory_and_goes_to_scratch(copy):
    """A run on other replicates than the locked ones replaces no verdict and leaves the report alone."""
    before = (copy / "reports" / "micro" / "verdicts.json").read_bytes()
    ok(harness(copy, "verify", "--replicates", "6"))
    assert (copy / "reports" / "micro" / "verdicts.json").read_bytes() == before
    verdict = json.loads((copy / "reports" / "scratch" / "verdicts.json").read_text())["claims"][ID]
    assert verdict["status"] == "exploratory"
    assert verdict["n"] == 6


def test_quick_shows_the_machinery_and_decides_nothing(copy):
    """--quick ends with verdict "not run" in reports/scratch."""
    ok(harness(copy, "verify", "--quick"))
    verdict = json.loads((copy / "reports" / "scratch" / "verdicts.json").read_text())["claims"][ID]
    assert (verdict["outcome"], verdict["status"], verdict["n"]) == ("not run", "quick", 2)


def test_a_changed_learning_rate_shows(copy):
    """A locked claim whose learning rate changed is refused with the next step; why names the change."""
    path = next((copy / "claims" / "example2026").glob("magnitude*.py"))
    path.write_text(path.read_text().replace("Adam(3e-3)", "Adam(4e-3)"))
    result = harness(copy, "verify")
    assert result.returncode == 2
    assert "changed since version 1 was locked" in result.stderr
    assert "version=2" in result.stderr


def test_why_names_the_field_that_changed(copy):
    """For an amended version, why says what the closest stored training has instead."""
    path = next((copy / "claims" / "example2026").glob("magnitude*.py"))
    spoiled = path.read_text().replace("Adam(3e-3)", "Adam(4e-3)").replace("predicted=", "version=2,\n    predicted=")
    path.write_text(spoiled)
    out = ok(harness(copy, "why", ID))
    assert "version 2 is not locked" in out
    assert "recipe.optimiser.lr 0.003 instead of 0.004" in out


def test_an_amended_claim_is_reported_with_both_verdicts(copy):
    """Version 2 runs on the replicates of its own round; the report keeps the verdict on version 1 beside its own."""
    path = next((copy / "claims" / "example2026").glob("magnitude*.py"))
    path.write_text(
        path.read_text()
        .replace("a better ticket", "a far better ticket")
        .replace("predicted=", "version=2,\n    predicted=")
    )
    ok(harness(copy, "lock", ID))
    ok(harness(copy, "verify"))
    report = (copy / "reports" / "micro" / "report.md").read_text()
    one, two, together = locks(report)
    assert re.match(r"Version 1, .*round 1, replicates 0 to 9, .*\*\*reproduced", one)
    assert re.match(r"Version 2, .*round 2 \(replication: another statement\), replicates 0 to 9, .*\*\*", two)
    assert together.startswith("Together ")
    assert list((copy / "reports" / "micro" / "earlier").glob("*.parquet"))
    assert "verdicts.json" not in ok(harness(copy, "verify"))


def test_doctor_names_a_damaged_record_and_verify_sets_it_aside(copy):
    """Doctor checks every byte of the store; a run trusts nothing damaged and computes it again."""
    assert "chain unbroken" in ok(harness(copy, "doctor"))
    record = sorted((copy / ".harness" / "store" / "records").iterdir())[-1]
    rows = record / "rows.parquet"
    rows.write_bytes(rows.read_bytes()[:-20])
    result = harness(copy, "doctor")
    assert result.returncode == 3
    assert record.name in result.stdout
    out = ok(harness(copy, "verify"))
    assert "was set aside: rows.parquet has" in out
    assert list((copy / ".harness" / "store" / "aside").glob(f"{record.name}*"))


def test_arms_that_differ_outside_the_contrast_are_refused(copy):
    """Plan names the claim, the part, the field, and what to do."""
    path = next((copy / "claims" / "example2026").glob("magnitude*.py"))
    spoiled = re.sub(r'(random = train\(.*?)"order": 1', r'\1"order": 2', path.read_text())
    assert spoiled != path.read_text()
    path.write_text(spoiled)
    result = harness(copy, "plan")
    assert result.returncode == 2
    assert "differ in streams.order" in result.stderr
    assert "Next:" in result.stderr


def test_a_truncated_results_file_is_named(copy):
    """Judging a truncated Parquet file ends with status 3 and says how to get a whole one."""
    path = copy / "reports" / "micro" / "results.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    result = harness(copy, "judge")
    assert result.returncode == 3
    assert "results.parquet cannot be read" in result.stderr
    assert "Next:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("run", "example2026/magnitude-beat-random"), 2, f"did you mean {ID}"),
        (("plan", "--scale", "mikro"), 2, "did you mean micro"),
        (("run", "--scale", "paper"), 2, "no claim has a design at scale paper"),
        (("run", "--device", "tpu"), 2, "unknown device"),
        (("run", "--device", "cuda"), 2, "no CUDA device"),
        (("run", "--quick", "--store", "{root}/claims/__init__.py/store"), 3, "cannot be written"),
        (("lock", ID), 2, "is locked at micro since"),
    ],
)
def test_bad_requests_say_what_is_wrong_and_what_to_do(project, arguments, status, text):
    """Usage errors end with status 2, an unwritable store with 3; each message ends with the next command."""
    result = harness(project, *(a.format(root=project) for a in arguments))
    assert result.returncode == status, result.stdout + result.stderr
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_ctrl_c_ends_at_a_record_boundary(copy):
    """Ctrl-C ends what is under way with a checkpoint, says how to go on, and ends with status 130."""
    line = [sys.executable, "-m", "harness", "run", "--replicates", "400", "--workers", "1", "--root", str(copy)]
    line += ["--store", str(copy / "other"), "--device", "cpu"]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while len(list((copy / "other").glob("records/*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 130, out + err
    assert "the same command again goes on from there" in err
    assert not list((copy / "other").glob("partial/*"))
    assert len(list((copy / "other").glob("records/*"))) >= 2
