"""Where data sets in files are looked for: torchvision's folder layout, below a few folders.

That files are there, and of the right size where that is known, is found while planning.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.data._sets import SETS
from harness.errors import DataError, nearest

FOLDER_OPTION = "HARNESS_DATA_DIR"  # how --data-dir reaches worker processes
FOLDER = "HARNESS_DATA"


def look_in(folder: Path | None) -> None:
    """Look in `folder` first from now on, here and in worker processes; None changes nothing."""
    if folder is not None:
        os.environ[FOLDER_OPTION] = str(folder.resolve())


def data_folders() -> dict[Path, str]:
    """Return the folders in which data sets are looked for, in order, each with what names it."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found: dict[Path, str] = {}
    for variable, told_by in ((FOLDER_OPTION, "--data-dir"), (FOLDER, FOLDER)):
        if os.environ.get(variable):
            found.setdefault(Path(os.environ[variable]), told_by)
    found.setdefault(cache_home / "ticket-harness" / "data", "your cache folder")
    return found


def find_set(source: str) -> Path | None:
    """Return the first folder that has all files of `source`, of the right sizes; None where none has."""
    return next((folder for folder in data_folders() if not _faults(folder, source)), None)


def _faults(folder: Path, source: str) -> list[str]:
    """Return what is wrong with the files of `source` in `folder`; of which it has none known, torchvision says it."""
    faults = []
    if SETS[source].torchvision and not SETS[source].files:
        try:
            for part in SETS[source].parts:
                torchvision_class(source)(folder, **part)
        except (OSError, RuntimeError):
            faults.append(f"no {SETS[source].torchvision} that torchvision finds")
    for file in SETS[source].files:
        path = folder / file.path
        if not path.is_file():
            faults.append(f"no {file.path}")
        elif (size := path.stat().st_size) != file.size:
            faults.append(f"{file.path} has {size:,} bytes, not {file.size:,}")
    return faults


def require_sets(sources: Iterable[str], *, download: bool = False) -> None:
    """Make sure that all files of `sources` are found, downloading them to the first folder only where asked to.

    Raises DataError for one that is not: where it was looked for, and both ways to get it. So it does for one that
    needs a package which is not installed.
    """
    for source in sorted({*sources}):
        require_package(source)
    for source in sorted(name for name in {*sources} if SETS[name].torchvision):
        if find_set(source) is None and download:
            _download(source)
        if find_set(source) is None:
            raise DataError(_missing(source))


def require_package(source: str) -> None:
    """Raise DataError where the package that `source` comes with is not installed."""
    package = SETS[source].package
    if package and importlib.util.find_spec(package) is None:
        raise DataError(
            f"the data set {source} comes with the package {package}, which is not installed. "
            f"Next: python -m pip install 'ticket-harness[{package}]'"
        )


def torchvision_class(source: str) -> Any:
    """Return torchvision's class of a data set. Raises DataError where it has none of that name."""
    import torchvision.datasets

    name = SETS[source].torchvision
    if not hasattr(torchvision.datasets, name):
        known = nearest(name, torchvision.datasets.__all__)
        raise DataError(f"data set {source}: torchvision has no {name}{known} Next: correct the name of its class")
    return getattr(torchvision.datasets, name)


def _missing(source: str) -> str:
    looked = "; ".join(f"{folder} ({told_by}): {_told(folder, source)}" for folder, told_by in data_folders().items())
    files = f" (DIR/{SETS[source].files[0].path} and so on)" if SETS[source].files else ""
    return (
        f"the data set {source} is not there. Looked in {looked}. "
        f"Next: the same command with --download, or put torchvision's files{files} "
        f"into a folder DIR and name it: --data-dir DIR, or {FOLDER}=DIR"
    )


def _told(folder: Path, source: str) -> str:
    if not folder.is_dir():
        return "no such folder"
    first, *others = _faults(folder, source)
    return first + (f", and {len(others)} more" if others else "")


def _download(source: str) -> None:
    folder = next(iter(data_folders()))
    parts = SETS[source].parts if not SETS[source].files else ({},)  # of which one brings the other
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in parts:
            torchvision_class(source)(folder, download=True, **part)
    except (OSError, RuntimeError) as error:  # no network, no space, a checksum that is wrong
        raise DataError(
            f"{source} could not be downloaded to {folder}: {error}. Next: try again, or copy torchvision's files "
            f"from another machine and name their folder: --data-dir DIR, or {FOLDER}=DIR"
        ) from error
