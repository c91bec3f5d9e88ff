"""What a command works on: the project's folder, the chosen claims, the scale, the device, and where results go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import harness
from harness.design import Catalogue, Claim, Registry, Scale
from harness.errors import UsageError, nearest


@dataclass(frozen=True)
class Session:
    """What a command works on: the project's folder, the chosen claims, the scale and where results go."""

    root: Path
    catalogue: Catalogue
    scale: Scale
    claims: list[Claim]
    store: Path
    out: Path
    quick: bool
    replicates: int | None
    device: str = "cpu"
    variant: str = ""

    def registry(self) -> Registry:
        """Read the registry of locked claims."""
        return Registry(self.catalogue.registry_file)

    @property
    def committed(self) -> Path:
        """The report of this scale that is under version control."""
        return self.root / "reports" / self.scale

    @property
    def pilots(self) -> Path:
        """The log of pilots."""
        return self.root / "docs" / "pilots.csv"


def open_session(
    names: Sequence[str] | None,
    scale: str,
    root: Path,
    *,
    store: Path | None = None,
    out: Path | None = None,
    quick: bool = False,
    replicates: int | None = None,
    device: str = "cpu",
    claims: Path | None = None,
) -> Session:
    """Return the session of a command that computes nothing: its results are those under reports/SCALE, or `out`.

    Claims are those in the folder `claims`, else in the project's, else those that the harness comes with.

    Raises UsageError for a scale, claim or paper that is not known, with the nearest known names.
    """
    root = root.resolve()
    if scale not in list(Scale):
        raise UsageError(
            f"unknown scale {scale!r}{nearest(scale, list(Scale))} Scales: {', '.join(Scale)}. Next: harness list"
        )
    catalogue = Catalogue.load(claims or _claims_folder(root))
    chosen = catalogue.select(names or [], Scale(scale))
    if not chosen:
        raise UsageError(f"no claim has a design at scale {scale}. Next: harness list")
    kept = store or Path(os.environ.get("HARNESS_STORE", root / ".harness" / "store"))
    out = out or root / "reports" / scale
    return Session(root, catalogue, Scale(scale), chosen, kept, out, quick, replicates, device)


def _claims_folder(root: Path) -> Path:
    """Return the project's folder of claims, or where there is none that of an installed harness."""
    here, shipped = root / "claims", Path(harness.__file__).parent / "_shipped"
    return shipped if not here.is_dir() and shipped.is_dir() else here


def open_run(
    names: Sequence[str] | None,
    scale: str,
    root: Path,
    *,
    store: Path | None,
    out: Path | None,
    quick: bool,
    replicates: int | None,
    device: str,
    variant: str = "",
) -> Session:
    """Return the session of a run; only all claims on their locked replicates and usual device change the report.

    The results of a variant are kept beside the report, under ``variants/``.
    """
    device = pick_device(device)
    session = open_session(names, scale, root, store=store, out=out, quick=quick, replicates=replicates, device=device)
    if variant:
        return replace(session, variant=variant, out=out or session.out / "variants" / variant)
    everything = not names and not quick and replicates is None and _same_device(session.root, scale, device)
    return session if out or everything else replace(session, out=session.root / "reports" / "scratch")


def _same_device(root: Path, scale: str, device: str) -> bool:
    """Whether the committed report of `scale`, if there is one, was computed on this kind of device."""
    from harness.verdict import read_results

    path = root / "reports" / scale / "results.parquet"
    if not path.is_file():
        return True
    kinds = {record.kind for record in read_results(path).meta.records.values()}
    return kinds <= {device}


def pick_device(wanted: str) -> str:
    """Return ``cpu`` or ``cuda`` for ``auto``, ``cpu`` or ``cuda``; torch is imported only where there may be a GPU."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise UsageError(f"unknown device {wanted!r}; devices are auto, cpu and cuda")
    driver = shutil.which("nvidia-smi") or Path("/dev/nvidiactl").exists() or Path("/proc/driver/nvidia").exists()
    if wanted == "cpu" or (wanted == "auto" and not driver):
        return "cpu"
    from harness.engine import gpu_name

    if gpu_name():
        return "cuda"
    if wanted == "cuda":
        raise UsageError("no CUDA device is available to torch. Next: harness doctor, or --device cpu")
    return "cpu"
