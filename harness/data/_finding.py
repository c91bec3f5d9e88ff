"""Where data sets in files are looked for: in torchvision's folder layout, and texts, below a few folders.

That files are there, and of the right size where that is known, is found while planning.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from harness.data._sets import SETS, File
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
    for source in sorted(name for name in {*sources} if SETS[name].torchvision or SETS[name].files):
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
        f"Next: the same command with --download, or put its files{files} "
        f"into a folder DIR and name it: --data-dir DIR, or {FOLDER}=DIR"
    )


def _told(folder: Path, source: str) -> str:
    if not folder.is_dir():
        return "no such folder"
    first, *others = _faults(folder, source)
    return first + (f", and {len(others)} more" if others else "")


def _download(source: str) -> None:
    """Get the files of `source`, of an address of its own or by torchvision, into the first folder."""
    folder = next(iter(data_folders()))
    described = SETS[source]
    parts = described.parts if not described.files else ({},)  # of which one brings the other
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not described.torchvision:
            for file in described.files:
                _fetch(file, folder)
            return
        for part in parts:
            torchvision_class(source)(folder, download=True, **part)
    except (OSError, RuntimeError) as error:  # no network, no space, a checksum that is wrong
        raise DataError(
            f"{source} could not be downloaded to {folder}: {error}. Next: try again, or copy its files "
            f"from another machine and name their folder: --data-dir DIR, or {FOLDER}=DIR"
        ) from error


def _fetch(file: File, folder: Path) -> None:
    """Get one file, whole and with its checksum or not at all."""
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(file.url) as answer:
        given: bytes = answer.read()
    if (md5 := hashlib.md5(given, usedforsecurity=False).hexdigest()) != file.md5:
        raise RuntimeError(f"{file.url} gives md5 {md5}, not {file.md5}")
    arriving = path.with_name(f"{path.name}.part")
    arriving.write_bytes(given)
    arriving.replace(path)


@contextmanager
def found_file(name: str, file: str, beside: Path | None) -> Iterator[Path]:
    """Give the path of a file: of a package, beside the file that registers it, or in a data folder."""
    package, _, inside = file.rpartition(":")
    if package:
        try:
            resource = files(package).joinpath(inside)
        except ModuleNotFoundError as error:
            raise DataError(f"data set {name}: {error}, for {file}. Next: install the package") from error
        with as_file(resource) as path:
            if not path.is_file():
                raise DataError(f"data set {name}: {package} has no {inside}. Next: correct the name of the file")
            yield path
        return
    folders = [*([beside] if beside is not None else []), *data_folders()]
    path = next((folder / file for folder in folders if (folder / file).is_file()), Path())
    if not path.name:
        raise DataError(
            f"data set {name}: no {file} in {', '.join(map(str, folders))}. Next: put it beside the file that "
            f"registers it, or into a folder DIR and name that: --data-dir DIR, or {FOLDER}=DIR"
        )
    yield path
