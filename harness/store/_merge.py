"""Merging stores: records computed elsewhere, copied beside those that are here.

Records are never changed: whole ones are copied byte for byte under the next free number, and of a record whose units
are partly here already, the others become a record of their own. Lineage decides afterwards what is usable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UsageError
from harness.store._store import Entry, Store, Writer, check_records


@dataclass(frozen=True)
class Conflict:
    """A unit that two stores have with different outputs: where each comes from, and the first slot that differs."""

    unit: str
    program: str
    slot: str
    here: str
    there: str


@dataclass
class Merged:
    """What came of merging `source` into `target`; records are named as they were and as they are."""

    source: Path
    target: Path
    copied: dict[str, str] = field(default_factory=dict)
    units: int = 0
    same: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)


def merge_into(source: Path, target: Path) -> Merged:
    """Copy the units that the store `source` has and `target` has not.

    Units with equal outputs are left out, and so are those with different ones, which are named as conflicts. Records
    that do not stand a check of all their bytes are named and not copied. Raises UsageError where there is no store to
    copy from or both are one, StoreError where `target` cannot be written.
    """
    if not (source / "records").is_dir():
        raise UsageError(f"there is no store at {source}. Next: give the folder that holds records/")
    if source.resolve() == target.resolve():
        raise UsageError(f"{source} cannot be merged into itself. Next: give two stores")
    theirs = Store(source)
    merged = Merged(source, target, bad=dict(check_records(theirs)))
    with Store(target).writing() as writer:
        merged.set_aside.update(writer.set_aside)
        for name in theirs.records:
            if name not in merged.bad:
                _merge_record(theirs, name, writer, merged)
    return merged


def _merge_record(theirs: Store, name: str, writer: Writer, merged: Merged) -> None:
    positions = []
    for i, member in enumerate(theirs.records[name].members):
        entry = theirs.entries[member.unit]
        if entry.record != name:
            continue  # computed again later: the newest counts
        before = writer.store.entries.get(entry.unit)
        if before is None:
            positions.append(i)
        elif slot := _differing(writer.store, before, theirs, entry):
            merged.conflicts.append(_conflict(writer.store, before, theirs, entry, slot))
        elif before.outs.keys() < entry.outs.keys():
            positions.append(i)  # the same, and more of it was kept
        else:
            merged.same += 1
    if positions:
        merged.copied[name] = writer.adopt(theirs.path / "records" / name, positions)
        merged.units += len(positions)


def _differing(ours: Store, one: Entry, theirs: Store, other: Entry) -> str:
    """Return the first slot in which two entries of a unit differ, or an empty string.

    What left no arrays, an evaluation, is compared by what it was made from and by its accuracies.
    """
    for slot in sorted(one.outs.keys() & other.outs.keys()):
        if one.outs[slot] != other.outs[slot]:
            return slot
    if one.outs or other.outs:
        return ""
    if one.ins != other.ins:
        return "inputs"
    return "" if _accuracies(ours, one) == _accuracies(theirs, other) else "accuracies"


def _accuracies(store: Store, entry: Entry) -> list[tuple[str, int, str]]:
    return [(row.metric, row.step, repr(row.value)) for row in store.rows(entry) if row.metric.endswith("accuracy")]


def _conflict(ours: Store, before: Entry, theirs: Store, entry: Entry, slot: str) -> Conflict:
    program = theirs.records[entry.record].program
    return Conflict(entry.unit, program, slot, _whence(ours, before, slot), _whence(theirs, entry, slot))


def _whence(store: Store, entry: Entry, slot: str) -> str:
    """Return what an entry has in `slot`, its record, and the machine that computed it."""
    known = store.provenance(entry)
    machine = [text for text in (known.processor, known.device, known.instructions, known.computed) if text]
    value = f"{entry.outs[slot]} in " if slot in entry.outs else ""
    return f"{value}{store.path}, record {entry.record} ({', '.join(machine)})"


def merge_told(merged: Merged) -> Iterator[str]:
    """Yield what came of it, in lines."""
    for name, reason in merged.set_aside.items():
        yield f"[yellow]{merged.target}: record {name} was set aside: {reason}[/yellow]"
    for name, reason in merged.bad.items():
        yield f"[yellow]{merged.source}: record {name} is not usable and was not copied: {reason}[/yellow]"
    for c in merged.conflicts:
        yield f"[red]conflict in {c.slot!r} of {c.unit} ({c.program}): {c.here}; {c.there}. The first is kept[/red]"
    yield (
        f"{merged.source} into {merged.target}: {merged.units} units copied in {len(merged.copied)} records, "
        f"{merged.same} there already, {len(merged.conflicts)} in conflict"
    )
