"""What has been computed, by key: plain files under one directory, the only state of a run.

One population is one record, a folder that appears by a single rename and is never changed:

    records/000017-3fa9c2d1/record.json          what was asked, by whom it was computed, digests, provenance
    records/000017-3fa9c2d1/rows.parquet         member, metric, step, value
    records/000017-3fa9c2d1/arrays.safetensors   weights as float32, masks as packed bits

Of several records of one unit the newest counts. A record that cannot be read is set aside under ``aside/`` with the
reason beside it: it is not trusted, and not deleted. One process writes at a time, held by a lock that dies with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open

from harness.errors import StoreError
from harness.population import Computed, Population, Provenance, Row
from harness.store._records import (
    Array,
    MemberRecord,
    Record,
    copy_record,
    digest,
    member_records,
    read_record,
    write_record,
)


@dataclass(frozen=True)
class Entry:
    """One stored unit: where it lies, what it consumed (`ins`) and produced (`outs`), digests by slot.

    `record` is empty while the unit's record is still to be written.
    """

    unit: str
    record: str
    position: int
    ins: Mapping[str, str]
    outs: Mapping[str, str]
    diverged: bool

    @property
    def out(self) -> str:
        """The digest of what the unit ended with; of nothing, for an evaluation."""
        return self.outs.get("end", "")


Written = tuple[str, Record]  # a record's name, and what it says


@dataclass(frozen=True)
class _Promised:
    """What a unit produced, by slot, while its record is still to be written; and its entry before, if it had one."""

    arrays: Mapping[str, Array]
    before: Entry | None


class Store:
    """The records under `path`. Reading needs no lock; `writing` takes it.

    `indexed` names the units of records in the order in which these were found or added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: dict[str, Record] = {}
        self.entries: dict[str, Entry] = {}
        self.indexed: list[str] = []
        self.bad: dict[str, str] = {}
        self._rows: dict[str, dict[int, list[Row]]] = {}  # by record and member
        self._promised: dict[str, _Promised] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the index of all records; those that cannot be trusted are named in `bad` and left out."""
        folder = self.path / "records"
        for record in sorted(folder.iterdir()) if folder.is_dir() else []:
            if record.name in self.records or record.name in self.bad:
                continue
            try:
                self._index(record.name, read_record(record))
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.bad[record.name] = str(error)

    def _index(self, name: str, record: Record) -> None:
        self.records[name] = record
        self._enter(name, record.members)

    def _enter(self, name: str, members: Sequence[MemberRecord]) -> None:
        for i, m in enumerate(members):
            self.entries[m.unit] = Entry(m.unit, name, i, m.ins, m.outs, m.diverged)
            self.indexed.append(m.unit)
            self._promised.pop(m.unit, None)

    def _promise(self, members: Sequence[MemberRecord], computed: Computed) -> None:
        before = {m.unit: self._stored(m.unit) for m in members}
        self._enter("", members)
        self._promised.update({m.unit: _Promised(m.arrays, before[m.unit]) for m in computed.members})

    def _stored(self, unit: str) -> Entry | None:
        """Return the entry of what has a record."""
        return self._promised[unit].before if unit in self._promised else self.entries.get(unit)

    def _forget_promised(self) -> None:
        """Let the index be as it was before it had what has no record."""
        for unit, promised in self._promised.items():
            del self.entries[unit]
            if promised.before is not None:
                self.entries[unit] = promised.before
            self.indexed.append(unit)
        self._promised.clear()

    def rows(self, entry: Entry) -> list[Row]:
        """Return the rows of one stored unit."""
        if entry.record not in self._rows:
            table = pq.read_table(self.path / "records" / entry.record / "rows.parquet").to_pydict()
            columns = (table["metric"], table["step"], table["value"])
            by_member = self._rows[entry.record] = defaultdict(list)
            for member, *row in zip(table["member"], *columns, strict=True):
                by_member[member].append(Row(*row))
        return list(self._rows[entry.record].get(entry.position, ()))

    def array(self, entry: Entry, slot: str, size: int) -> Array:
        """Return a stored array, shape (size,): float32, or bool for the slots ``mask`` and ``correct``.

        Raises StoreError when it cannot be read or its digest is not the recorded one.
        """
        if not entry.record:
            return self._promised[entry.unit].arrays[slot]
        file = self.path / "records" / entry.record / "arrays.safetensors"
        try:
            with safe_open(file, framework="numpy") as tensors:
                stored = tensors.get_tensor(f"{entry.position}/{slot}")
        except (OSError, SafetensorError) as error:
            raise StoreError(
                f"record {entry.record}: the {slot!r} of {entry.unit} cannot be read: {error}. Next: harness doctor"
            ) from error
        array: Array = np.unpackbits(stored, count=size).astype(np.bool_) if stored.dtype == np.uint8 else stored
        if digest(array) != entry.outs[slot]:
            raise StoreError(
                f"record {entry.record}: the {slot!r} of {entry.unit} has digest {digest(array)}, "
                f"recorded was {entry.outs[slot]}. Next: move the record away and run again"
            )
        return array

    def provenance(self, entry: Entry) -> Provenance:
        """Return when, where and with what versions an entry was computed."""
        return self.records[entry.record].provenance

    def writing(self) -> Writer:
        """Return the writer of this store, a context manager that holds its lock."""
        return Writer(self)


class Writer:
    """The one process that may add records; `set_aside` names the ones it found bad, and why."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.set_aside: dict[str, str] = {}
        self._lock: FileLock | None = None
        self._last = 0  # number of the newest record, whether it is in the index yet or not

    def __enter__(self) -> Writer:
        path = self.store.path
        try:
            (path / "records").mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path / "lock")
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(
                f"{path} is in use by {_holder(path)}. Next: wait for it, or give another --store"
            ) from None
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written: {error.strerror or error}. Next: give another --store"
            ) from error
        try:
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
            (path / "holder.json").write_text(json.dumps(holder))
            shutil.rmtree(path / "partial", ignore_errors=True)  # what a killed writer had not finished
            self.store.refresh()
            self._set_aside()
            self._last = max((int(name.split("-")[0]) for name in self.store.records), default=0)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.store._forget_promised()
        (self.store.path / "holder.json").unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.release()

    def _set_aside(self) -> None:
        for name, reason in self.store.bad.items():
            target = self.store.path / "aside" / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            target.parent.mkdir(exist_ok=True)
            os.replace(self.store.path / "records" / name, target)
            target.with_suffix(".reason.txt").write_text(reason + "\n")
        self.set_aside.update(self.store.bad)
        self.store.bad.clear()

    def add(
        self,
        population: Population,
        computed: Computed,
        provenance: Mapping[str, str],
        nodes: Mapping[str, Mapping[str, object]] | None = None,
        own_code: Mapping[str, str] | None = None,
    ) -> str:
        """Write one record and return its name. It is there whole after the rename, or not at all.

        `nodes` describes by key what was computed, for ``harness why``; `own_code` has by name the digests of a
        project's own code that computed it.
        """
        members = member_records(population, computed)
        return self.enter(self.write(population, computed, members, provenance, nodes, own_code))

    def promise(self, population: Population, computed: Computed) -> tuple[MemberRecord, ...]:
        """Enter what was computed into the index, by which it is found in memory until its record is entered.

        What is made from it may begin at once. Its own record must be written first: so a kill leaves nothing that
        was made from what is not stored. Returns what `write` is given.
        """
        members = member_records(population, computed)
        self.store._promise(members, computed)
        return members

    def write(
        self,
        population: Population,
        computed: Computed,
        members: tuple[MemberRecord, ...],
        provenance: Mapping[str, str],
        nodes: Mapping[str, Mapping[str, object]] | None = None,
        own_code: Mapping[str, str] | None = None,
    ) -> Written:
        """Write one record as `add` does, and leave the index as it is: for a thread beside that which reads it."""
        return self._place(
            [member.unit for member in members],
            lambda folder: write_record(folder, population, computed, members, provenance, nodes or {}, own_code or {}),
        )

    def enter(self, written: Written) -> str:
        """Enter a record that was written into the index, by which it is found from then on; returns its name."""
        self.store._index(*written)
        return written[0]

    def adopt(self, record: Path, positions: Sequence[int]) -> str:
        """Copy the members at `positions` of another store's record as one record here; returns its name.

        All of them are copied byte for byte; of some, the wall time is their share, and the rest is as it was.
        """
        units = [member.unit for member in read_record(record).members]
        return self.enter(
            self._place([units[i] for i in positions], lambda folder: copy_record(record, folder, positions))
        )

    def _place(self, units: Sequence[str], fill: Callable[[Path], Record]) -> Written:
        """Let `fill` write a record of `units` into a folder and move it among the others."""
        number = self._last + 1
        name = f"{number:06d}-{hashlib.sha256(''.join(units).encode()).hexdigest()[:8]}"
        partial = self.store.path / "partial" / name
        try:
            shutil.rmtree(partial, ignore_errors=True)  # of an attempt that failed
            partial.mkdir(parents=True)
            made = fill(partial)
            for file in partial.iterdir():
                _sync(file)
            _sync(partial)
            os.replace(partial, self.store.path / "records" / name)
            _sync(self.store.path / "records")
        except (OSError, SafetensorError) as error:
            raise StoreError(
                f"{self.store.path} cannot be written: {getattr(error, 'strerror', '') or error}. Nothing stored is "
                "lost. Next: make room or give another --store, then run the same command again"
            ) from error
        self._last = number
        return name, made


def check_records(store: Store) -> Iterator[tuple[str, str]]:
    """Yield the name and fault of every record that does not stand a thorough check of all its bytes."""
    yield from store.bad.items()
    for name in store.records:
        try:
            read_record(store.path / "records" / name, thorough=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield name, str(error)


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _holder(path: Path) -> str:
    try:
        holder = json.loads((path / "holder.json").read_text())
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError):
        return "another process"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
