"""The options that commands share, the console they print on, and how a path is printed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from harness.workflow import Session

console = Console(width=None if sys.stdout.isatty() else 160)

Claims = Annotated[
    list[str] | None, typer.Argument(metavar="[CLAIM]...", help="Ids of claims or papers; all by default.")
]
ScaleName = Annotated[str, typer.Option("--scale", help="micro, standard or paper.")]
Root = Annotated[Path | None, typer.Option("--root", help="The folder that holds claims/, reports/ and docs/.")]
ClaimsFolder = Annotated[
    str | None,
    typer.Option("--claims", help="A folder of claims elsewhere, or an installed package. Default: claims/ here."),
]
StorePath = Annotated[Path | None, typer.Option("--store", help="Where computed records are. Default: .harness/store")]
Out = Annotated[Path | None, typer.Option("--out", help="The report's folder.")]
Replicates = Annotated[int | None, typer.Option("--replicates", min=1, help="Another number than the locked one.")]
Quick = Annotated[bool, typer.Option("--quick", help="2 replicates of a few steps: machinery only.")]
Variant = Annotated[
    str,
    typer.Option("--variant", help="Other settings: half-rate, double-rate, bfloat16, jolt. Never replaces a verdict."),
]
Device = Annotated[str, typer.Option("--device", help="auto (CUDA if present), cpu, or cuda.")]
ExecutorName = Annotated[str, typer.Option("--executor", help="By what populations are computed.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Worker processes. On a CPU one a core, at most 8, by default; 4 that share a GPU and its memory.",
    ),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where data sets are looked for first, then HARNESS_DATA and a cache.")
]
Download = Annotated[bool, typer.Option("--download", help="Download data sets that are needed and not found.")]
TimeLimit = Annotated[
    str | None,
    typer.Option("--time-limit", metavar="DURATION", help="End within this time, as 90s, 9m or 1h30m; go on later."),
]


def open_report(scale: str, out: Path | None, root: Path | None, claims: str | None) -> Session:
    """Return a session whose results are those of the committed report, or of the one in `out`."""
    from harness.workflow import open_session

    session = open_session(scale=scale, root=root, claims=claims, out=out, device="cpu")
    return replace(session, folder=session.folder or session.committed)


def say_where(session: Session) -> None:
    """Say where the session's claims and results are, if that is not the working folder."""
    if session.place is not None and (session.place.name or session.place.apart):
        console.print(session.place.told, highlight=False, soft_wrap=True)


def shown(path: Path, root: Path) -> Path:
    """Return a path as it is printed: within the project, from its folder."""
    return path.relative_to(root) if path.is_relative_to(root) else path
