"""Baselines of the seed-variance check: what a recipe's trainings gave when someone accepted it, one file a recipe.

A file under ``reports/baselines/`` is JSON with a seal over its content, so that a hand-edit or a cut shows. It changes
only by ``harness variance --accept``, which keeps the one before under ``reports/baselines/history/``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.as_json import as_json, from_json
from harness.errors import ResultsError
from harness.population import Provenance

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """The first losses of some replicates (nats), and how far those of another machine may lie from them.

    `losses` has one list of `steps` losses a replicate; `tolerance` bounds the relative difference, `noise` is the
    difference that rounding made when the baseline was accepted, `signal` the one that a learning rate 5 % higher made.
    """

    steps: int
    losses: Mapping[str, list[float]]
    tolerance: float
    noise: float
    signal: float


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One recipe at one scale, as accepted.

    `drawn` has digests of random draws and masks by replicate and name; `values` test accuracies (percent) by
    replicate; `weights` digests of end weights by machine and replicate; `replaces` names the file that came before.
    `trajectory` is None for a training that starts from another one: its first losses differ between machines.
    """

    recipe: str
    scale: str
    key: str
    suite_seed: int
    accepted: str
    reason: str
    replaces: str
    drawn: Mapping[str, Mapping[str, str]]
    trajectory: Trajectory | None
    values: Mapping[str, float]
    weights: Mapping[str, Mapping[str, str]]
    provenance: Provenance


def baseline_path(folder: Path, recipe: str, scale: str) -> Path:
    """Return where the baseline of a recipe lies."""
    return folder / f"{recipe.replace('/', '-')}-{scale}.json"


def read_baseline(file: Path, *, recipe: str = "", scale: str = "") -> Baseline:
    """Read a baseline.

    Raises ResultsError, with the reason, for a file that is missing, truncated, edited by hand, of another format, or
    of another recipe or scale than asked for.
    """
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        raise ResultsError(f'no baseline at {file}. Next: harness variance {recipe} --accept --reason "..."') from None
    except (OSError, ValueError) as error:
        raise ResultsError(f"{file} is truncated or no JSON ({error}). Next: git checkout {file}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise ResultsError(f"{file} has format {found!r}, this harness reads {FORMAT}. Next: git checkout {file}")
    if content.pop("seal", None) != _seal(content):
        raise ResultsError(
            f"{file} was edited by hand: its seal is not that of its content. A baseline changes only by harness "
            f"variance --accept. Next: git checkout {file}"
        )
    found_of = (content["recipe"], content["scale"])
    if recipe and found_of != (recipe, scale):
        raise ResultsError(
            f"{file} is the baseline of {found_of[0]} at {found_of[1]}, not of {recipe} at {scale}. "
            f"Next: git checkout {file}"
        )
    return from_json(Baseline, content)


def keep_baseline(folder: Path, baseline: Baseline) -> Path:
    """Write a baseline, moving the one before to ``history/``, and return its file."""
    file = baseline_path(folder, baseline.recipe, baseline.scale)
    folder.mkdir(parents=True, exist_ok=True)
    replaces = ""
    if file.is_file():
        history = folder / "history"
        history.mkdir(exist_ok=True)
        kept = history / f"{file.stem}-{len(list(history.glob(f'{file.stem}-*.json'))) + 1}.json"
        file.rename(kept)
        replaces = str(kept.relative_to(folder))
    content = {"format": FORMAT, **as_json(baseline), "replaces": replaces}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({**content, "seal": _seal(content)}, indent=1, sort_keys=True) + "\n")
    partial.replace(file)
    return file


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
