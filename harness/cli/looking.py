"""The commands that write nothing: claims, plans, comparisons, and what there is on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import (
    Claims,
    ClaimsFolder,
    DataDir,
    Device,
    Download,
    Quick,
    Replicates,
    Root,
    ScaleName,
    StorePath,
    Variant,
    Workers,
    console,
    open_report,
    say_where,
)
from harness.cli.recomputed import comparison_markdown
from harness.cli.tables import show_claims, show_examined, show_explained, show_places, show_work
from harness.errors import ResultsError


def list_claims(scale: ScaleName = "micro", root: Root = None, claims_folder: ClaimsFolder = None) -> None:
    """List the claims with their predicted and recorded verdicts, and the places that have others."""
    from harness import workflow

    session = open_report(scale, None, root, claims_folder)
    show_claims(workflow.list_claims(session), session.scale, console)
    show_places(session, workflow.places(), console)


def plan(
    claims: Claims = None,
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    variant: Variant = "",
    device: Device = "auto",
    workers: Workers = None,
    data_dir: DataDir = None,
    download: Download = False,
    store: StorePath = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Show what would be computed, what is stored or shared, the cost, and whether the replicates can decide."""
    from harness import workflow

    session = workflow.open_session(
        claims,
        scale=scale,
        root=root,
        claims=claims_folder,
        store=store,
        quick=quick,
        replicates=replicates,
        variant=variant,
        device=device,
        workers=workers,
        data_dir=data_dir,
        download=download,
    )
    say_where(session)
    work = workflow.plan(session)
    show_work(work, console)
    workflow.require_data(session, work.sources)


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A report's folder, its results.parquet, or a baseline.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="What it is compared with.")],
    scale: ScaleName = "micro",
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Compare two reports or two baselines: effects, intervals, trainings, verdicts, versions. Needs no torch.

    For a torch upgrade, CPU against GPU, or a variant. Trainings that both sides computed are compared one by one.
    Exit status 1 where a verdict is another one.
    """
    from harness import workflow

    compared = workflow.compare(open_report(scale, None, root, claims_folder), a, b)
    sys.stdout.write(comparison_markdown(compared))
    if compared.changed:
        raise typer.Exit(1)


def why(
    claim: Annotated[str, typer.Argument(help="Id of a claim.")],
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    store: StorePath = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Say which field or digest makes a claim's trainings run again."""
    from harness import workflow

    session = workflow.open_session(
        claim,
        scale=scale,
        root=root,
        claims=claims_folder,
        store=store,
        quick=quick,
        replicates=replicates,
        device="cpu",
    )
    show_explained(workflow.explain(session), console)


def doctor(
    data_dir: DataDir = None, store: StorePath = None, root: Root = None, claims_folder: ClaimsFolder = None
) -> None:
    """Print versions, device, threads, data found, and the health of the store."""
    from harness import workflow

    examined = workflow.examine(root, store=store, claims=claims_folder, data_dir=data_dir)
    show_examined(examined, console)
    if not examined.fine:
        raise ResultsError("something above wants attention")
