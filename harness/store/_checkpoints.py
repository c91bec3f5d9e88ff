"""Where a long population stands, so that one that was ended early goes on from there, bit for bit. Knows no torch.

One folder a population, named by what it computes, with one file that is replaced whole by a rename:

    checkpoints/3fa9c2d18e01b7aa/state.safetensors    arrays; everything else as JSON in the file's metadata

A checkpoint is no record: it is written by a worker, may be lost at any time, and is removed when the record is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from harness.errors import StoppedError
from harness.population import Arrays, Checkpoint, Population, Row

FORMAT = 1
EVERY_S = 120.0  # seconds of training between checkpoints: a population planned to end within a minute writes none
LOOK_S = 0.5  # seconds between looks at the clock and at whether the run is to stop
FILE = "state.safetensors"


@dataclass(frozen=True)
class Found:
    """What a checkpoint's file says of itself: the population's name, its units in order, and the part that is done."""

    name: str
    units: tuple[str, ...]
    share: float


def checkpoint_name(population: Population) -> str:
    """Return 16 hexadecimal digits that name what `population` computes: members, what they consumed, program."""
    asked = (
        repr(population.program),
        [(member.unit, member.order_draw, member.ins) for member in population.members],
        population.snapshots,
        population.trace_every,
        population.until,
    )
    return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


class CheckpointSaver:
    """Saves and loads the checkpoints of one population in `folder`; `stop` says whether the run is to end early.

    `whole` is the population of which this one is a part, where memory does not hold all of it; a part is saved after
    its last step too, as others follow.
    """

    def __init__(
        self, folder: Path, stop: Callable[[], bool] = lambda: False, *, whole: Population | None = None
    ) -> None:
        self.folder = folder
        self.stop = stop
        self.whole = whole
        self._look = 0.0
        self._next = time.monotonic() + EVERY_S
        self._stopping = False

    def part(self, number: int, population: Population) -> CheckpointSaver:
        """Return the saver of a part of `population`."""
        return CheckpointSaver(self.folder / str(number), self.stop, whole=self.whole or population)

    def due(self, *, at_end: bool) -> bool:
        """Whether a checkpoint is to be written now; `at_end` is after the last step."""
        if at_end:
            return self.whole is not None
        now = time.monotonic()
        if now < self._look:
            return False
        self._look = now + LOOK_S
        self._stopping = self.stop()
        return self._stopping or now >= self._next

    def save(self, population: Population, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint by this one. Raises StoppedError, once it is written, where the run is to stop.

        One that cannot be written costs time after the next interruption and no result, so it is not an error.
        """
        try:
            _write(self.folder, population, checkpoint, self.whole or population)
            fault = ""
        except (OSError, SafetensorError) as error:
            fault = f"; its checkpoint cannot be written: {error}"
        self._next = time.monotonic() + EVERY_S
        if self._stopping:
            raise StoppedError(f"stopped after step {checkpoint.step}{fault}")

    def load(self, population: Population, made_with: Mapping[str, str]) -> Checkpoint | None:
        """Return the checkpoint of exactly this population, made with the same, or None."""
        try:
            meta = _meta(self.folder / FILE)
            if meta["population"] != checkpoint_name(population) or meta["made_with"] != dict(made_with):
                return None
            stored = load_file(self.folder / FILE)
            if _digest(stored) != meta["digest"]:
                return None
            rows: list[list[Row]] = [[] for _ in population.members]
            columns = (stored.pop(f"rows/{column}").tolist() for column in ("member", "metric", "step", "value"))
            for member, metric, step, value in zip(*columns, strict=True):
                rows[member].append(Row(meta["metrics"][metric], step, value))
            return Checkpoint(meta["step"], meta["wall_s"], meta["made_with"], stored, rows)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, IndexError):
            return None


def _write(folder: Path, population: Population, checkpoint: Checkpoint, whole: Population) -> None:
    flat = [(i, row) for i, rows in enumerate(checkpoint.rows) for row in rows]
    metrics = sorted({row.metric for _, row in flat})
    arrays = {
        **checkpoint.arrays,
        "rows/member": np.array([i for i, _ in flat], np.int64),
        "rows/metric": np.array([metrics.index(row.metric) for _, row in flat], np.int64),
        "rows/step": np.array([row.step for _, row in flat], np.int64),
        "rows/value": np.array([row.value for _, row in flat], np.float64),
    }
    first = population.program.first_step
    meta = {
        "format": FORMAT,
        "population": checkpoint_name(population),
        "units": [member.unit for member in whole.members],
        "share": (checkpoint.step - first) / (population.last_step - first),
        "step": checkpoint.step,
        "wall_s": checkpoint.wall_s,
        "made_with": dict(checkpoint.made_with),
        "metrics": metrics,
        "digest": _digest(arrays),
    }
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    save_file(arrays, partial, metadata={"checkpoint": json.dumps(meta)})
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, folder / FILE)


def _digest(arrays: Arrays) -> str:
    hashed = hashlib.sha256()
    for each in sorted(arrays):
        hashed.update(each.encode())
        hashed.update(np.ascontiguousarray(arrays[each]).tobytes())
    return hashed.hexdigest()


def _meta(file: Path) -> dict[str, Any]:
    """Return what a checkpoint's file says of itself; raises what reading raises, ValueError for another format."""
    with safe_open(file, framework="numpy") as tensors:
        meta: dict[str, Any] = json.loads((tensors.metadata() or {})["checkpoint"])
    if meta["format"] != FORMAT:
        raise ValueError(f"format {meta['format']!r}")
    return meta


def found_checkpoints(folder: Path) -> list[Found]:
    """Return what the readable checkpoints under `folder` say of themselves, in the order of their names."""
    return [each for path in _folders(folder) if (each := _found(path)) is not None]


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _found(path: Path) -> Found | None:
    try:
        if not (path / FILE).is_file():  # of a population computed in parts: the first one speaks for all
            parts = [each for inner in _folders(path) if (each := _found(inner)) is not None]
            return replace(parts[0], name=path.name, share=0.0) if parts else None
        meta = _meta(path / FILE)
        return Found(path.name, tuple(meta["units"]), float(meta["share"]))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def discard_checkpoints(folder: Path, units: Iterable[str], running: Iterable[str]) -> None:
    """Remove the checkpoints under `folder` that speak of `units`, which are stored now, and those that say nothing.

    Those of the populations called `running` stay: a worker may be writing there.
    """
    stored, busy = set(units), set(running)
    for path in _folders(folder):
        said = _found(path)
        if path.name not in busy and (said is None or stored & set(said.units)):
            shutil.rmtree(path, ignore_errors=True)
