"""What there is on this machine: versions, device, threads, data found, and the health of the store."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import __version__
from harness.design import Registry
from harness.errors import HarnessError
from harness.extensions import load_plugins
from harness.workflow._places import Place, find_place, places
from harness.workflow._session import store_folder

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "matplotlib", "safetensors")


@dataclass(frozen=True)
class Found:
    """Something that was looked at, what was found, and whether that is in order."""

    what: str
    found: str
    fine: bool = True


@dataclass(frozen=True)
class Examined:
    """Everything that was looked at."""

    lines: tuple[Found, ...]

    @property
    def fine(self) -> bool:
        """Whether everything is in order."""
        return all(line.fine for line in self.lines)


def examine(
    root: Path | str | None = None,
    *,
    store: Path | str | None = None,
    claims: Path | str | None = None,
    data_dir: Path | str | None = None,
) -> Examined:
    """Look at versions, device, threads, data found, and the health of the store; claims need not load for that.

    Args:
        root: The project's folder.
        store: Where computed records are. By default HARNESS_STORE, else .harness/store in the project.
        claims: Where the claims are, as for `open_session`.
        data_dir: Where data sets are looked for first.

    Returns:
        One line per thing, each with whether it is in order.

    Example:
        >>> examine().fine  # doctest: +SKIP
        True
    """
    from harness.data import look_in

    look_in(None if data_dir is None else Path(data_dir))
    place = find_place(claims, root)
    kept = _store(store_folder(place.root, store))
    return Examined((*_machine(place.root), *_data(), _registry(place), *_plugins(), *kept))


def _machine(root: Path) -> Iterator[Found]:
    import importlib.metadata

    from harness.compute import cores, git_revision, usual_workers
    from harness.engine import processor

    yield Found("harness", f"{__version__}, git {git_revision(root)}")
    yield Found("python", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        try:
            yield Found(package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Found(package, "not installed. Next: python -m pip install -e .", fine=False)
    yield Found("processor", f"{processor()}, {cores()} cores: {usual_workers()} workers of one thread")
    yield Found("device", _device())


def _device() -> str:
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    from harness.engine import gpu_name, vector_instructions

    return f"cuda: {gpu_name()}" if gpu_name() else f"cpu ({vector_instructions()}); torch sees no CUDA device"


def _data() -> Iterator[Found]:
    from harness.data import PUBLISHED, DataSet, data_folders, find_set, load_set

    digits = load_set(DataSet.DIGITS)
    pixels, classes = digits.images.shape[1], len(set(digits.labels.tolist()))
    yield Found("digits", f"{len(digits.images)} images of {pixels} pixels, {classes} classes (scikit-learn's)")
    looked = data_folders()
    next_command = "Where a claim needs it: harness run CLAIM --download, or --data-dir"
    for source in PUBLISHED:
        folder = find_set(source)
        yield Found(
            source,
            f"not in {', '.join(map(str, looked))}. {next_command}"
            if folder is None
            else f"{folder} ({looked[folder]})",
        )


def _registry(place: Place) -> Found:
    try:
        entries = len(Registry(place.locks / "registry.lock").entries)
        return Found("registry", f"{entries} entries, chain unbroken, in {place.locks}")
    except HarnessError as error:
        return Found("registry", str(error), fine=False)


def _plugins() -> Iterator[Found]:
    for plugin in load_plugins():
        told = plugin.told if plugin.fault else f"{plugin.module} of the package {plugin.package}"
        yield Found("extension", told, fine=not plugin.fault)
    for place in places():
        yield Found("claims", place.told, fine=not place.fault)


def _store(path: Path) -> Iterator[Found]:
    from harness.store import Store, check_records

    kept = Store(path)
    faults = dict(check_records(kept))
    there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    free = shutil.disk_usage(there).free / 2**30
    yield Found("store", f"{path}: {len(kept.records)} records, {len(kept.entries)} units, {free:.0f} GiB free")
    for name, fault in faults.items():
        yield Found("", f"record {name}: {fault}. Next: harness run sets it aside, or move it away", fine=False)
    for reason in sorted((path / "aside").glob("*.reason.txt")):
        yield Found("", f"set aside: {reason.name.removesuffix('.reason.txt')}: {reason.read_text().strip()}")
