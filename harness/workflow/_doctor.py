"""``harness doctor``: versions, device, threads, data found, and the health of the store."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness import __version__
from harness.compute import cores, git_revision
from harness.data import PUBLISHED, DataSet, data_folders, find_set, load_set
from harness.design import Registry
from harness.errors import HarnessError
from harness.store import Store, check_records

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "matplotlib", "safetensors")


def examine(root: Path, store: Path, console: Console) -> bool:
    """Print what there is; returns whether everything is in order."""
    from harness.engine import processor

    fine = True
    table = Table("what", "found", show_header=False)
    table.add_row("harness", f"{__version__}, git {git_revision(root)}")
    table.add_row("python", f"{platform.python_version()} on {platform.platform()}")
    for package in PACKAGES:
        try:
            table.add_row(package, importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            table.add_row(package, "[red]not installed. Next: python -m pip install -e .[/red]")
            fine = False
    table.add_row("processor", f"{processor()}, {cores()} cores: {cores()} workers of one thread")
    table.add_row("device", _device())
    table.add_row("digits", _digits())
    for source in PUBLISHED:
        table.add_row(source, _found(source))
    try:
        entries = len(Registry(root / "claims" / "registry.lock").entries)
        table.add_row("registry", f"{entries} entries, chain unbroken")
    except HarnessError as error:
        table.add_row("registry", f"[red]{error}[/red]")
        fine = False
    kept = Store(store)
    faults = dict(check_records(kept))
    free = shutil.disk_usage(store if store.exists() else root).free / 2**30
    table.add_row("store", f"{store}: {len(kept.records)} records, {len(kept.entries)} units, {free:.0f} GiB free")
    for name, fault in faults.items():
        table.add_row("", f"[red]record {name}: {fault}. Next: harness run sets it aside, or move it away[/red]")
        fine = False
    aside = sorted((store / "aside").glob("*.reason.txt"))
    for reason in aside:
        table.add_row("", f"set aside: {reason.name.removesuffix('.reason.txt')}: {reason.read_text().strip()}")
    console.print(table)
    return fine


def _device() -> str:
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    from harness.engine import gpu_name, vector_instructions

    return f"cuda: {gpu_name()}" if gpu_name() else f"cpu ({vector_instructions()}); torch sees no CUDA device"


def _digits() -> str:
    digits = load_set(DataSet.DIGITS)
    pixels, classes = digits.images.shape[1], len(set(digits.labels.tolist()))
    return f"{len(digits.images)} images of {pixels} pixels, {classes} classes (scikit-learn's)"


def _found(source: str) -> str:
    looked = data_folders()
    if folder := find_set(source):
        return f"{folder} ({looked[folder]})"
    return f"not in {', '.join(map(str, looked))}. Where a claim needs it: harness run CLAIM --download, or --data-dir"
