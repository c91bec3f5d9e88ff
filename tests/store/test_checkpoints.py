"""A population that was ended early and goes on from its checkpoint equals one that was not, bit for bit.

Also tests `population._saving`.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from harness.engine import _course as engine
from harness.engine._updates import Updates
from harness.errors import StoppedError
from harness.networks._recipe import SGD
from harness.store import _checkpoints as checkpoint
from harness.store._checkpoints import FILE, CheckpointSaver, checkpoint_name, discard_checkpoints, found_checkpoints
from tests.members import PROGRAMS, population

PLAIN = PROGRAMS["digits mlp, odd widths, sgd"]
PLAIN = replace(PLAIN, recipe=replace(PLAIN.recipe, optimiser=SGD(0.1)))
ROUGH = replace(PLAIN, recipe=replace(PLAIN.recipe, optimiser=SGD(0.5, momentum=0.95), validate_every=2))
LATER = replace(PROGRAMS["digits mlp, odd widths, adam"], first_step=11)
CASES = {
    **{
        name: PROGRAMS[name]
        for name in (
            "digits mlp, odd widths, adam",
            "digits mlp, odd widths, sgd",
            "difference batch-norm mlp, odd widths",
            "edge-popup, odd widths",
            "rigl, adam",
            "set, sgd, batch-norm",
            "gradual",
        )
    },
    "sgd without momentum": PLAIN,
    "adam from a later step": LATER,
    "a rate so high that the early stop is early": ROUGH,
}


@pytest.fixture(autouse=True)
def always_looks(monkeypatch):
    """Look at whether to stop after every step, on one thread."""
    monkeypatch.setattr(checkpoint, "LOOK_S", 0.0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def after(steps):
    """A wish to stop, asked for once a step, that is there after so many."""
    asked = []

    def stop():
        asked.append(None)
        return len(asked) >= steps

    return stop


def three(program):
    """Three members, the last one masked where weights are trained; snapshots before and after the interruption."""
    return population(program, range(3), snapshots=(11, 20, 40), trace_every=4)


def interrupted(folder, made, *moments):
    """Compute with an interruption after each of so many steps, then to the end."""
    for steps in moments:
        with pytest.raises(StoppedError, match="stopped after step"):
            engine.compute(made, saver=CheckpointSaver(folder, after(steps)))
    return engine.compute(made, saver=CheckpointSaver(folder))


def assert_same(one, other):
    for mine, theirs in zip(one.members, other.members, strict=True):
        assert mine.unit == theirs.unit
        assert mine.rows == theirs.rows
        assert mine.diverged == theirs.diverged
        assert mine.arrays.keys() == theirs.arrays.keys()
        for slot, values in mine.arrays.items():
            assert values.dtype == theirs.arrays[slot].dtype
            np.testing.assert_array_equal(values, theirs.arrays[slot], err_msg=slot)


@pytest.mark.parametrize("case", CASES)
def test_resumed_equals_uninterrupted(case, tmp_path):
    """Interrupted before and after a validation, twice, every row and every array comes out the same."""
    made = three(CASES[case])
    whole = engine.compute(made)
    assert_same(interrupted(tmp_path / "p", made, 13, 20), whole)
    stops = [row.step for member in whole.members for row in member.rows if row.metric == "early_stop_accuracy"]
    assert (min(stops) < 33) == (CASES[case] is ROUGH)


def test_a_resumed_training_does_only_what_is_left(tmp_path):
    """Steps done before are reported as done and not made again; their seconds count in the wall time."""
    made = three(CASES["digits mlp, odd widths, adam"])
    with pytest.raises(StoppedError, match="after step 30"):
        engine.compute(made, saver=CheckpointSaver(tmp_path, after(30)))
    steps, reported, real = [], [], Updates.run

    def counted(*given, **more):
        for step in real(*given, **more):
            steps.append(step)
            yield step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Updates, "run", counted)
        again = engine.compute(made, saver=CheckpointSaver(tmp_path), report=reported.append)
    assert steps == list(range(31, 51))
    assert (reported[0], sum(reported)) == (30, 50)
    saved = CheckpointSaver(tmp_path).load(made, made_with(tmp_path))
    assert again.wall_s > saved.wall_s > 0


def made_with(folder):
    with safe_open(folder / FILE, framework="numpy") as file:
        return json.loads(file.metadata()["checkpoint"])["made_with"]


def test_a_short_population_writes_nothing(tmp_path):
    """Nothing is written before the interval has passed, and nothing after the last step."""
    engine.compute(three(CASES["digits mlp, odd widths, adam"]), saver=CheckpointSaver(tmp_path / "p"))
    assert not (tmp_path / "p").exists()


def test_a_long_population_is_saved_at_intervals(tmp_path, monkeypatch):
    """Every `EVERY_S` seconds the checkpoint is replaced; a process that dies between two loses no more than that."""
    monkeypatch.setattr(checkpoint, "EVERY_S", 0.0)
    made, saved, real = three(CASES["digits mlp, odd widths, adam"]), [], checkpoint._write

    def write(folder, population, standing, whole):
        real(folder, population, standing, whole)
        saved.append(standing.step)
        if standing.step == 33:
            raise KeyboardInterrupt  # killed

    monkeypatch.setattr(checkpoint, "_write", write)
    with pytest.raises(KeyboardInterrupt):
        engine.compute(made, saver=CheckpointSaver(tmp_path))
    assert saved == list(range(1, 34))
    assert CheckpointSaver(tmp_path).load(made, made_with(tmp_path)).step == 33
    monkeypatch.undo()
    torch.set_num_threads(1)
    assert_same(engine.compute(made, saver=CheckpointSaver(tmp_path)), engine.compute(made))


def truncate(file):
    os.truncate(file, 1000)


def flip(file):
    spoilt = bytearray(file.read_bytes())
    spoilt[-5] ^= 1
    file.write_bytes(spoilt)


def rewrite(**changed):
    def change(file):
        with safe_open(file, framework="numpy") as tensors:
            meta = json.loads(tensors.metadata()["checkpoint"])
        save_file(load_file(file), file, metadata={"checkpoint": json.dumps(meta | changed)})

    return change


SPOIL = {
    "truncated": truncate,
    "a bit flipped": flip,
    "empty": lambda file: file.write_bytes(b""),
    "another format": rewrite(format=99),
    "another population": rewrite(population="0" * 16),
    "another version of torch": rewrite(made_with={"torch": "0"}),
    "no metadata": lambda file: save_file(load_file(file), file),
}


@pytest.mark.parametrize("spoil", SPOIL)
def test_a_checkpoint_that_cannot_be_trusted_is_ignored(spoil, tmp_path):
    """It is as if it were not there: training begins again, with the same results."""
    made = three(CASES["digits mlp, odd widths, adam"])
    with pytest.raises(StoppedError):
        engine.compute(made, saver=CheckpointSaver(tmp_path, after(30)))
    SPOIL[spoil](tmp_path / FILE)
    reported = []
    assert_same(engine.compute(made, saver=CheckpointSaver(tmp_path), report=reported.append), engine.compute(made))
    assert sum(reported) == 50
    assert 30 not in reported


def test_one_that_cannot_be_written_is_no_error_until_the_stop(tmp_path, monkeypatch):
    """A full disk costs the way back, not the training; a stop then says that the checkpoint is missing."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(checkpoint, "EVERY_S", 0.0)
    made = three(CASES["digits mlp, odd widths, adam"])
    assert_same(engine.compute(made, saver=CheckpointSaver(tmp_path / "file")), engine.compute(made))
    with pytest.raises(StoppedError, match="after step 5; its checkpoint cannot be written"):
        engine.compute(made, saver=CheckpointSaver(tmp_path / "file", after(5)))


def test_the_parts_of_a_population_too_large_are_saved_too(tmp_path, monkeypatch):
    """Where memory holds two members, the first part is not computed again when the second one was interrupted."""
    made, real, steps = three(CASES["digits mlp, odd widths, adam"]), engine.compute, []

    def small(population, **more):
        if len(population.members) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(population, **more)

    together = real(made)
    monkeypatch.setattr(engine, "compute", small)
    with pytest.raises(StoppedError):
        engine.compute_within_memory(made, saver=CheckpointSaver(tmp_path / checkpoint_name(made), after(70)))
    (whole,) = found_checkpoints(tmp_path)
    assert (whole.name, whole.units) == (checkpoint_name(made), tuple(m.unit for m in made.members))
    again = engine.compute_within_memory(
        made, saver=CheckpointSaver(tmp_path / checkpoint_name(made)), report=steps.append
    )
    assert_same(again, together)
    assert 50 in steps


@pytest.mark.parametrize(
    "change",
    [
        lambda p: replace(p, members=p.members[:-1]),
        lambda p: replace(p, members=p.members[::-1]),
        lambda p: replace(p, members=(replace(p.members[0], ins=(("a@end", "0"),)), *p.members[1:])),
        lambda p: replace(p, program=replace(p.program, first_step=1)),
        lambda p: replace(p, snapshots=(1,)),
        lambda p: replace(p, trace_every=0),
        lambda p: replace(p, until=40),
    ],
)
def test_a_name_is_what_a_population_computes(change):
    """Members, their order, what they consumed, the program and what is wanted of it are in the name."""
    made = three(CASES["digits mlp, odd widths, adam"])
    assert checkpoint_name(made) == checkpoint_name(three(CASES["digits mlp, odd widths, adam"]))
    assert checkpoint_name(change(made)) != checkpoint_name(made)


def test_what_is_stored_needs_no_checkpoint(tmp_path):
    """Removed are those of units now stored and those that cannot be read, but for the folders of what is running."""
    made = population(CASES["digits mlp, odd widths, adam"], range(3))
    for folder, indices in (("old", [1, 2]), ("other", [5]), ("running", [7])):
        with pytest.raises(StoppedError):
            engine.compute(population(made.program, indices), saver=CheckpointSaver(tmp_path / folder, after(3)))
    for folder in ("spoilt", "begun"):
        (tmp_path / folder).mkdir()
    (tmp_path / "spoilt" / FILE).write_bytes(b"")
    assert [(each.name, each.units, each.share) for each in found_checkpoints(tmp_path)] == [
        ("old", ("member 1", "member 2"), 0.06),
        ("other", ("member 5",), 0.06),
        ("running", ("member 7",), 0.06),
    ]
    discard_checkpoints(tmp_path, ["member 0", "member 1", "member 7"], ["running", "begun"])
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == ["begun", "other", "running"]
    discard_checkpoints(tmp_path / "nothing there", ["member 0"], [])
