"""How long populations take: what was measured on the same kind of device, on a GPU by a line over their sizes."""

import pytest

from harness import DIGITS, MNIST, SGD, Adam, Recipe, mlp, train
from harness.compute._plan import Plan, Wanted
from harness.compute._times import KEPT, RECENT, TOGETHER, Times
from harness.population._population import Program
from harness.population._provenance import Provenance
from harness.store._records import MemberRecord, Record
from harness.store._store import Store
from harness.streams import Replicate
from harness.workflow._planning import _populations, told_of_guesses, totals

NODE = train(mlp(784, 300, 100, 10), MNIST, Recipe(optimiser=Adam(1.2e-3), steps=6_000, batch=60))
OTHER = train(mlp(64, 10), DIGITS, Recipe(optimiser=SGD(0.1), steps=10, batch=20))
PROGRAM = Program.of(NODE)


def took(store, members, wall_s, program=PROGRAM, kind="cuda"):
    """Let a population of so many members have taken so long."""
    units = tuple(MemberRecord(unit=f"a/0/{i}", ins={}, outs={}, diverged=False) for i in range(members))
    store._index(
        f"{len(store.records) + 1:06d}-00000000",
        Record(
            format=1,
            program=program.label,
            work=program.work,
            steps=1,
            nodes={},
            members=units,
            provenance=Provenance(device=kind, versions={}, wall_s=wall_s, kind=kind),
            files={},
        ),
    )


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    return Store(tmp_path)


def test_several_sizes_give_a_line(store):
    """A step's launches and what a member adds to it are told apart, in between and beyond; newer records count too."""
    times = Times(store, "cuda")
    assert times.guessed(PROGRAM)
    took(store, 5, 1.5)
    took(store, 45, 5.5)
    assert [times.seconds(PROGRAM, n) for n in (5, 45, 25, 105)] == pytest.approx([1.5, 5.5, 3.5, 11.5])
    took(store, 45, 6.5)
    assert times.seconds(PROGRAM, 45) == pytest.approx(5.92, abs=0.01)  # a second less counts more than one more
    assert not times.guessed(PROGRAM)
    assert times.guessed(Program.of(OTHER))


def test_times_long_past_are_forgotten(store):
    """As many as are kept count, the last ones: an absurd one goes, in time."""
    for wall_s in (1000.0, *[4.0] * (KEPT["cuda"] - 1)):
        took(store, 5, wall_s)
        took(store, 45, 2 * wall_s)
    assert Times(store, "cuda").seconds(PROGRAM, 5) == pytest.approx(4.0)


def test_one_size_gives_a_line_too(store):
    """Its slope is that of a step on a GPU, twice as long with so many members as with hardly any."""
    took(store, TOGETHER, 4.0)
    took(store, TOGETHER, 6.0)
    times = Times(store, "cuda")
    assert times.seconds(PROGRAM, TOGETHER) == 5.0
    assert times.seconds(PROGRAM, 3 * TOGETHER) == 10.0


def test_a_line_never_falls_and_no_time_is_below_nothing(store):
    """Where larger populations had the device to themselves, or small ones took no time, the line is a plainer one."""
    took(store, 10, 5.0)
    took(store, 20, 3.0)
    assert [Times(store, "cuda").seconds(PROGRAM, n) for n in (1, 100)] == [4.0, 4.0]
    for members, wall_s in ((10, 1.0), (20, 5.0)):
        took(store, members, wall_s, Program.of(OTHER))
    assert Times(store, "cuda").seconds(Program.of(OTHER), 1) == pytest.approx((0.1 + 0.25) / 2)


def test_other_devices_and_old_records_tell_nothing(store):
    """What a CPU took says nothing of a GPU, and the machine of records long past may have been another one."""
    took(store, 4, 8.0, kind="cpu")
    assert Times(store, "cuda").guessed(PROGRAM)
    times = Times(store, "cpu")
    assert times.seconds(PROGRAM, 3) == 6.0
    for _ in range(RECENT - 1):
        took(store, 1, 1.0, Program.of(OTHER), kind="cpu")
    assert times.seconds(PROGRAM, 3) == 6.0
    took(store, 1, 1.0, Program.of(OTHER), kind="cpu")
    assert times.guessed(PROGRAM)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_a_plan_says_what_it_guesses(store, kind):
    """All of it, the share of what was never measured, or nothing; on a GPU for how many workers."""
    plan = Plan([Wanted("p/a", (NODE, OTHER), (Replicate(1, 0),))], store, kind)
    where = "of a core" if kind == "cpu" else "of a GPU that 4 workers share"
    assert totals(plan).told.endswith(f"{where}, guessed: nothing like it was measured here yet")
    took(store, 1, 30.0, kind=kind)
    took(store, 1, 10.0, Program.of(OTHER), kind=kind)
    assert totals(plan).told.endswith(f" {where}")
    assert told_of_guesses(0.25) == ", 25% of that guessed: nothing like it was measured here yet"
    assert totals(plan, 2).workers == 2


def test_a_program_s_time_is_that_of_its_populations(store):
    """Levels follow one another, so that each has the part of its own that a population takes whatever its size."""
    second = train(NODE.network, MNIST, NODE.recipe, start=NODE.at("end"))
    took(store, 1, 3.0)
    took(store, 3, 4.0)
    plan = Plan([Wanted("p/a", (second,), tuple(Replicate(1, i) for i in range(3)))], store, "cuda")
    (one,) = _populations(plan, plan.due())
    assert one.members == 6
    assert one.core_s == pytest.approx(2 * 4.0) == plan.place_seconds(plan.due())


def test_a_gpu_s_run_takes_as_long_as_its_longest_chain(store):
    """Four places do not shorten two trainings of which one is made from the other."""
    second = train(mlp(784, 300, 100, 10), MNIST, NODE.recipe, start=NODE.at("end"))
    took(store, 1, 3.0)
    took(store, 1, 1.0, Program.of(OTHER))
    plan = Plan([Wanted("p/a", (second, OTHER), (Replicate(1, 0),))], store, "cuda")
    assert plan.place_seconds(plan.due()) == pytest.approx(7.0)
    assert [plan.run_seconds(plan.due(), places) for places in (1, 4)] == pytest.approx([7.0, 6.0])
    assert plan.run_seconds([unit for unit in plan.due() if unit.node != second], 4) == pytest.approx(3.0)
