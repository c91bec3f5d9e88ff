"""A record is read as it was written; one that is not what was written is not trusted.

Also tests `population._provenance`.
"""

import os
import re
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from harness.population._provenance import Provenance
from harness.store._records import digest
from harness.store._store import Store
from tests.store.made import SIZE, UNITS, contents, fill, rewrite, truncate, work


def test_what_is_stored_comes_back(tmp_path):
    """Rows, NaN among them, weights and masks bit for bit, digests, what was consumed, divergence, provenance."""
    (name,) = fill(tmp_path, 0)
    population, computed = work(0)
    store = Store(tmp_path)
    assert list(store.entries) == list(UNITS)
    for member, result in zip(population.members, computed.members, strict=True):
        entry = store.entries[member.unit]
        assert repr(store.rows(entry)) == repr(list(result.rows))
        for slot, array in result.arrays.items():
            stored = store.array(entry, slot, SIZE)
            assert stored.dtype == array.dtype
            np.testing.assert_array_equal(stored, array)
        assert entry.outs == {slot: digest(array) for slot, array in result.arrays.items()}
        assert (entry.record, entry.ins, entry.diverged) == (name, dict(member.ins), result.diverged)
    provenance = store.provenance(store.entries[UNITS[0]])
    computed_with = {"versions": {"numpy": np.__version__}, "settings": {"threads": "1"}}
    assert provenance == Provenance(kind="test", device="cpu", **computed_with, wall_s=1.25)


def test_what_is_only_evaluated_needs_no_arrays(tmp_path):
    """A population that keeps no weights is a record like any other."""
    population, computed = work(0)
    bare = replace(computed, members=tuple(replace(m, arrays={}) for m in computed.members))
    with Store(tmp_path).writing() as writer:
        writer.add(population, bare, {})
    store = Store(tmp_path)
    assert len(store.rows(store.entries[UNITS[0]])) == 2
    assert store.entries[UNITS[0]].outs == {}
    assert store.entries[UNITS[0]].out == ""


def edit_rows(record):
    """Raise every accuracy, and keep the file's size."""
    file = record / "rows.parquet"
    written, size = file.read_bytes(), file.stat().st_size
    better = written.replace(np.float64(0.51).tobytes(), np.float64(0.91).tobytes())
    file.write_bytes(better)
    assert written != better
    assert file.stat().st_size == size
    assert max(pq.read_table(file).to_pydict()["value"]) == 0.91


DAMAGE = {
    "truncated rows": (truncate, "rows.parquet has .* bytes, written were"),
    "hand-edited rows": (edit_rows, "rows.parquet is not the file that was written"),
    "missing rows": (lambda record: (record / "rows.parquet").unlink(), "rows.parquet"),
    "missing arrays": (lambda record: (record / "arrays.safetensors").unlink(), "arrays.safetensors"),
    "missing record.json": (lambda record: (record / "record.json").unlink(), "record.json"),
    "truncated record.json": (lambda record: os.truncate(record / "record.json", 200), r"line \d+ column"),
    "unknown version": (rewrite(format=99), "format 99, this harness writes and reads format 1"),
    "no version": (rewrite(format=None), "format None"),
    "foreign members": (rewrite(members=[{"name": "x"}]), "seal"),
    "foreign JSON": (lambda record: (record / "record.json").write_text("[]"), "."),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_record_is_set_aside_and_computed_again(tmp_path, damage):
    """It is named with its reason, moved under aside/ byte for byte, counts for nothing, and can be computed again."""
    spoil, reason = DAMAGE[damage]
    good, bad = fill(tmp_path, 0, 1)
    before = contents(tmp_path)
    spoil(tmp_path / "records" / bad)
    spoilt = {file.name: file.read_bytes() for file in (tmp_path / "records" / bad).iterdir()}
    store = Store(tmp_path)
    assert store.bad.keys() == {bad}
    assert {entry.record for entry in store.entries.values()} == {good}  # what was there before counts again
    with store.writing():
        pass
    assert {folder.name for folder in (tmp_path / "records").iterdir()} == {good}
    (folder,) = [aside for aside in (tmp_path / "aside").iterdir() if aside.is_dir()]
    assert folder.name.startswith(bad)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == spoilt
    (note,) = (tmp_path / "aside").glob("*.reason.txt")
    assert note.name.startswith(bad)
    assert re.search(reason, note.read_text())
    fill(tmp_path, 1)
    assert contents(tmp_path) == before
