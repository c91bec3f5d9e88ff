"""The campaign on a GPU, with stages that need none."""

import json
import tarfile
from subprocess import CalledProcessError

import pytest

from benchmarks import gpu_campaign as campaign
from harness.compute._limit import Limit


@pytest.fixture
def planned(monkeypatch, tmp_path):
    """A campaign of three stages, of which the second fails; what was run, and a function that runs it."""
    done = []

    def stage(name, well):
        def do(out, limit):
            done.append(name)
            print(f"measured {name}" if name == "first" or len(done) > 4 else "to be continued")
            return 1 / 0 if well is None else well

        return campaign.Stage(name, do, 5)

    stages = [stage("first", True), stage("broken", None), stage("last", True)]
    monkeypatch.setattr(campaign, "stages", lambda *given: stages)

    def run(*more):
        monkeypatch.setattr("sys.argv", ["campaign", "--out", str(tmp_path), *more])
        return campaign.main()

    return done, run, tmp_path


def test_a_stage_that_fails_stops_no_other(planned):
    """Its traceback is kept with its output, the status says it, and all that there is is packed."""
    done, run, out = planned
    assert run() == 1
    assert done == ["first", "broken", "last"]
    assert "ZeroDivisionError" in (out / "broken" / "output.txt").read_text()
    assert "to be continued" in (out / "last" / "output.txt").read_text()
    with tarfile.open(out / "campaign.tar.gz") as packed:
        assert {"first/output.txt", "broken/stage.json", "last/output.txt"} <= set(packed.getnames())


def test_what_ended_well_is_not_run_again(planned):
    """A second call runs what failed or has to go on, and nothing that the limit leaves too little time for."""
    done, run, out = planned
    run()
    wholes = [json.loads((out / name / "stage.json").read_text())["whole"] for name in ("first", "broken", "last")]
    assert wholes == [True, False, False]
    assert run("--time-limit", "12s") == 1
    assert done == ["first", "broken", "last"]
    assert run() == 1
    assert done == ["first", "broken", "last", "broken", "last"]
    assert run() == 1
    assert done == ["first", "broken", "last", "broken", "last", "broken"]


def test_claims_are_verified_and_compared_where_they_are_locked(monkeypatch, tmp_path):
    """Others are piloted; each within what the limit leaves."""
    called = []
    monkeypatch.setattr(campaign, "_harness", lambda *command: called.append(command) or 0)
    limit = Limit.starting_now("100s")
    report = tmp_path / "report"
    report.mkdir()
    (report / "results.parquet").touch()
    given = ("cuda", tmp_path, (), tmp_path, limit)
    assert campaign.claims("micro", ("frankle2019",), *given)
    assert campaign.claims("paper", ("frankle2019/iterative-beats-one-shot",), *given)
    assert [command[0] for command in called] == ["verify", "diff", "pilot"]
    assert called[1][1:] == (str(campaign.ROOT / "reports" / "micro"), str(report), "--scale", "micro")
    for command in (called[0], called[2]):
        assert 80 <= int(command[command.index("--time-limit") + 1].removesuffix("s")) <= 90


def test_commands_of_the_harness_run_in_this_process(capsys):
    """With their status, a usage error's too."""
    assert campaign._harness("list", "--scale", "micro") == 0
    assert "frankle2019/iterative-beats-one-shot" in capsys.readouterr().out
    assert campaign._harness("diff", "nowhere", "elsewhere") != 0


def test_a_device_that_jax_does_not_find_stops_nothing(monkeypatch):
    """Its cell is empty, and the networks after it are measured."""

    def fails(*given):
        raise CalledProcessError(1, "jax")

    monkeypatch.setattr(campaign.vmapped, "in_a_process", fails)
    assert campaign._rate("lenet", "float32", campaign.JAX, 1, "cuda") == 0.0


def test_each_way_to_convolve_is_measured_as_itself(monkeypatch):
    """And a population, after it, as ever."""
    found = []
    monkeypatch.setattr(
        campaign.engine, "training_s", lambda case, device: found.append(campaign.nn.CONVOLUTION["cpu"]) or 1.0
    )
    for what in (*campaign.WAYS, "population"):
        assert campaign._rate("conv2", "tf32", what, 16, "cpu") == 1.0
    assert found == [*campaign.WAYS, "loop"]
    measured = list(campaign._cases())
    assert {("conv2", "bfloat16", way, 16) for way in campaign.WAYS} <= set(measured)
    table = campaign._as_table(dict.fromkeys(measured, 2.0))
    assert "conv2, bfloat16, channels last" in table
