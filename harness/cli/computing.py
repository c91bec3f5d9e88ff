"""The commands that train what is due: run, verify, pilot, export, the jolted pass, and the seed-variance check."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.options import (
    Claims,
    ClaimsFolder,
    DataDir,
    Device,
    Download,
    ExecutorName,
    Out,
    Quick,
    Replicates,
    Root,
    ScaleName,
    StorePath,
    TimeLimit,
    Variant,
    Workers,
    console,
    say_where,
    shown,
)
from harness.cli.progress import Shown
from harness.cli.recomputed import show_spreads, show_verified
from harness.cli.tables import show_left, show_pilots, show_variance

if TYPE_CHECKING:
    from harness.workflow import Session


def run(
    claims: Claims = None,
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    variant: Variant = "",
    device: Device = "auto",
    workers: Workers = None,
    executor: ExecutorName = "local",
    data_dir: DataDir = None,
    download: Download = False,
    time_limit: TimeLimit = None,
    store: StorePath = None,
    out: Out = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Compute what is due, store it, and write results.parquet once everything is there."""
    from harness import workflow

    session = workflow.open_session(
        claims,
        scale=scale,
        root=root,
        claims=claims_folder,
        store=store,
        out=out,
        quick=quick,
        replicates=replicates,
        variant=variant,
        device=device,
        workers=workers,
        executor=executor,
        data_dir=data_dir,
        download=download,
    )
    say_where(session)
    with Shown(console) as progress:
        ran = workflow.run(session, time_limit=time_limit, progress=progress)
    if ran.left is not None:
        show_left(ran.left, this_command(), console)
        return
    console.print(
        f"wrote {shown(session.out / 'results.parquet', session.root)}. Next: harness judge{judged_where(session)}",
        highlight=False,
    )


def verify(
    claims: Claims = None,
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    device: Device = "auto",
    workers: Workers = None,
    executor: ExecutorName = "local",
    data_dir: DataDir = None,
    download: Download = False,
    time_limit: TimeLimit = None,
    store: StorePath = None,
    out: Out = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Run, judge and report, and compare with the recorded verdicts.

    Exit status: 0 verdicts as recorded, or a time limit left something to be continued; 1 the committed rows give
    other bytes, training no longer gives the committed rows (to the digit on the same kind of machine, else their
    means), more verdicts are lost than rounding explains, or one turned from reproduced to refuted or back that
    rounding does not turn; 2 usage; 3 a run failed; 130 interrupted.
    """
    from harness import workflow

    session = workflow.open_session(
        claims,
        scale=scale,
        root=root,
        claims=claims_folder,
        store=store,
        out=out,
        quick=quick,
        replicates=replicates,
        device=device,
        workers=workers,
        executor=executor,
        data_dir=data_dir,
        download=download,
    )
    say_where(session)
    with Shown(console) as progress:
        verified = workflow.verify(session, time_limit=time_limit, progress=progress)
    if verified.ran.left is not None:
        show_left(verified.ran.left, this_command(), console)
        return
    show_verified(verified, session.root, console)
    if not verified.as_recorded:
        raise typer.Exit(1)


def pilot(
    claims: Claims = None,
    scale: ScaleName = "micro",
    replicates: Annotated[int, typer.Option("--replicates", min=2, help="Pilot replicates.")] = 5,
    grid: Annotated[
        bool, typer.Option("--grid", help="Measure the claim's declared grid instead of its arms.")
    ] = False,
    device: Device = "auto",
    workers: Workers = None,
    executor: ExecutorName = "local",
    data_dir: DataDir = None,
    download: Download = False,
    time_limit: TimeLimit = None,
    store: StorePath = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Run claims on pilot seeds and log every arm and difference to docs/pilots.csv of the claims' place."""
    from harness import workflow

    session = workflow.open_session(
        claims,
        scale=scale,
        root=root,
        claims=claims_folder,
        store=store,
        device=device,
        workers=workers,
        executor=executor,
        data_dir=data_dir,
        download=download,
    )
    say_where(session)
    with Shown(console) as progress:
        piloted = workflow.pilot(session, replicates=replicates, grid=grid, time_limit=time_limit, progress=progress)
    if piloted.ran.left is not None:
        show_left(piloted.ran.left, this_command(), console)
        return
    show_pilots(piloted.lines, console)
    place = session.elsewhere
    console.print(
        f"logged to {shown(piloted.log, Path.cwd())}. Next: harness plan{place}, then harness lock CLAIM{place}",
        highlight=False,
        soft_wrap=True,
    )


def export(
    claim: Annotated[str, typer.Argument(help="Id of a claim.")],
    arm: Annotated[str, typer.Option("--arm", help="One of its arms.")],
    replicate: Annotated[int, typer.Option("--replicate", min=0, help="A replicate, as the results number them.")],
    density: Annotated[
        str | None,
        typer.Option(
            "--density",
            help="The fraction kept, where the arm has several, as 0.05 or 1/20; or the point of another axis.",
        ),
    ] = None,
    draw: Annotated[int | None, typer.Option("--draw", help="Which of several trainings there, from 0.")] = None,
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    variant: Variant = "",
    device: Device = "auto",
    workers: Workers = None,
    executor: ExecutorName = "local",
    data_dir: DataDir = None,
    download: Download = False,
    store: StorePath = None,
    out: Annotated[Path | None, typer.Option("--out", help="The folder that is written. Default: exported/...")] = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Write a trained net's weights, mask and start as safetensors, and as a state_dict of plain torch layers."""
    from harness import workflow

    session = workflow.open_session(
        claim,
        scale=scale,
        root=root,
        claims=claims_folder,
        store=store,
        quick=quick,
        replicates=replicates,
        variant=variant,
        device=device,
        workers=workers,
        executor=executor,
        data_dir=data_dir,
        download=download,
    )
    say_where(session)
    with Shown(console) as progress:
        made = workflow.export(
            session, claim, arm=arm, replicate=replicate, density=density, draw=draw, out=out, progress=progress
        )
    for file in made.files:
        console.print(f"wrote {shown(file, session.root)}", highlight=False, soft_wrap=True)
    console.print(f"{made.told}.", highlight=False, soft_wrap=True)
    console.print(
        f'Next: harness.engine.plain_module(network).load_state_dict(torch.load("{made.files[-1]}"))',
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def rounding(
    claims: Claims = None,
    scale: ScaleName = "micro",
    device: Device = "auto",
    workers: Workers = None,
    executor: ExecutorName = "local",
    data_dir: DataDir = None,
    download: Download = False,
    time_limit: TimeLimit = None,
    store: StorePath = None,
    out: Out = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Measure how far rounding moves committed rows, for verify: writes rounding.csv beside them.

    Trains the first ten replicates again with every weight moved by one unit in the last place.
    """
    from harness import workflow

    session = workflow.open_session(
        claims,
        scale=scale,
        root=root,
        claims=claims_folder,
        store=store,
        out=out,
        device=device,
        workers=workers,
        executor=executor,
        data_dir=data_dir,
        download=download,
    )
    say_where(session)
    with Shown(console) as progress:
        rounded = workflow.measure_rounding(session, time_limit=time_limit, progress=progress)
    if rounded.ran.left is not None:
        show_left(rounded.ran.left, this_command(), console)
        return
    assert rounded.file is not None
    show_spreads(rounded.spreads, console)
    console.print(f"wrote {shown(rounded.file, session.root)}. Next: git add and commit it", highlight=False)


def seed_variance(
    recipes: Annotated[
        list[str] | None, typer.Argument(metavar="[RECIPE]...", help="Watched recipes or papers; all by default.")
    ] = None,
    scale: ScaleName = "micro",
    replicates: Annotated[int, typer.Option("--replicates", min=2, help="Fresh replicates a recipe.")] = 5,
    first: Annotated[
        int | None, typer.Option("--first", min=1000, help="Index of the first one; from the commit by default.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Make new baselines; the old ones are kept.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why a new baseline is accepted.")] = "",
    values: Annotated[int, typer.Option("--values", min=10, help="Replicates of a new baseline.")] = 100,
    device: Device = "auto",
    workers: Workers = None,
    executor: ExecutorName = "local",
    data_dir: DataDir = None,
    download: Download = False,
    out: Out = None,
    root: Root = None,
    claims_folder: ClaimsFolder = None,
) -> None:
    """Check that training still gives what it gave: the same bits, the same mean over seeds, the same spread.

    Exit status: 0 green; 1 a tier is red; 2 usage; 3 a baseline is missing or not to be trusted, or a run failed.
    Writes junit.xml and summary.md under reports/scratch/variance, and the GitHub step summary where there is one.
    """
    from harness import workflow

    session = workflow.open_session(
        scale=scale,
        root=root,
        claims=claims_folder,
        out=out,
        device=device,
        workers=workers,
        executor=executor,
        data_dir=data_dir,
        download=download,
    )
    say_where(session)
    named = recipes or []
    with Shown(console, lines=accept) as progress:
        if accept:
            made = workflow.accept_baselines(session, named, reason=reason, replicates=values, progress=progress)
            for file in made:
                console.print(f"wrote {shown(file, session.root)}", highlight=False)
            return
        found = workflow.check_variance(session, named, replicates=replicates, first=first, progress=progress)
    show_variance(found, session.root, console)
    if step_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(step_summary).open("a") as appended:
            appended.write(found.summary)
    if found.red:
        raise typer.Exit(1)


def judged_where(session: Session) -> str:
    """Return the options with which results are judged: a re-run with the report beside which it lies."""
    claims = session.elsewhere
    if session.out == session.committed or session.is_rerun:
        return claims + (f" --scale {session.scale}" if session.scale != "micro" else "")
    return f"{claims} --out {session.out if claims else shown(session.out, session.root)}"


def this_command() -> str:
    """Return the command as it was typed."""
    return shlex.join(["harness", *sys.argv[1:]])
