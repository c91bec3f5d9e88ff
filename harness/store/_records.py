"""One record: the files of one computed population, sealed when written, and read only where they are whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from harness.as_json import as_json, from_json
from harness.population import Computed, Population, Provenance

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

    `nodes` describes by key what was computed. `own_code` has by name the digests of a project's own code that
    computed it, and is empty in an older record. `seal` is the SHA-256 of all the rest.
    """

    format: int
    program: str
    steps: int
    nodes: Mapping[str, Mapping[str, object]]
    members: tuple[MemberRecord, ...]
    provenance: Provenance
    files: Mapping[str, Fingerprint]
    work: str = ""
    own_code: Mapping[str, str] = field(default_factory=dict)
    seal: str = ""


def member_records(population: Population, computed: Computed) -> tuple[MemberRecord, ...]:
    """Return what a record says of each member: of all it holds, the digests."""
    return tuple(
        MemberRecord(
            unit=result.unit,
            ins=dict(member.ins),
            outs={slot: digest(array) for slot, array in result.arrays.items()},
            diverged=result.diverged,
        )
        for member, result in zip(population.members, computed.members, strict=True)
    )


def write_record(
    folder: Path,
    population: Population,
    computed: Computed,
    members: tuple[MemberRecord, ...],
    provenance: Mapping[str, str],
    nodes: Mapping[str, Mapping[str, object]],
    own_code: Mapping[str, str],
) -> Record:
    """Write what was computed of a population into an empty folder; returns what ``record.json`` says of it."""
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
        "data": computed.data,
        "wall_s": round(computed.wall_s, 3),
        "matmul_flops": None if computed.matmul_flops is None else round(computed.matmul_flops),
    }
    record = Record(
        format=FORMAT,
        program=program.label,
        work=program.work,
        steps=program.steps,
        nodes=nodes,
        own_code=own_code,
        members=members,
        provenance=from_json(Provenance, known),
        files=_fingerprints(folder),
    )
    return _seal_in(folder, record)


def _seal_in(folder: Path, record: Record) -> Record:
    """Seal a record and write its JSON; returns it with the seal."""
    sealed = replace(record, seal=_seal(as_json(record)))
    (folder / "record.json").write_text(json.dumps(as_json(sealed), indent=1, sort_keys=True))
    return sealed


def copy_record(record: Path, folder: Path, positions: Sequence[int]) -> Record:
    """Write the members at `positions` of the record in the folder `record` into `folder`; returns what is there."""
    whole = read_record(record, thorough=True)
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
    return _seal_in(folder, part)


def _seal(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record's JSON without its seal."""
    rest = {name: value for name, value in content.items() if name != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _fingerprint(file: Path) -> Fingerprint:
    return Fingerprint(size=file.stat().st_size, sha256=hashlib.sha256(file.read_bytes()).hexdigest())


def _fingerprints(folder: Path) -> dict[str, Fingerprint]:
    return {file: _fingerprint(folder / file) for file in FILES}


def read_record(folder: Path, *, thorough: bool = False) -> Record:
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
