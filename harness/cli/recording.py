"""The commands that write and train nothing: judge, report, lock, and merge stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import ClaimsFolder, Out, Root, ScaleName, console, open_report, shown
from harness.cli.tables import show_verdicts


def judge(scale: ScaleName = "micro", out: Out = None, root: Root = Path(), claims_folder: ClaimsFolder = None) -> None:
    """Judge the rows of results.parquet: writes verdicts.json and junit.xml. Needs no torch and no GPU."""
    from harness import workflow

    session = open_report(scale, out, root, claims_folder)
    show_verdicts(workflow.judge(session), console)
    console.print(f"wrote {shown(session.out / 'verdicts.json', session.root)}", highlight=False)


def report(
    scale: ScaleName = "micro", out: Out = None, root: Root = Path(), claims_folder: ClaimsFolder = None
) -> None:
    """Write report.md and the figures from results.parquet and verdicts.json. Needs no torch."""
    from harness import workflow

    session = open_report(scale, out, root, claims_folder)
    console.print(f"wrote {shown(workflow.report(session), session.root)}", highlight=False)


def lock(
    claims: Annotated[list[str], typer.Argument(help="Ids of claims or papers.")],
    scale: ScaleName = "micro",
    root: Root = Path(),
    claims_folder: ClaimsFolder = None,
) -> None:
    """Lock claims before their confirmatory run: append them to claims/registry.lock."""
    from harness import workflow

    session = workflow.open_session(claims, scale=scale, root=root, claims=claims_folder, device="cpu")
    for claim in session.claims:
        entry = workflow.lock(session, claim.id)
        console.print(
            f"locked {entry.claim} version {entry.version} at {entry.scale}: {entry.replicates} replicates from "
            f"{entry.first_replicate}, predicted {entry.predicted}"
        )


def merge_stores(
    a: Annotated[Path, typer.Argument(metavar="A", help="The store that records are copied into.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The store they are copied from.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="Leave A as it is, and copy both into this store.")
    ] = None,
) -> None:
    """Copy what B has and A has not, from another machine for example.

    A unit that both have stays as A has it. Exit status 1 where the two disagree on one; the rest is merged.
    """
    from harness import workflow
    from harness.store import merge_told

    merged = workflow.merge(a, b, into=into)
    for each in merged:
        for line in merge_told(each):
            console.print(line, highlight=False, soft_wrap=True)
    if any(each.conflicts for each in merged):
        raise typer.Exit(1)
