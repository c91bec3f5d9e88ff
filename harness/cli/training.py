"""The commands that train what is due."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from harness.cli.options import (
    Claims,
    DataDir,
    Device,
    Download,
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
    ended,
    shown,
)
from harness.cli.reading import judge_rows, other_bytes, print_verdicts, require_data, write_report
from harness.compute import Limit
from harness.errors import InterruptedRunError, UsageError
from harness.streams import PILOT_SEED, SUITE_SEED
from harness.workflow import Session, open_run, open_session, pick_device

if TYPE_CHECKING:
    from harness.workflow import Planned


def run(
    claims: Claims = None,
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    variant: Variant = "",
    device: Device = "auto",
    workers: Workers = None,
    data_dir: DataDir = None,
    download: Download = False,
    time_limit: TimeLimit = None,
    store: StorePath = None,
    out: Out = None,
    root: Root = Path(),
) -> None:
    """Compute what is due, store it, and write results.parquet once everything is there."""
    limit = Limit.starting_now(time_limit)
    session = open_run(
        claims, scale, root, store=store, out=out, quick=quick, replicates=replicates, device=device, variant=variant
    )
    _run(session, workers, limit, data_dir, download)


def _run(session: Session, workers: int | None, limit: Limit, data_dir: Path | None, download: bool) -> bool:
    """Compute what is due and write results.parquet; False, and nothing written, where the limit left something."""
    from harness.verdict import carry_over, write_results
    from harness.workflow import collect, make_plan

    made = make_plan(session)
    require_data(made, data_dir, download)
    if not _compute(made, session, workers, limit):
        return False
    collected = collect(made, scale=session.scale, suite_seed=SUITE_SEED, quick=session.quick, variant=session.variant)
    write_results(carry_over(collected, session.committed), session.out / "results.parquet")
    return True


def _compute(made: Planned, session: Session, workers: int | None, limit: Limit) -> bool:
    """Compute what is due within the limit; says what it did and what is left, and returns whether nothing is."""
    from harness.compute import Local, provenance
    from harness.compute import run_plan as compute
    from harness.workflow import plan_seconds, show_left

    plan = made.plan
    due = plan.due()
    if not due:
        console.print(f"all {len(plan.units)} trainings and evaluations are stored")
        return True
    with plan.store.writing() as writer, Local(device=session.device, workers=workers) as executor:
        for name, reason in writer.set_aside.items():
            console.print(f"[yellow]record {name} was set aside: {reason}[/yellow]")
        console.print(
            f"{len(due)} of {len(plan.units)} trainings and evaluations are due, "
            f"about {plan_seconds(plan, executor.places):.0f} s on {executor.places} workers ({session.device})"
        )
        try:
            summary = compute(
                plan,
                writer,
                executor,
                console=console,
                provenance=provenance(session.root, session.device),
                limit=limit,
            )
        except InterruptedRunError as stop:
            raise InterruptedRunError(f"{stop}. Next: the same command again goes on from there") from None
    console.print(
        f"{summary.trainings} computed in {summary.populations} populations, "
        f"{summary.member_steps:,} member-steps, {summary.wall_s:.0f} s"
    )
    if summary.left:
        show_left(made, executor.places, console)
        console.print(f"to be continued. Next: {_this_command()}", highlight=False, soft_wrap=True)
    return not summary.left


def _this_command() -> str:
    return shlex.join(["harness", *sys.argv[1:]])


def verify(
    claims: Claims = None,
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    device: Device = "auto",
    workers: Workers = None,
    data_dir: DataDir = None,
    download: Download = False,
    time_limit: TimeLimit = None,
    store: StorePath = None,
    out: Out = None,
    root: Root = Path(),
) -> None:
    """Run, judge and report, and compare with the recorded verdicts.

    Exit status: 0 verdicts as recorded, or a time limit left something to be continued; 1 a verdict turned from
    reproduced to refuted or back, or the committed rows give other bytes; 2 usage; 3 a run failed; 130 interrupted.
    """
    from harness.verdict import Verdicts, amended, read_verdicts, verdicts_junit

    limit = Limit.starting_now(time_limit)
    session = open_run(claims, scale, root, store=store, out=out, quick=quick, replicates=replicates, device=device)
    recorded = Verdicts(scale=session.scale, claims={})
    changed: list[str] = []
    if (session.committed / "results.parquet").is_file():
        changed = [] if amended(session.committed, session.catalogue) else other_bytes(session)
        recorded = read_verdicts(session.committed / "verdicts.json")
    if not _run(session, workers, limit, data_dir, download):
        return
    judged = judge_rows(session)
    turned = judged.turned(recorded)
    if turned:
        (session.out / "junit.xml").write_text(verdicts_junit(judged, turned))
    write_report(session)
    print_verdicts(judged, recorded)
    ended(session, "report.md")
    for name in changed:
        console.print(
            f"[red]the committed rows give other bytes for {name}. Next: harness judge, harness report, git diff[/red]"
        )
    for id in turned:
        was, now = recorded.claims[id].outcome, judged.claims[id].outcome
        console.print(f"[red]{id} turned: recorded {was}, now {now}[/red]")
    if changed or turned:
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
    data_dir: DataDir = None,
    download: Download = False,
    time_limit: TimeLimit = None,
    store: StorePath = None,
    root: Root = Path(),
) -> None:
    """Run claims on pilot seeds and log every arm and difference to docs/pilots.csv."""
    from harness.compute import git_revision
    from harness.design import append_pilots
    from harness.store import now
    from harness.workflow import collect, make_pilot_plan, summarise_pilot

    limit = Limit.starting_now(time_limit)
    session = open_session(claims, scale, root, store=store, device=pick_device(device))
    made = make_pilot_plan(session, replicates, grid=grid)
    require_data(made, data_dir, download)
    if not _compute(made, session, workers, limit):
        return
    collected = collect(made, scale=session.scale, suite_seed=PILOT_SEED, quick=False)
    table = Table("claim", "what", "n", "mean", "sd", title="pilots, in percent and percentage points")
    for request in made.requests:
        lines = summarise_pilot(request, collected, scale=session.scale, date=now(), git=git_revision(session.root))
        append_pilots(session.pilots, lines)
        for line in lines:
            table.add_row(line.claim, line.what, str(line.n), f"{line.mean:.2f}", f"{line.sd:.2f}")
    console.print(table)
    console.print(f"logged to {shown(session.pilots, session.root)}. Next: harness plan, then harness lock CLAIM")


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
    data_dir: DataDir = None,
    download: Download = False,
    out: Out = None,
    root: Root = Path(),
) -> None:
    """Check that training still gives what it gave: the same bits, the same mean over seeds, the same spread.

    Exit status: 0 green; 1 a tier is red; 2 usage; 3 a baseline is missing or not to be trusted, or a run failed.
    Writes junit.xml and summary.md under reports/scratch/variance, and the GitHub step summary where there is one.
    """
    from harness.data import look_in, require_sets
    from harness.expression import lineage
    from harness.variance import (
        Watch,
        accept_baselines,
        check_variance,
        failed,
        findings_junit,
        findings_markdown,
        first_fresh,
        show_findings,
    )

    session = open_session(None, scale, root, device=pick_device(device))
    nodes = session.catalogue.select_watched(recipes or [], session.scale)
    look_in(data_dir)
    require_sets({node.task.source for node in lineage(nodes.values())}, download=download)
    watch = Watch(nodes=nodes, scale=session.scale, root=session.root, device=session.device, workers=workers)
    if accept:
        if not reason.strip():
            raise UsageError('a baseline is accepted for a reason. Next: harness variance --accept --reason "..."')
        for file in accept_baselines(watch, reason=reason, replicates=values, console=console):
            console.print(f"wrote {shown(file, session.root)}", highlight=False)
        return
    start = first_fresh(session.root) if first is None else first
    checked = check_variance(watch, replicates=replicates, first=start, console=console)
    found, heading = checked.findings, checked.heading
    show_findings(found, checked.alarm, console)
    folder = out or session.root / "reports" / "scratch" / "variance"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "junit.xml").write_text(findings_junit(found))
    summary = findings_markdown(found, heading)
    (folder / "summary.md").write_text(summary)
    if step_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(step_summary).open("a") as appended:
            appended.write(summary)
    red = failed(found)
    console.print(f"{heading[-1]} {len(red)} red of {len(found)} findings, in {shown(folder, session.root)}")
    if red:
        raise typer.Exit(1)
