"""Wall-time limits: what is begun, where a run stops, and that going on later gives what one run would have given."""

import shutil
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.tables import show_left
from harness.compute import _limit as limit
from harness.compute import _plan as planning
from harness.compute import _run as running
from harness.compute import _times as times
from harness.compute._executor import Local
from harness.compute._limit import Limit, duration_s
from harness.compute._plan import POPULATION_S, SLACK, Plan
from harness.compute._progress import Silent
from harness.compute._run import run_plan
from harness.engine._course import compute
from harness.errors import StoppedError, UsageError
from harness.population._population import Program
from harness.store import _checkpoints as checkpoint
from harness.store._checkpoints import CheckpointSaver
from harness.workflow import Left
from tests.inline import Inline, everything, small_plan

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("9m", 540), ("1h", 3600), ("1h30m", 5400), ("2h0m5s", 7205), ("1m30s", 90), (" 9m ", 540)],
)
def test_durations(text, expected):
    """Hours, minutes and seconds, each at most once and in that order."""
    assert duration_s(text) == expected


@pytest.mark.parametrize("text", ["", "9", "m", "9 m", "-9m", "1.5h", "30m1h", "9min", "9m9m", "soon"])
def test_what_is_no_duration(text):
    """Anything else is a usage error that names it and says how to write one."""
    with pytest.raises(UsageError, match=r"is no duration\. Next: write it as 90s, 9m or 1h30m"):
        duration_s(text)


def test_a_limit_keeps_something_back(monkeypatch):
    """Populations get less than the limit, and never less than nothing; no limit never ends."""
    monkeypatch.setattr(limit.time, "monotonic", lambda: 1000.0)
    given = Limit.starting_now("90s")
    assert (given.whole_s, given.left_s) == (80, 80)
    monkeypatch.setattr(limit.time, "monotonic", lambda: 1080.5)
    assert given.left_s == 0
    assert Limit.starting_now(None).left_s == float("inf")
    with pytest.raises(UsageError, match=r"a time limit of 540 has no unit\. Next: '90s'"):
        Limit.starting_now(540)
    with pytest.raises(UsageError, match=r"10s leaves no time to train.*Next: --time-limit"):
        Limit.starting_now("10s")


# --- what is begun -------------------------------------------------------------------------------------------------


@pytest.fixture
def costing(monkeypatch):
    """Say how many seconds a member takes."""

    def cost(seconds):
        monkeypatch.setattr(Plan, "seconds", lambda plan, program, members: members * seconds)

    return cost


@pytest.mark.parametrize(
    ("left", "expected"), [(1000, 20), (20 * SLACK, 20), (10 * SLACK, 10), (3.5 * SLACK, 3), (SLACK, 1), (1.2, 0)]
)
def test_a_population_is_as_large_as_the_time_allows(tmp_path, costing, left, expected):
    """Members of a second each: as many as are expected to end in what is left, with slack, down to none."""
    costing(1.0)
    plan = small_plan(tmp_path, replicates=20)
    assert len(plan.next_population(set(), idle=1, left_s=left, whole_s=1000)) == expected


def test_without_a_limit_nothing_changes(tmp_path, costing):
    """Populations are planned to end within a minute, and hold at least one member."""
    costing(POPULATION_S / 4)
    plan = small_plan(tmp_path, replicates=20)
    assert len(plan.next_population(set(), idle=1)) == 4
    costing(10 * POPULATION_S)
    assert len(plan.next_population(set(), idle=1)) == 1


@pytest.mark.parametrize(
    ("left", "whole", "expected"),
    [(100, 100, 1), (35, 100, 1), (32, 100, 0), (POPULATION_S, 1000, 1), (900, 2000, 0), (900, 900, 1)],
)
def test_what_fits_no_limit_is_begun_where_it_gets_on(tmp_path, costing, left, whole, expected):
    """A training of a quarter of an hour begins in a shorter limit if much is left of it; in a longer one it waits."""
    costing(1000 if whole < 2000 else 900)
    plan = small_plan(tmp_path, replicates=20)
    assert len(plan.next_population(set(), idle=1, left_s=left, whole_s=whole)) == expected


def test_another_program_goes_first_where_the_longest_chain_s_does_not_fit(tmp_path, monkeypatch):
    """What fits is begun, whichever chain it belongs to."""
    plan = small_plan(tmp_path, replicates=2)
    with plan.store.writing() as writer:
        run_plan(plan, writer, Two(), provenance={})  # the dense nets only
    first = Program.of(plan.next_population(set(), idle=1)[0].node)
    others = {Program.of(unit.node) for unit in plan.ready(set())} - {first}
    assert others
    monkeypatch.setattr(Plan, "seconds", lambda plan, program, members: members * (100 if program == first else 1))
    chosen = plan.next_population(set(), idle=1, left_s=50, whole_s=1000)
    assert {Program.of(unit.node) for unit in chosen} <= others


class Two(Inline):
    """Computes one population; the limit is over then."""

    def __init__(self):
        self.places = 1

    def submit(self, number, population, checkpoint=None):
        self.places = 0
        return super().submit(number, population)


# --- going on ------------------------------------------------------------------------------------------------------


class Stopping(Inline):
    """Computes with checkpoints, and stops every population after so many steps until `stops` are spent."""

    def __init__(self, steps, stops):
        self.steps, self.left = steps, stops
        self.reported = []

    def submit(self, number, population, checkpoint=None):
        self.asked = 0
        done = Future()
        try:
            saver = CheckpointSaver(checkpoint, self._stop)
            done.set_result(compute(population, saver=saver, report=self.reported.append))
        except StoppedError as error:  # a worker hands it over in its future; anything else is the test's own failure
            self.left -= 1
            done.set_exception(error)
        return done

    def _stop(self):
        self.asked += 1
        return self.left > 0 and self.asked == self.steps


def compute_all(path, executor=None, **more):
    plan = small_plan(path)
    with plan.store.writing() as writer:
        return run_plan(plan, writer, executor or Inline(), provenance={}, **more)


@pytest.fixture
def always_looks(monkeypatch):
    monkeypatch.setattr(checkpoint, "LOOK_S", 0.0)


def test_a_run_goes_on_from_checkpoints(tmp_path, always_looks):
    """Stopped in every population, packed as they were, the store ends with what one run stores, and no checkpoint."""
    compute_all(tmp_path / "calm")
    stopping = Stopping(12, stops=4)
    summary = compute_all(tmp_path / "stopped", stopping)  # a stopped population is ready again, and goes on
    assert summary.left == 0
    assert everything(tmp_path / "stopped") == everything(tmp_path / "calm")
    assert list((tmp_path / "stopped" / "checkpoints").iterdir()) == []


class Ending(Stopping):
    """Stops its first population after so many steps, and lets no other begin."""

    def submit(self, number, population, checkpoint=None):
        self.places = 0
        self.members = tuple(member.unit for member in population.members)
        return super().submit(number, population, checkpoint)


def test_checkpoints_survive_the_run_and_are_packed_as_they_were(tmp_path, always_looks, monkeypatch):
    """The next run, which would pack fewer, takes the same members and makes the steps that are left only."""
    compute_all(tmp_path / "calm")
    first = Ending(12, stops=1)
    assert compute_all(tmp_path / "s", first).left == len(small_plan(tmp_path / "s").units)
    assert [each.units for each in checkpoint.found_checkpoints(tmp_path / "s" / "checkpoints")] == [first.members]
    monkeypatch.setattr(planning, "MAX_MEMBERS", 2)
    again = Ending(12, stops=0)
    compute_all(tmp_path / "s", again)
    assert again.members == first.members
    assert (again.reported[0], sum(again.reported)) == (
        12,
        30,
    )  # what was done before, and all; slow machines tell more often
    assert checkpoint.found_checkpoints(tmp_path / "s" / "checkpoints") == []
    compute_all(tmp_path / "s")
    assert everything(tmp_path / "s") == everything(tmp_path / "calm")


def test_a_checkpoint_that_does_not_fit_the_time_left_is_kept(tmp_path, always_looks, costing):
    """Its members are not packed anew meanwhile; without a limit it goes on."""
    first = Ending(12, stops=1)
    compute_all(tmp_path, first)
    costing(100.0)
    plan = small_plan(tmp_path)
    resumable = running._resumable(plan, tmp_path / "checkpoints")
    assert [(tuple(u.name for u in units), s) for units, s in resumable] == [(first.members, 3 * 100.0 * 0.6)]
    few = {"idle": 1, "left_s": 150.0, "limit": Limit(1000.0, 0.0)}
    assert running._next(plan, resumable, set(), **few) == []
    assert [u.name for u in running._next(plan, resumable, set(), **{**few, "left_s": 300.0})] == list(first.members)
    assert resumable == []


def test_a_checkpoint_of_what_was_made_from_something_else_is_not_used(tmp_path, always_looks):
    """Where its inputs or members are no longer what would be computed, training begins anew; the record removes it."""
    first = Ending(12, stops=1)
    compute_all(tmp_path, first)
    (folder,) = (tmp_path / "checkpoints").iterdir()
    folder.rename(folder.with_name("0" * 16))
    assert running._resumable(small_plan(tmp_path), tmp_path / "checkpoints") == []
    compute_all(tmp_path)
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_limit_that_is_over_begins_nothing(tmp_path):
    """Everything is left, and no error is raised."""
    summary = compute_all(tmp_path, limit=Limit(100.0, 0.0))
    assert (summary.populations, summary.left) == (0, len(small_plan(tmp_path).units))


def test_workers_are_stopped_when_the_limit_is_over(tmp_path, monkeypatch):
    """A training longer than the limit is saved by its worker, and goes on from there."""
    plan = small_plan(tmp_path, replicates=1, build=long_design)
    told = Told()
    monkeypatch.setitem(times.FLOPS, "cpu", 1e3)  # so that it is expected to take for ever
    with plan.store.writing() as writer, Local(workers=1) as executor:
        summary = run_plan(plan, writer, executor, provenance={}, progress=told, limit=OverOnceUnderWay(told))
    assert (summary.trainings, summary.left) == (0, 1)
    assert "stopped after step" in " ".join(told.notes)
    (found,) = checkpoint.found_checkpoints(tmp_path / "checkpoints")
    assert 0 < found.share < 1


class Told(Silent):
    """Keeps what a run says."""

    def __init__(self):
        self.notes = []
        self.steps = 0

    def advance(self, population, steps):
        self.steps += steps

    def note(self, text, *, warning=False):
        self.notes.append(text)


class OverOnceUnderWay(Limit):
    """A limit that is over as soon as the worker has told of a step, however long it took to start."""

    def __init__(self, told):
        super().__init__(100.0, limit.time.monotonic() + 100.0)
        object.__setattr__(self, "told", told)

    @property
    def left_s(self):
        return 0.0 if self.told.steps else super().left_s


def long_design(scale):
    from harness.data._tasks import DIGITS
    from harness.design._claim import Design
    from harness.expression import train
    from tests.inline import NET, RECIPE

    return Design(arms={"long": train(NET, DIGITS, replace(RECIPE, steps=10_000_000))})


def test_the_command_says_how_to_go_on(tmp_path):
    """In 11 seconds nothing is begun: status 0, what is left by claim, a longer limit; nothing is judged."""
    shutil.copytree(ROOT / "claims", tmp_path / "claims")  # without a report, which verify would draw again
    line = ["ramanujan2020", "--quick", "--workers", "1", "--device", "cpu", "--time-limit", "11s"]
    line += ["--store", str(tmp_path / "store"), "--out", str(tmp_path / "out"), "--root", str(tmp_path)]
    for command in ("run", "verify"):
        result = subprocess.run(
            [sys.executable, "-m", "harness", command, *line], cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert result.returncode == 0, result.stderr
        assert "ramanujan2020/edge-popup-matches-trained: 20 of 20 left" in result.stdout
        assert "to be continued; nothing could begin within the limit. Next: a longer --time-limit" in result.stdout
        assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(("begun", "told"), [(True, "Next: harness run x"), (False, "Next: a longer --time-limit")])
def test_the_same_command_is_next_where_it_got_somewhere(begun, told):
    """Where nothing could begin it would never get on."""
    text = StringIO()
    show_left(Left((), 1, 2, 3.0, 4.0, 1, begun), "harness run x", Console(file=text))
    assert text.getvalue().splitlines()[-1].endswith(told)
