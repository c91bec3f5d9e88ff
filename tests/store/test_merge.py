"""Merging stores: what is new is copied, what is there stays, what disagrees is named, what is bad is left.

Also tests `workflow._merging`.
"""

import os
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import StoreError, UsageError
from harness.population._population import Row
from harness.store._merge import merge_into, merge_told
from harness.store._store import Store, check_records
from tests.command import harness
from tests.store.test_store import SIZE, UNITS, contents, disk_full, inject, work


def other_units(units, generation=0, **changed):
    """The work of test_store on other units, its provenance changed."""
    population, computed = work(generation)
    members = tuple(replace(m, unit=unit) for m, unit in zip(population.members, units, strict=True))
    results = tuple(replace(m, unit=unit, **changed) for m, unit in zip(computed.members, units, strict=True))
    return replace(population, members=members), replace(computed, members=results)


NODES = {key: {"is": "Training", "key": key} for key in ("aa", "bb", "cc")}


def fill(path, *works, processor="one"):
    with Store(path).writing() as writer:
        return [writer.add(*each, {"kind": "test", "processor": processor}, NODES) for each in works]


def bytes_of(store, name):
    return {file.name: file.read_bytes() for file in (store / "records" / name).iterdir()}


def test_what_is_new_is_copied_byte_for_byte(tmp_path):
    """The copy has the next number, and the keys, rows, arrays and provenance it had."""
    a, b = tmp_path / "a", tmp_path / "b"
    fill(a, work(0))
    (theirs,) = fill(b, other_units(["cc/7/0", "cc/7/1"], 1), processor="two")
    before = contents(b)
    merged = merge_into(b, a)
    ((old, new),) = merged.copied.items()
    assert (old, new) == (theirs, f"000002-{theirs.split('-')[1]}")
    assert bytes_of(a, new) == bytes_of(b, old)
    assert (merged.units, merged.same, merged.conflicts, merged.bad) == (2, 0, [], {})
    assert contents(a) == contents(a) | before
    assert contents(a).keys() == {*UNITS, "cc/7/0", "cc/7/1"}
    store = Store(a)
    assert store.provenance(store.entries["cc/7/0"]).processor == "two"
    assert contents(b) == before


def test_merging_again_copies_nothing(tmp_path):
    """Units with equal outputs are there already."""
    a, b = tmp_path / "a", tmp_path / "b"
    fill(b, work(0), other_units(["cc/7/0", "cc/7/1"], 1))
    assert merge_into(b, a).units == 4
    after = contents(a)
    again = merge_into(b, a)
    assert (again.units, again.same, again.copied, again.conflicts) == (0, 4, {}, [])
    assert contents(a) == after
    assert len(Store(a).records) == 2


def test_of_a_record_that_is_partly_there_the_rest_is_copied(tmp_path):
    """The new member becomes a record of its own, with its rows, arrays and share of the time; the old one stays."""
    a, b = tmp_path / "a", tmp_path / "b"
    fill(a, other_units(["cc/7/0", UNITS[0]], 5))
    fill(b, work(0), processor="two")
    mine = contents(a)
    merged = merge_into(b, a)
    assert [(c.unit, c.slot) for c in merged.conflicts] == [(UNITS[0], "end")]
    assert (merged.units, merged.same) == (1, 0)
    assert contents(a) == mine | {UNITS[1]: contents(b)[UNITS[1]]}
    store = Store(a)
    entry = store.entries[UNITS[1]]
    np.testing.assert_array_equal(
        store.array(entry, "mask", SIZE), Store(b).array(Store(b).entries[UNITS[1]], "mask", SIZE)
    )
    record = store.records[entry.record]
    assert (entry.position, len(record.members), entry.diverged) == (0, 1, True)
    assert record.provenance.wall_s == 0.625
    assert record.provenance.processor == "two"
    assert record.nodes == {"aa": NODES["aa"]}
    assert list(check_records(store)) == []


def test_a_conflict_names_both_and_overwrites_nothing(tmp_path):
    """Another output of the same unit is refused with record and machine of either side; other records are merged."""
    a, b = tmp_path / "a", tmp_path / "b"
    (mine,) = fill(a, work(0), processor="one")
    theirs, _ = fill(b, work(1), other_units(["cc/7/0", "cc/7/1"], 2), processor="two")
    before = contents(a)
    merged = merge_into(b, a)
    assert [c.unit for c in merged.conflicts] == list(UNITS)
    assert merged.units == 2
    assert {unit: contents(a)[unit] for unit in UNITS} == before
    line = next(line for line in merge_told(merged) if "conflict in 'end' of aa/7/0" in line)
    for word in (mine, theirs, "one", "two", str(a), str(b), Store(a).entries[UNITS[0]].out, "digits"):
        assert word in line


def test_the_newest_of_the_other_store_counts(tmp_path):
    """Of two records of one unit only the later is compared and copied."""
    a, b = tmp_path / "a", tmp_path / "b"
    fill(b, work(0), work(1))
    assert merge_into(b, a).units == 2
    assert contents(a) == contents(b)
    assert len(Store(a).records) == 1
    assert merge_into(b, a).conflicts == []


def test_more_slots_of_the_same_are_taken(tmp_path):
    """A unit of which the other store kept more, equal as far as both go, is copied; one with less is not."""
    a, b = tmp_path / "a", tmp_path / "b"
    population, computed = work(0)
    less = replace(computed, members=tuple(replace(m, arrays={"end": m.arrays["end"]}) for m in computed.members))
    fill(a, (population, less))
    fill(b, work(0))
    assert (merge_into(a, b).units, merge_into(b, a).units) == (0, 2)
    assert Store(a).entries[UNITS[0]].outs == Store(b).entries[UNITS[0]].outs


def test_evaluations_are_compared_by_inputs_and_accuracies(tmp_path):
    """What left no arrays is the same with equal inputs and accuracies, whatever the last digit of its loss."""
    rows = (Row("test_loss", 0, 2.5), Row("test_accuracy", 0, 0.5))
    fill(tmp_path / "a", other_units(UNITS, arrays={}, rows=rows))
    for name, changed, conflicts in (
        ("equal", (Row("test_loss", 0, 2.6), rows[1]), 0),
        ("other", (rows[0], Row("test_accuracy", 0, 0.6)), 2),
    ):
        fill(tmp_path / name, other_units(UNITS, arrays={}, rows=changed))
        merged = merge_into(tmp_path / name, tmp_path / "a")
        assert (len(merged.conflicts), merged.same) == (conflicts, 2 - conflicts)
    population, computed = other_units(UNITS, arrays={}, rows=rows)
    population = replace(population, members=tuple(replace(m, ins=(("x@end", "0"),)) for m in population.members))
    fill(tmp_path / "inputs", (population, computed))
    assert {c.slot for c in merge_into(tmp_path / "inputs", tmp_path / "a").conflicts} == {"inputs"}


@pytest.mark.parametrize("damage", ["size", "a bit"])
def test_bad_records_are_named_and_not_copied(tmp_path, damage):
    """A record that is cut, or of which a byte of the arrays was changed, stays where it is; the others are copied."""
    a, b = tmp_path / "a", tmp_path / "b"
    bad, good = fill(b, work(0), other_units(["cc/7/0", "cc/7/1"], 1))
    file = b / "records" / bad / "arrays.safetensors"
    spoilt = bytearray(file.read_bytes())
    spoilt[-5] ^= 1
    file.write_bytes(spoilt if damage == "a bit" else spoilt[:-100])
    merged = merge_into(b, a)
    assert merged.bad.keys() == {bad}
    assert merged.copied.keys() == {good}
    assert any(bad in line and "was not copied" in line for line in merge_told(merged))
    assert set(contents(a)) == {"cc/7/0", "cc/7/1"}
    assert (b / "records" / bad).is_dir()


def test_a_bad_record_of_the_target_is_set_aside_and_said(tmp_path):
    """As by every writer; its units are copied from the other store."""
    a, b = tmp_path / "a", tmp_path / "b"
    (bad,) = fill(a, work(0))
    os.truncate(a / "records" / bad / "rows.parquet", 10)
    fill(b, work(0))
    merged = merge_into(b, a)
    assert merged.set_aside.keys() == {bad}
    assert merged.units == 2
    assert any(bad in line and "set aside" in line for line in merge_told(merged))


def test_a_fault_while_copying_leaves_whole_records_only(tmp_path, monkeypatch):
    """A full disk is a StoreError; merging again does the rest."""
    a, b = tmp_path / "a", tmp_path / "b"
    fill(b, work(0), other_units(["cc/7/0", "cc/7/1"], 1))
    with monkeypatch.context() as patched:
        inject(patched.setattr, "before the rename", disk_full)
        with pytest.raises(StoreError, match="No space left on device"):
            merge_into(b, a)
    assert not Store(a).entries
    assert merge_into(b, a).units == 4
    assert contents(a) == contents(b)


def test_what_is_no_store_is_refused(tmp_path):
    """A path without records, and a store with itself, are usage errors; nothing is made."""
    with pytest.raises(UsageError, match=r"there is no store at .*nothing.*Next: "):
        merge_into(tmp_path / "nothing", tmp_path / "a")
    fill(tmp_path / "a", work(0))
    with pytest.raises(UsageError, match=r"into itself.*Next: "):
        merge_into(tmp_path / "a", tmp_path / "b" / ".." / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def command(*arguments):
    return harness("store", "merge", *arguments)


def test_the_command(tmp_path):
    """Status 0 without a conflict; into a third store both are left as they are; with a conflict status 1."""
    a, b, c = (tmp_path / name for name in "abc")
    fill(a, work(0))
    fill(b, other_units(["cc/7/0", "cc/7/1"], 1))
    into = command(a, b, "--into", c)
    assert into.returncode == 0, into.stderr
    assert contents(c) == contents(a) | contents(b)
    assert set(contents(a)) == set(UNITS)
    assert command(a, b).returncode == 0
    assert contents(a) == contents(c)
    fill(b, work(3))
    refused = command(a, b)
    assert refused.returncode == 1
    assert "conflict in 'end' of aa/7/0" in refused.stdout
    assert "2 there already, 2 in conflict" in refused.stdout
    assert contents(a) == contents(c)
    missing = command(a, tmp_path / "nothing")
    assert missing.returncode == 2
    assert "Next: " in missing.stderr
