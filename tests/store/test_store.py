"""The store: a record is there whole or not at all, what cannot be trusted is set aside, one process writes."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from harness.errors import StoreError
from harness.store import _records as records
from harness.store import _store as module
from harness.store._store import Store, check_records
from tests.store.made import SIZE, UNITS, contents, fill, rewrite, truncate, work

ROOT = Path(__file__).parents[2]


def test_the_writer_sees_what_it_has_written(tmp_path):
    """A record counts as soon as it is added, in the store it was added to, without reading anything again."""
    store = Store(tmp_path)
    with store.writing() as writer:
        writer.add(*work(0), {})
        assert store.entries == Store(tmp_path).entries
        assert len(store.rows(store.entries[UNITS[0]])) == 2


def test_what_is_computed_counts_before_its_record_is_written(tmp_path):
    """It is read from memory until then; records are written one after the other, each under a number of its own."""
    store = Store(tmp_path)
    with store.writing() as writer:
        promised = []
        for generation in (0, 1):
            promised.append(writer.promise(*work(generation)))
            computed = work(generation)[1].members[0]
            entry = store.entries[UNITS[0]]
            assert not entry.record
            assert entry.outs == {slot: records.digest(array) for slot, array in computed.arrays.items()}
            assert all((store.array(entry, slot, SIZE) == array).all() for slot, array in computed.arrays.items())
        assert not Store(tmp_path).entries
        written = [writer.write(*work(generation), promised[generation], {}) for generation in (0, 1)]
        names = [writer.enter(each) for each in written]
        assert [name[:6] for name in names] == ["000001", "000002"]
        assert store.entries == Store(tmp_path).entries
        assert {entry.record for entry in store.entries.values()} == {names[1]}
        assert (store.array(store.entries[UNITS[0]], "end", SIZE) == computed.arrays["end"]).all()


def test_what_was_not_written_is_forgotten(tmp_path):
    """The index is then as it was, what was found anew is told again, and what was stored before counts."""
    fill(tmp_path, 0)
    store = Store(tmp_path)
    before = dict(store.entries)
    with store.writing() as writer:
        writer.promise(*work(1))
        writer.promise(*work(2))
        assert store.entries != before
        told = len(store.indexed)
    assert store.entries == before == Store(tmp_path).entries
    assert store.indexed[told:] == [*UNITS]
    other = Store(tmp_path / "other")
    with other.writing() as writer:
        writer.promise(*work(1))
    assert other.entries == {}


def test_newest_record_of_a_unit_counts(tmp_path):
    """Of two records of one unit the later is read, at once and by whoever opens the store next; both stay."""
    first, second = fill(tmp_path, 0, 1)
    assert first < second
    store = Store(tmp_path)
    assert {entry.record for entry in store.entries.values()} == {second}
    assert store.rows(store.entries[UNITS[0]])[1].value == 0.51
    assert set(store.records) == {first, second}


# --- whole or not at all -------------------------------------------------------------------------------------------


def half_a_file(tensors, path):
    """Write as `save_file` does, but only half of it."""
    save_file(tensors, path)
    written = Path(path).read_bytes()
    Path(path).write_bytes(written[: len(written) // 2])


FAULTS = {
    "before the write": ("write_record", False, None),
    "before the rows": ("records.pq.write_table", False, None),
    "in the middle of the arrays": ("records.save_file", True, half_a_file),
    "before record.json": ("records._fingerprint", False, None),
    "before the files are synced": ("_sync", False, None),
    "before the rename": ("os.replace", False, None),
    "after the rename": ("os.replace", True, None),
}


def inject(patch, where, fail):
    """Let `fail` happen at the moment `where` of a write."""
    name, after, instead = FAULTS[where]
    target, _, attribute = name.rpartition(".")
    owner = {"": module, "os": module.os, "records": records, "records.pq": records.pq}[target]
    real = instead or getattr(owner, attribute)

    def broken(*args, **named):
        if after:
            real(*args, **named)
        fail()

    patch(owner, attribute, broken)


def disk_full():
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", FAULTS)
def test_a_fault_leaves_a_whole_record_or_none(tmp_path, monkeypatch, where):
    """An error at any moment of a write is a StoreError; what was stored stays, and the same work can be done again."""
    fill(tmp_path, 0)
    before = contents(tmp_path)
    with monkeypatch.context() as patched, Store(tmp_path).writing() as writer:
        inject(patched.setattr, where, disk_full)
        with pytest.raises(StoreError, match=r"No space left on device.*Nothing stored .*lost. Next: "):
            writer.add(*work(1), {})
    there = contents(tmp_path)
    assert len(Store(tmp_path).records) == (2 if where == "after the rename" else 1)
    assert (there == before) == (where != "after the rename")
    fill(tmp_path, 1)
    assert len(Store(tmp_path).records) == (3 if where == "after the rename" else 2)
    fill(tmp_path / "other", 1)
    assert contents(tmp_path) == contents(tmp_path / "other")


def die_at(where, path):
    """Run in a process of its own: add a record and be killed at the moment `where`."""
    inject(setattr, where, lambda: os.kill(os.getpid(), signal.SIGKILL))
    with Store(Path(path)).writing() as writer:
        writer.add(*work(1), {})


@pytest.mark.parametrize("where", ["in the middle of the arrays", "before the rename", "after the rename"])
def test_sigkill_leaves_a_whole_record_or_none(tmp_path, where):
    """A writer killed at any moment leaves no half record, and neither its lock nor its leftovers stop the next one."""
    fill(tmp_path, 0)
    before = contents(tmp_path)
    line = f"from tests.store.test_store import die_at; die_at({where!r}, {str(tmp_path)!r})"
    assert subprocess.run([sys.executable, "-c", line], cwd=ROOT).returncode == -signal.SIGKILL
    assert any((tmp_path / "partial").iterdir()) == (where != "after the rename")
    assert (contents(tmp_path) == before) == (where != "after the rename")
    fill(tmp_path, 1)
    assert not (tmp_path / "partial").exists() or not any((tmp_path / "partial").iterdir())
    fill(tmp_path / "other", 1)
    assert contents(tmp_path) == contents(tmp_path / "other")


def test_leftovers_of_a_killed_writer_are_cleared(tmp_path):
    """What lies under partial/ was never finished: it is no record, and the next writer removes it."""
    left = tmp_path / "partial" / "000001-0badf00d"
    left.mkdir(parents=True)
    (left / "rows.parquet").write_bytes(b"half")
    assert not Store(tmp_path).entries
    with Store(tmp_path).writing():
        assert not left.exists()


def test_the_same_writer_can_go_on_after_a_fault(tmp_path, monkeypatch):
    """When there is room again, the writer that failed adds the same record."""
    with Store(tmp_path).writing() as writer:
        with monkeypatch.context() as patched:
            inject(patched.setattr, "before the rename", disk_full)
            with pytest.raises(StoreError):
                writer.add(*work(0), {})
        writer.add(*work(0), {})
    assert set(contents(tmp_path)) == set(UNITS)


@pytest.mark.parametrize("bytes_left", [1000, 4000])
def test_a_full_disk_is_a_store_error(tmp_path, bytes_left):
    """Where the system itself refuses to write on, in the rows or in the arrays, the message says what to do."""
    with Store(tmp_path).writing() as writer:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, limits[1]))
        try:
            with pytest.raises(StoreError, match=r"cannot be written: .*Next: make room"):
                writer.add(*work(0), {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not Store(tmp_path).entries


# --- set aside, not trusted ----------------------------------------------------------------------------------------


def test_setting_aside_is_done_once(tmp_path):
    """The same store can be written again after it has set a record aside."""
    (bad,) = fill(tmp_path, 0)
    truncate(tmp_path / "records" / bad)
    store = Store(tmp_path)
    with store.writing():
        pass
    with store.writing() as writer:
        writer.add(*work(0), {})
    assert not store.bad
    assert set(contents(tmp_path)) == set(UNITS)


def test_reading_sets_nothing_aside(tmp_path):
    """A reader names a bad record and leaves it where it is: it may belong to a newer harness."""
    (name,) = fill(tmp_path, 0)
    rewrite(format=99)(tmp_path / "records" / name)
    assert "format 99" in Store(tmp_path).bad[name]
    assert (tmp_path / "records" / name).is_dir()


def test_an_array_with_another_digest_is_never_used(tmp_path):
    """Arrays exchanged for others of the same size are found when one is read, and by the thorough check."""
    (name,) = fill(tmp_path, 0)
    file = tmp_path / "records" / name / "arrays.safetensors"
    spoilt = bytearray(file.read_bytes())
    spoilt[-5] ^= 1
    file.write_bytes(spoilt)
    store = Store(tmp_path)
    entry = store.entries[UNITS[0]]
    failed = []
    for unit in UNITS:
        for slot in ("end", "mask"):
            try:
                store.array(store.entries[unit], slot, SIZE)
            except StoreError as error:
                failed.append(str(error))
    assert len(failed) == 1
    assert f"record {name}: the " in failed[0]
    assert "has digest" in failed[0]
    assert "Next: " in failed[0]
    assert [found for found, _ in check_records(store)] == [name]
    with pytest.raises(StoreError, match=r"'7' of aa/7/0 cannot be read: .*Next: "):
        store.array(entry, "7", SIZE)


# --- one writer --------------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from harness.store import Store
with Store(Path(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_refused_with_the_holder_s_name(tmp_path):
    """The message gives the holder's process; readers are let in; when the holder is killed, the lock is free."""
    fill(tmp_path, 0)
    line = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match=rf"is in use by process {holder.pid} on .* since .*Next: "):
            fill(tmp_path, 1)
        assert set(contents(tmp_path)) == set(UNITS)
        holder.kill()
    assert len(fill(tmp_path, 1)) == 1


def test_the_lock_is_given_back(tmp_path):
    """After a writer ends, by an exception too, the next one gets in, and nobody is named as the holder."""
    with pytest.raises(KeyError), Store(tmp_path).writing():
        raise KeyError
    assert not (tmp_path / "holder.json").exists()
    fill(tmp_path, 0)


@pytest.mark.parametrize("below", ["store", "deeper/store"])
def test_an_unwritable_store_is_refused(tmp_path, below):
    """A path that cannot be a folder is a StoreError that names it and says what to do; reading finds nothing there."""
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "file" / below
    assert not Store(path).entries
    with pytest.raises(StoreError, match=rf"{path} cannot be written: .*Next: give another --store"):
        fill(path, 0)
