"""The loop that spends compute: halving where memory is short, failures by name, provenance.

Also tests `compute._inputs`, `compute._returned`, `compute._progress` and `workflow._running`.
"""

import re
import time
from concurrent.futures import Future
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from harness import DIGITS, SGD, Recipe, Scores, evaluate, fresh, mlp, prune, random_mask, structure, train
from harness.compute._executor import Local
from harness.compute._limit import Limit
from harness.compute._plan import Plan, Wanted
from harness.compute._progress import Silent
from harness.compute._run import run_plan
from harness.engine import _course as engine
from harness.engine._machine import matmul_flops, warm_up
from harness.errors import RunError, StoppedError, StoreError
from harness.store import _store as module
from harness.store._store import Store
from harness.streams import Replicate
from tests.inline import Inline, everything, small_plan
from tests.members import PROGRAMS, population


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    ],
    ids=["torch", "driver", "cuBLAS", "cuDNN"],
)
def test_a_population_too_large_for_the_device_is_halved(error, monkeypatch):
    """Where memory holds two members only, five are computed in parts, with the results they have together.

    Whichever library says that there is no more of it.
    """
    five = population(PROGRAMS["digits mlp, odd widths, adam"], range(5))
    together = engine.compute(five)
    sizes = []
    real = engine.compute

    def small(population, **more):
        sizes.append(len(population.members))
        if sizes[-1] > 2:
            raise error
        return real(population, **more)

    monkeypatch.setattr(engine, "compute", small)
    halved = engine.compute_within_memory(five)
    assert sizes == [5, 2, 3, 1, 2]
    assert [m.unit for m in halved.members] == [m.unit for m in together.members]
    assert [m.rows for m in halved.members] == [m.rows for m in together.members]


def test_one_member_that_does_not_fit_is_an_error(monkeypatch):
    """Halving ends at one member."""

    def never(population, **more):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine, "compute", never)
    with pytest.raises(torch.OutOfMemoryError):
        engine.compute_within_memory(population(PROGRAMS["digits mlp, adam"], range(3)))


def test_another_error_halves_nothing(monkeypatch):
    """What is wrong with five members is not mended by computing two."""
    sizes = []

    def broken(population, **more):
        sizes.append(len(population.members))
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(engine, "compute", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        engine.compute_within_memory(population(PROGRAMS["digits mlp, adam"], range(5)))
    assert sizes == [5]


@pytest.mark.parametrize(
    ("places", "free", "own", "members"),
    [(1, 80, 0, 31), (4, 80, 0, 7), (4, 20, 0, 7), (4, 12, 0, 3), (4, 12, 8, 7), (1, 12, 0, 3), (100, 80, 0, 1)],
)
def test_a_worker_has_its_share_of_a_gpu_s_memory(monkeypatch, places, free, own, members):
    """Of 80 GB four fifths are used: a member takes 2 and all of them 2 more; of what is free or its own no more."""
    asked = []
    monkeypatch.setattr(engine, "_peaks", {})
    monkeypatch.setattr(
        engine, "_peak_bytes", lambda population, _: (asked.append(n := len(population.members)), 2 + 2 * n)[1]
    )
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 80))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: own)
    made = population(PROGRAMS["digits mlp, adam"], range(3))
    for _ in range(2):
        assert engine.most_members(made, torch.device("cuda"), places) == members
    assert asked == [1, 2]  # once a program


def test_an_update_and_an_evaluation_have_memory_of_their_own(monkeypatch):
    """What is measured ahead is the most that the one takes, and the most that the other does."""
    peaks, began = iter([5, 7]), []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", began.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: next(peaks))
    made = population(PROGRAMS["digits mlp, odd widths, adam"], range(2))
    assert engine._peak_bytes(made, torch.device("cpu")) == 12
    assert len(began) == 2


def test_halves_have_the_same_share(monkeypatch):
    """How many workers share the memory is asked of every half too."""
    asked = []
    monkeypatch.setattr(engine, "most_members", lambda population, device, places: (asked.append(places), 1)[1])
    engine.compute_within_memory(population(PROGRAMS["digits mlp, adam"], range(3), until=1), places=3)
    assert asked == [3, 3]


def test_warming_up_measures_the_device_once():
    """What a worker does before its first population is what each population asks for."""
    warm_up("cpu")
    before = matmul_flops.cache_info()
    assert matmul_flops(torch.device("cpu"), "float32") > 0
    assert matmul_flops.cache_info().misses == before.misses


class Failing(Inline):
    def submit(self, number, population, checkpoint=None):
        done = Future()
        done.set_exception(RuntimeError("the third product is upside down"))
        return done


class Otherwise(Inline):
    """Gives what it computed changed."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def submit(self, number, population, checkpoint=None):
        done = Future()
        done.set_result(self.change(super().submit(number, population, checkpoint).result()))
        return done


def test_members_may_come_back_in_any_order(tmp_path):
    """Each carries the name of its unit: whatever their order, they are stored with what was asked of them."""
    plain, turned = small_plan(tmp_path / "plain"), small_plan(tmp_path / "turned")
    for plan, executor in (
        (plain, Inline()),
        (turned, Otherwise(lambda made: replace(made, members=made.members[::-1]))),
    ):
        with plan.store.writing() as writer:
            run_plan(plan, writer, executor, provenance={})
        assert plan.due() == []
    outs = [{name: entry.out for name, entry in plan.store.entries.items()} for plan in (plain, turned)]
    assert outs[0] == outs[1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda made: None, "the executor returned 0 of"),
        (lambda made: replace(made, members=made.members[1:]), "the executor returned"),
        (lambda made: replace(made, members=(*made.members[1:], made.members[1])), "the executor returned"),
        (
            lambda made: replace(made, members=tuple(replace(m, rows=()) for m in made.members)),
            "nothing was measured of",
        ),
    ],
    ids=["nothing", "one too few", "one twice", "no rows"],
)
def test_an_executor_that_loses_work_is_told(tmp_path, change, told):
    """What comes back is each member that was asked for, once, with its rows; else nothing is stored."""
    plan = small_plan(tmp_path)
    with plan.store.writing() as writer, pytest.raises(RunError, match=rf"{told}.*Next: correct the executor"):
        run_plan(plan, writer, Otherwise(change), provenance={})
    assert not plan.store.entries


def of_masks(change):
    """A change of the masks that come back."""
    return lambda made: replace(
        made,
        members=tuple(replace(m, arrays=change({**m.arrays, "mask": m.arrays["mask"].copy()})) for m in made.members),
    )


def emptied(arrays):
    arrays["mask"][:640] = False
    return arrays


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (emptied, "and says that it keeps"),
        (lambda arrays: {k: v for k, v in arrays.items() if k != "mask"}, "has not learned the mask"),
    ],
    ids=["other counts", "no mask"],
)
def test_a_way_to_learn_that_is_not_what_it_says_is_told(tmp_path, change, told):
    """What a description says of counts is in tables and figures: nothing that keeps others is stored."""
    net = mlp(64, 10, 10)
    node = train(net, DIGITS, Recipe(optimiser=SGD(0.1), steps=4, batch=20), learn=Scores(Fraction(1, 2)))
    plan = Plan([Wanted("tests/own", (node,), (Replicate(11, 0),))], Store(tmp_path))
    with plan.store.writing() as writer, pytest.raises(RunError, match=told):
        run_plan(plan, writer, Otherwise(of_masks(change)), provenance={})
    assert not plan.store.entries


def test_a_failed_population_is_named_and_what_was_stored_stays(tmp_path):
    """A failure says which program, for which claim, and the next command; nothing half is stored."""
    plan = small_plan(tmp_path)
    with plan.store.writing() as writer, pytest.raises(RunError, match=r"tests/small.*upside down.*Next: harness why"):
        run_plan(plan, writer, Failing(), provenance={})
    assert not list(tmp_path.glob("records/*"))


def test_a_run_ends_with_nothing_due_and_says_what_it_did(tmp_path):
    """Every unit is stored once, with the provenance that was given."""
    plan = small_plan(tmp_path, replicates=2)
    with plan.store.writing() as writer:
        summary = run_plan(plan, writer, Inline(), provenance={"git": "abc"})
    assert plan.due() == []
    assert summary.trainings == len(plan.units) == len(plan.store.entries)
    assert {record.provenance.git for record in plan.store.records.values()} == {"abc"}


class Kept(Silent):
    """A progress that keeps its notes."""

    def __init__(self):
        self.notes, self.begun = [], []

    def begin(self, population):
        """Keep the number of what is begun."""
        self.begun.append(population.number)

    def note(self, text, *, warning=False):
        """Keep what is noted."""
        self.notes.append((text, warning))


def test_a_mask_that_empties_a_layer_is_told(tmp_path):
    """A training under it, or an evaluation, is warned of; a mask that is whole is not, nor one that is counted."""
    deep, recipe = mlp(64, 12, 12, 10), Recipe(optimiser=SGD(0.1), steps=2, batch=20)
    few = prune(fresh(), keep=Fraction(2, deep.weights), scope="global", network=deep)
    whole = random_mask(deep, keep=Fraction(1, 5))
    for node, warned in (
        (train(deep, DIGITS, recipe, mask=few), True),
        (evaluate(deep, DIGITS, mask=few), True),
        (train(deep, DIGITS, recipe, mask=whole), False),
        (structure(few, DIGITS), False),
    ):
        told = Kept()
        plan = Plan([Wanted("tests/empty", (node,), (Replicate(11, 0),))], Store(tmp_path / node.key))
        with plan.store.writing() as writer:
            run_plan(plan, writer, Inline(), provenance={}, progress=told)
        assert [warning for _, warning in told.notes] == [True] * warned
        if warned:
            assert re.search(r"the mask keeps no weight in \w+ of 1 of 1 nets.* Next: raise keep=", told.notes[0][0])


def on_a_gpu(path):
    """Return the small plan as it is packed and stored for a GPU; what computes it is this process."""
    plan = small_plan(path)
    plan.kind = "cuda"
    return plan


def test_records_written_beside_are_those_written_between(tmp_path):
    """On a GPU a thread writes the records: the store ends with the same rows, outputs and inputs."""
    for plan in (small_plan(tmp_path / "between"), on_a_gpu(tmp_path / "beside")):
        with plan.store.writing() as writer:
            summary = run_plan(plan, writer, Inline(), provenance={"kind": plan.kind})
        assert (summary.left, summary.trainings) == (0, len(plan.units))
    assert everything(tmp_path / "beside") == everything(tmp_path / "between")


def test_a_record_that_cannot_be_written_beside_ends_the_run(tmp_path, monkeypatch):
    """The error of the thread is the run's, nothing is stored after what was not, and the same run goes on."""
    plan, real = on_a_gpu(tmp_path), module.write_record
    written = []

    def first_full(*given):
        written.append(given)
        time.sleep(0.3)  # in which what is made from it is computed
        return full(*given) if len(written) == 1 else real(*given)

    monkeypatch.setattr(module, "write_record", first_full)
    with plan.store.writing() as writer, pytest.raises(StoreError, match="Next: make room"):
        run_plan(plan, writer, Inline(), provenance={})
    assert len(written) == 1
    assert not list(tmp_path.glob("records/*"))
    monkeypatch.setattr(module, "write_record", real)
    with plan.store.writing() as writer:
        assert run_plan(plan, writer, Inline(), provenance={}).left == 0


def test_places_and_a_queue_give_what_one_place_gives(tmp_path):
    """Two processes, each with one population more than it computes: the same rows, outputs and inputs."""
    calm, plan = small_plan(tmp_path / "calm"), on_a_gpu(tmp_path / "places")
    with calm.store.writing() as writer:
        run_plan(calm, writer, Inline(), provenance={})
    with plan.store.writing() as writer, Local(workers=2) as executor:
        summary = run_plan(plan, writer, executor, provenance={"kind": "cuda"})
    assert 0 < summary.waited + summary.idle < 1
    assert everything(tmp_path / "places") == everything(tmp_path / "calm")


class Queue(Inline):
    """Begins one population and no other, and ends it when it is asked to stop."""

    def __init__(self):
        self.futures = []

    def submit(self, number, population, checkpoint=None):
        self.futures.append(Future())
        if len(self.futures) == 1:
            self.futures[0].set_running_or_notify_cancel()
        return self.futures[-1]

    def stop(self):
        self.futures[0].set_exception(StoppedError("stopped after step 1"))


class OverOnceBegun(Limit):
    """A limit that is over when a second population waits."""

    def __init__(self, queue):
        super().__init__(1e9, 1e9)
        object.__setattr__(self, "queue", queue)

    @property
    def left_s(self):
        return 0.0 if len(self.queue.futures) == 2 else 1e9


def test_what_waits_for_a_place_is_given_back_when_a_run_stops(tmp_path):
    """It was not begun: nobody waits for it, and it is due as before."""
    plan, queue, told = Plan(two_programs(), Store(tmp_path), "cuda"), Queue(), Kept()
    with plan.store.writing() as writer:
        summary = run_plan(plan, writer, queue, provenance={}, progress=told, limit=OverOnceBegun(queue))
    assert queue.futures[1].cancelled()
    assert (summary.trainings, summary.left) == (0, len(plan.units))
    assert told.begun == [1]
    assert [note for note, _ in told.notes if "stopped after step 1" in note]


def two_programs():
    """Return what is wanted of two trainings that do not pack together."""
    recipes = (Recipe(optimiser=SGD(0.1), steps=steps, batch=20) for steps in (4, 5))
    nodes = tuple(train(mlp(64, 10), DIGITS, recipe) for recipe in recipes)
    return [Wanted("tests/two", nodes, (Replicate(11, 0),))]


def full(*_):
    raise OSError("No space left on device")
