"""What the places of a GPU do with their time: the three MNIST claims of `standard` on a simulated device."""

from dataclasses import replace

import pytest

from harness.compute._occupancy import Occupancy
from harness.compute._plan import SLACK, START_S, Plan
from harness.store._store import Store
from harness.streams import Replicate
from harness.workflow import open_session
from harness.workflow._planning import request_of
from tests.simulated import Packing, simulate


@pytest.fixture
def wanted():
    """Return what the three claims want, as the workflow asks for it."""
    session = open_session("frankle2019", scale="standard", device="cpu")
    return [request_of(claim, session).wanted for claim in session.claims]


@pytest.fixture
def plan(wanted, tmp_path):
    """Return the plan of the three claims on an empty store, on a GPU."""
    return Packing(wanted, Store(tmp_path), "cuda")


@pytest.mark.parametrize("places", [1, 4])
def test_places_are_hardly_ever_idle(monkeypatch, plan, places):
    """At most 5 % of the time until the last population begins, without waits for a parent that is being computed."""
    summary, device = simulate(monkeypatch, plan, places)
    print(
        f"\n{places} places: {summary.wall_s:.1f} s of virtual time, {summary.populations} populations; places waited "
        f"for parents {summary.waited:.1%} of the time, were idle {summary.idle:.1%}"
    )
    assert (summary.left, summary.trainings) == (0, len(plan.units)) == (0, 315)
    assert summary.idle <= 0.05
    assert device.most_queued <= places


def test_a_place_does_not_wait_while_something_is_ready(monkeypatch, plan):
    """One place computes without a pause, as the three claims have something else ready at every level but the last."""
    summary, _ = simulate(monkeypatch, plan, 1)
    assert summary.waited + summary.idle < 0.01


@pytest.mark.parametrize(("ends_s", "begun"), [(2 * SLACK * 3.0 + 1, 6), (SLACK * 3.0 + 1, 4), (SLACK * 3.0 - 1, 0)])
def test_a_queue_keeps_within_a_limit(monkeypatch, plan, ends_s, begun):
    """What is to wait for a place is submitted if it is expected to end in time from when it gets one."""
    monkeypatch.setattr(Plan, "seconds", lambda plan, program, members: 3.0)
    summary, device = simulate(monkeypatch, plan, 4, limit_s=START_S + ends_s)
    assert device.at_first_end == begun
    assert summary.left > 0


@pytest.mark.parametrize("places", [1, 4])
@pytest.mark.parametrize("replicates", [3, 5, 10])
def test_a_second_run_is_foretold(monkeypatch, plan, wanted, places, replicates):
    """After one run of such work, a run of more or fewer replicates takes 1 / 1.5 to 1.5 times what its plan says."""
    block = tuple(Replicate(77, i) for i in range(replicates))
    again = Packing([replace(each, replicates=block) for each in wanted], plan.store, "cuda")
    assert again.guessed(again.due()) == 1
    simulate(monkeypatch, plan, places)
    assert again.guessed(again.due()) == 0
    foretold = again.run_seconds(again.due(), places)
    summary, _ = simulate(monkeypatch, again, places)
    print(f"\n{places} places, {replicates} replicates: {foretold:.1f} s foretold, {summary.wall_s:.1f} s taken")
    assert 1 / 1.5 < foretold / summary.wall_s < 1.5


def test_time_is_counted_place_by_place():
    """Two of three places compute a second and one waits; then one computes two seconds and two are idle."""
    spent = Occupancy()
    spent.until(10.0, computing=0, free=3, waiting=False)
    spent.until(11.0, computing=2, free=1, waiting=True)
    spent.until(13.0, computing=1, free=2, waiting=False)
    assert (spent.computed_s, spent.waited_s, spent.idle_s) == (4.0, 1.0, 4.0)
    assert spent.shares() == (1 / 9, 4 / 9)
    assert Occupancy().shares() == (0.0, 0.0)
