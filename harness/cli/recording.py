"""The commands that train nothing: new, judge, report, lock, print the registry, and merge stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import ClaimsFolder, Out, Root, ScaleName, console, open_report, say_where, shown
from harness.cli.tables import show_round, show_rounds, show_to_lock, show_verdicts
from harness.errors import UsageError

Nothing = Annotated[list[str] | None, typer.Argument(hidden=True)]  # so that a claim given here is answered in words


def judge(
    claims: Nothing = None,
    scale: ScaleName = "micro",
    out: Out = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Judge the rows of results.parquet: writes verdicts.json and junit.xml. Needs no torch and no GPU."""
    from harness import workflow

    _check_nothing(claims, "judge", "judges")
    session = open_report(scale, out, root, claims_folder)
    show_verdicts(workflow.judge(session), console)
    console.print(f"wrote {shown(session.out / 'verdicts.json', session.root)}", highlight=False)


def report(
    claims: Nothing = None,
    scale: ScaleName = "micro",
    out: Out = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Write report.md and the figures from results.parquet and verdicts.json. Needs no torch."""
    from harness import workflow

    _check_nothing(claims, "report", "reports")
    session = open_report(scale, out, root, claims_folder)
    console.print(f"wrote {shown(workflow.report(session), session.root)}", highlight=False)


def _check_nothing(claims: list[str] | None, command: str, does: str) -> None:
    """Raise UsageError where a claim is named to a command that is about whatever the results hold."""
    if claims:
        raise UsageError(
            f"harness {command} {does} all claims that results.parquet holds, and takes no names: {', '.join(claims)}. "
            f"Next: harness {command}, or harness {command} --out FOLDER for the results in another folder"
        )


def new(
    paper: Annotated[str, typer.Argument(help="The paper's key, as doe2026: it names the folder.")],
    folder: Annotated[Path, typer.Option("--folder", help="The folder of claims that it is made in.")] = Path("claims"),
    package: Annotated[
        bool, typer.Option("--package", help="Make the folder a package for pip: writes pyproject.toml beside it.")
    ] = False,
) -> None:
    """Write a template of a paper's claims, which runs as it stands; overwrites nothing."""
    from harness import workflow

    begun = workflow.begin(paper, folder=folder, package=package)
    for file in begun.files:
        console.print(f"wrote {file}", highlight=False, soft_wrap=True)
    console.print(f"Next: harness plan {begun.paper}{begun.option}", highlight=False, soft_wrap=True)


def lock(
    claims: Annotated[list[str] | None, typer.Argument(help="Ids of claims or papers, locked together.")] = None,
    scale: ScaleName = "micro",
    replicates: Annotated[
        int | None,
        typer.Option("--replicates", min=1, help="Lock locked claims once more, on so many fresh replicates."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say level, power and cost, and lock nothing.")] = False,
    other: Annotated[
        Path | None,
        typer.Option("--rechain", metavar="FILE", help="Append the rounds of another branch's registry.lock."),
    ] = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Lock claims together, in one round, before their confirmatory run: append them to claims/registry.lock."""
    from harness import workflow

    if other is not None:
        moved = workflow.rechain(other, root, claims_folder)
        show_rounds(workflow.chain(root, claims_folder), console, only={each.number for each in moved})
        return
    if not claims:
        raise UsageError("nothing is named to be locked. Next: harness lock CLAIM...")
    session = workflow.open_session(claims, scale=scale, root=root, claims=claims_folder, device="cpu")
    say_where(session)
    show_to_lock(workflow.to_lock(session, replicates=replicates), console)
    if not dry_run:
        show_round(workflow.lock(session, replicates=replicates), console)


def registry(root: Root = None, claims_folder: ClaimsFolder = None) -> None:
    """Print what was locked, round by round, and whether history only ever appended to it.

    Exit status 1 where a commit's registry does not go on from that of its first parent.
    """
    from harness import workflow

    found = workflow.chain(root, claims_folder)
    show_rounds(found, console)
    if found.cut:
        raise typer.Exit(1)


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
