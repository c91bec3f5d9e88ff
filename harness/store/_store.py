"""What has been computed, by key: plain files under one directory, the only state of a run.

One population is one record, a folder that appears by a single rename and is never changed:

    records/000017-3fa9c2d1/record.json          what was asked, by whom it was computed, digests, provenance
    records/000017-3fa9c2d1/rows.parquet         member, metric, step, value
    records/000017-3fa9c2d1/arrays.safetensors   weights as float32, masks as packed bits

Of several records of one unit the newest counts. A record that cannot be read is set aside under ``aside/`` with the
reason beside it: it is not trusted, and not deleted. One process writes at a time, held by a lock that dies with it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from harness.as_json import as_json, from_json
from harness.errors import StoreError
from harness.population import Computed, Population, Provenance, Row

FORMAT = 1
NAME = re.compile(r"\d{6,}-[0-9a-f]{8}")
FILES = ("rows.parquet", "arrays.safetensors")

Array = NDArray[np.float32] | NDArray[np.bool_]


def digest(array: Array) -> str:
    """Return 16 hexadecimal digits of SHA-256 over the array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What a file of a record must be."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class MemberRecord:
    """A member of a record: its unit, digests of what it consumed and produced by slot, and whether it diverged."""

    unit: str
    ins: Mapping[str, str]
    outs: Mapping[str, str]
    diverged: bool


@dataclass(frozen=True, kw_only=True)
class Record:
    """What ``record.json`` says of one computed population; `program` and `work` are words, as a program has them.

    `nodes` describes by key what was computed. `seal` is the SHA-256 of all the rest.
    """

    format: int
    program: str
    steps: int
    nodes: Mapping[str, Mapping[str, object]]
    members: tuple[MemberRecord, ...]
    provenance: Provenance
    files: Mapping[str, Fingerprint]
    work: str = ""
    seal: str = ""


@dataclass(frozen=True)
class Entry:
    """One stored unit: where it lies, what it consumed (`ins`) and produced (`outs`), digests by slot."""

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


class Store:
    """The records under `path`. Reading needs no lock; `writing` takes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: dict[str, Record] = {}
        self.entries: dict[str, Entry] = {}
        self.bad: dict[str, str] = {}
        self._rows: dict[str, list[tuple[int, Row]]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the index of all records; those that cannot be trusted are named in `bad` and left out."""
        folder = self.path / "records"
        for record in sorted(folder.iterdir()) if folder.is_dir() else []:
            if record.name in self.records or record.name in self.bad:
                continue
            try:
                self._index(record.name, _read_record(record))
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.bad[record.name] = str(error)

    def _index(self, name: str, record: Record) -> None:
        entries = [Entry(m.unit, name, i, m.ins, m.outs, m.diverged) for i, m in enumerate(record.members)]
        self.records[name] = record
        self.entries.update({entry.unit: entry for entry in entries})

    def rows(self, entry: Entry) -> list[Row]:
        """Return the rows of one stored unit."""
        if entry.record not in self._rows:
            table = pq.read_table(self.path / "records" / entry.record / "rows.parquet").to_pydict()
            columns = (table["metric"], table["step"], table["value"])
            self._rows[entry.record] = [
                (member, Row(*row)) for member, *row in zip(table["member"], *columns, strict=True)
            ]
        return [row for member, row in self._rows[entry.record] if member == entry.position]

    def array(self, entry: Entry, slot: str, size: int) -> Array:
        """Return a stored array, shape (size,): float32, or bool for the slots ``mask`` and ``correct``.

        Raises StoreError when it cannot be read or its digest is not the recorded one.
        """
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
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
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
    ) -> str:
        """Write one record and return its name. It is there whole after the rename, or not at all.

        `nodes` describes by key what was computed, for ``harness why``.
        """
        units = [member.unit for member in population.members]
        return self._place(units, lambda folder: _write(folder, population, computed, provenance, nodes or {}))

    def adopt(self, record: Path, positions: Sequence[int]) -> str:
        """Copy the members at `positions` of another store's record as one record here; returns its name.

        All of them are copied byte for byte; of some, the wall time is their share, and the rest is as it was.
        """
        units = [member.unit for member in _read_record(record).members]
        return self._place([units[i] for i in positions], lambda folder: _copy(record, folder, positions))

    def _place(self, units: Sequence[str], fill: Callable[[Path], Record]) -> str:
        """Let `fill` write a record of `units` into a folder and move it among the others; returns its name."""
        number = 1 + max((int(name.split("-")[0]) for name in self.store.records), default=0)
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
        self.store._index(name, made)
        return name


def _write(
    folder: Path,
    population: Population,
    computed: Computed,
    provenance: Mapping[str, str],
    nodes: Mapping[str, Mapping[str, object]],
) -> Record:
    flat = [(i, *dataclasses.astuple(row)) for i, m in enumerate(computed.members) for row in m.rows]
    names = ("member", "metric", "step", "value")
    columns = dict(zip(names, zip(*flat, strict=True), strict=True)) if flat else dict.fromkeys(names, ())
    pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), folder / "rows.parquet")
    save_file(
        {
            f"{i}/{slot}": np.packbits(array.astype(np.bool_)) if array.dtype == np.bool_ else array
            for i, m in enumerate(computed.members)
            for slot, array in m.arrays.items()
        },
        folder / "arrays.safetensors",
    )
    program = population.program
    known = {
        **provenance,
        **computed.computer,
        "device": computed.device,
        "versions": computed.versions,
        "settings": computed.settings,
        "wall_s": round(computed.wall_s, 3),
        "matmul_flops": None if computed.matmul_flops is None else round(computed.matmul_flops),
    }
    members = [
        MemberRecord(
            unit=result.unit,
            ins=dict(member.ins),
            outs={slot: digest(array) for slot, array in result.arrays.items()},
            diverged=result.diverged,
        )
        for member, result in zip(population.members, computed.members, strict=True)
    ]
    record = Record(
        format=FORMAT,
        program=program.label,
        work=program.work,
        steps=program.steps,
        nodes=nodes,
        members=tuple(members),
        provenance=from_json(Provenance, known),
        files=_fingerprints(folder),
    )
    return _write_record(folder, record)


def _write_record(folder: Path, record: Record) -> Record:
    """Seal a record and write its JSON; returns it with the seal."""
    sealed = replace(record, seal=_seal(as_json(record)))
    (folder / "record.json").write_text(json.dumps(as_json(sealed), indent=1, sort_keys=True))
    return sealed


def _copy(record: Path, folder: Path, positions: Sequence[int]) -> Record:
    """Write the members at `positions` of the record in the folder `record` into `folder`; returns what is there."""
    whole = _read_record(record, thorough=True)
    if len(positions) == len(whole.members):
        for file in ("record.json", *FILES):
            shutil.copyfile(record / file, folder / file)
        return whole
    place = {before: after for after, before in enumerate(positions)}
    table = pq.read_table(record / "rows.parquet")
    rows = [row | {"member": place[row["member"]]} for row in table.to_pylist() if row["member"] in place]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / "rows.parquet")
    arrays = {}
    for name, array in load_file(record / "arrays.safetensors").items():
        member, _, slot = name.partition("/")
        if int(member) in place:
            arrays[f"{place[int(member)]}/{slot}"] = array
    save_file(arrays, folder / "arrays.safetensors")
    members = tuple(whole.members[i] for i in positions)
    keys = {member.unit.partition("/")[0] for member in members}
    seconds = whole.provenance.wall_s * len(members) / len(whole.members)
    part = replace(
        whole,
        members=members,
        nodes={key: node for key, node in whole.nodes.items() if key in keys},
        provenance=replace(whole.provenance, wall_s=round(seconds, 3)),
        files=_fingerprints(folder),
    )
    return _write_record(folder, part)


def _seal(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record's JSON without its seal."""
    rest = {name: value for name, value in content.items() if name != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _fingerprint(file: Path) -> Fingerprint:
    return Fingerprint(size=file.stat().st_size, sha256=hashlib.sha256(file.read_bytes()).hexdigest())


def _fingerprints(folder: Path) -> dict[str, Fingerprint]:
    return {file: _fingerprint(folder / file) for file in FILES}


def _read_record(folder: Path, *, thorough: bool = False) -> Record:
    """Return what a record's JSON says; ValueError says why it is not to be trusted."""
    if not NAME.fullmatch(folder.name):
        raise ValueError("not the name of a record: NNNNNN-xxxxxxxx")
    content = json.loads((folder / "record.json").read_text())
    if not isinstance(content, dict):
        raise ValueError("record.json holds no record")
    if content.get("format") != FORMAT:
        raise ValueError(f"format {content.get('format')!r}, this harness writes and reads format {FORMAT}")
    if content.get("seal") != _seal(content):
        raise ValueError("record.json is not the file that was written: its seal differs")
    record = from_json(Record, content)
    for file, expected in record.files.items():
        size = (folder / file).stat().st_size
        if size != expected.size:
            raise ValueError(f"{file} has {size} bytes, written were {expected.size}")
        small = file == "rows.parquet"
        if (small or thorough) and _fingerprint(folder / file) != expected:
            raise ValueError(f"{file} is not the file that was written: its SHA-256 differs")
    return record


def check_records(store: Store) -> Iterator[tuple[str, str]]:
    """Yield the name and fault of every record that does not stand a thorough check of all its bytes."""
    yield from store.bad.items()
    for name in store.records:
        try:
            _read_record(store.path / "records" / name, thorough=True)
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
