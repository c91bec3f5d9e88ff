"""The command ``harness``: what a user says, turned into the modules that do it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from harness.catalogue import PILOT_SEED, SUITE_SEED
from harness.errors import InterruptedRunError, ResultsError, UsageError
from harness.limit import Limit
from harness.session import Session, open_run, open_session, pick_device

if TYPE_CHECKING:
    from harness.plan import Plan

app = typer.Typer(
    help="Claims of pruning and lottery-ticket papers as executable experiments with statistical verdicts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
store_app = typer.Typer(help="What has been computed, on this machine and others.", no_args_is_help=True)
app.add_typer(store_app, name="store")
console = Console(width=None if sys.stdout.isatty() else 160)

Claims = Annotated[
    list[str] | None, typer.Argument(metavar="[CLAIM]...", help="Ids of claims or papers; all by default.")
]
ScaleName = Annotated[str, typer.Option("--scale", help="micro, standard or paper.")]
Root = Annotated[Path, typer.Option("--root", help="The folder that holds claims/, reports/ and docs/.")]
StorePath = Annotated[Path | None, typer.Option("--store", help="Where computed records are. Default: .harness/store")]
Out = Annotated[Path | None, typer.Option("--out", help="The report's folder.")]
Replicates = Annotated[int | None, typer.Option("--replicates", min=1, help="Another number than the locked one.")]
Quick = Annotated[bool, typer.Option("--quick", help="2 replicates of a few steps: machinery only.")]
Variant = Annotated[
    str, typer.Option("--variant", help="Other settings: half-rate, double-rate or bfloat16. Never replaces a verdict.")
]
Device = Annotated[str, typer.Option("--device", help="auto (CUDA if present), cpu, or cuda.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Worker processes on a CPU; one a core by default.")
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where data sets are looked for first, then HARNESS_DATA and a cache.")
]
Download = Annotated[bool, typer.Option("--download", help="Download data sets that are needed and not found.")]

TimeLimit = Annotated[
    str | None,
    typer.Option("--time-limit", metavar="DURATION", help="End within this time, as 90s, 9m or 1h30m; go on later."),
]

REGENERATED = ("verdicts.json", "junit.xml", "report.md", "figures")  # from the rows beside them


@app.command("list")
def list_claims(scale: ScaleName = "micro", root: Root = Path()) -> None:
    """List the claims with their predicted and recorded verdicts."""
    from harness import verdicts

    session = open_session(None, scale, root)
    recorded: dict[str, Any] = {}
    if (session.committed / "verdicts.json").is_file():
        recorded = verdicts.load(session.committed / "verdicts.json")["claims"]
    table = Table("claim", "statement", "predicted", "recorded", title=f"claims at scale {session.scale}")
    for claim in session.claims:
        verdict = recorded.get(claim.id)
        text = verdicts.in_words(verdict, session.scale) if verdict else "–"
        table.add_row(claim.id, claim.statement, claim.predicted[session.scale], text)
    console.print(table)


@app.command()
def plan(
    claims: Claims = None,
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    variant: Variant = "",
    data_dir: DataDir = None,
    download: Download = False,
    store: StorePath = None,
    root: Root = Path(),
) -> None:
    """Show what would be computed, what is stored or shared, the cost, and whether the replicates can decide."""
    from harness import planning

    session = open_session(claims, scale, root, store=store, quick=quick, replicates=replicates)
    session = replace(session, variant=variant)
    made = planning.make(session)
    planning.show(made, session, console)
    _require_data(made, data_dir, download)


@app.command()
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


def _require_data(made: Plan, data_dir: Path | None, download: bool) -> None:
    """Find the data sets of what is due, before anything is computed. Raises DataError where one is missing."""
    from harness import data

    data.look_in(data_dir)
    data.require({unit.node.task.source for unit in made.due()}, download=download)


def _run(session: Session, workers: int | None, limit: Limit, data_dir: Path | None, download: bool) -> bool:
    """Compute what is due and write results.parquet; False, and nothing written, where the limit left something."""
    from harness import planning, results, versions

    made = planning.make(session)
    _require_data(made, data_dir, download)
    if not _compute(made, session, workers, limit):
        return False
    collected = results.collect(
        made, scale=session.scale, suite_seed=SUITE_SEED, quick=session.quick, variant=session.variant
    )
    results.write(versions.carry_over(collected, session.committed), session.out / "results.parquet")
    return True


def _compute(made: Plan, session: Session, workers: int | None, limit: Limit) -> bool:
    """Compute what is due within the limit; says what it did and what is left, and returns whether nothing is."""
    from harness import planning
    from harness.executor import Local
    from harness.run import provenance
    from harness.run import run as compute

    due = made.due()
    if not due:
        console.print(f"all {len(made.units)} trainings and evaluations are stored")
        return True
    with made.store.writing() as writer, Local(device=session.device, workers=workers) as executor:
        for name, reason in writer.set_aside.items():
            console.print(f"[yellow]record {name} was set aside: {reason}[/yellow]")
        console.print(
            f"{len(due)} of {len(made.units)} trainings and evaluations are due, "
            f"about {planning.seconds(made, executor.places):.0f} s on {executor.places} workers ({session.device})"
        )
        try:
            summary = compute(
                made,
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
        planning.show_left(made, executor.places, console)
        console.print(f"to be continued. Next: {_this_command()}", highlight=False, soft_wrap=True)
    return not summary.left


def _this_command() -> str:
    return shlex.join(["harness", *sys.argv[1:]])


@app.command()
def judge(scale: ScaleName = "micro", out: Out = None, root: Root = Path()) -> None:
    """Judge the rows of results.parquet: writes verdicts.json and junit.xml. Needs no torch and no GPU."""
    session = open_session(None, scale, root, out=out)
    _print_verdicts(_judge(session))
    _ended(session, "verdicts.json")


def _judge(session: Session, turned: Sequence[str] = ()) -> dict[str, Any]:
    from harness import judge as judging
    from harness import results, verdicts
    from harness.lock import Registry

    registry = Registry(session.root / "claims" / "registry.lock")
    judged = judging.judge(results.read(session.out / "results.parquet"), registry)
    (session.out / "verdicts.json").write_text(verdicts.dump(judged))
    (session.out / "junit.xml").write_text(verdicts.junit(judged, turned))
    return judged


@app.command()
def report(scale: ScaleName = "micro", out: Out = None, root: Root = Path()) -> None:
    """Write report.md and the figures from results.parquet and verdicts.json. Needs no torch."""
    session = open_session(None, scale, root, out=out)
    _report(session)
    _ended(session, "report.md")


def _report(session: Session) -> None:
    """Write the session's report; where it is the committed one, those of other scales, which quote it, follow."""
    from harness import versions
    from harness.catalogue import Scale

    _write_report(session)
    if session.out.resolve() == session.committed:
        for scale in Scale:
            other = replace(session, scale=scale, out=session.root / "reports" / scale)
            if scale != session.scale and versions.unchanged(other.out):
                _write_report(other, drawn=False)


def _write_report(session: Session, *, drawn: bool = True) -> None:
    from harness import pilot, results, scales, verdicts
    from harness import report as reporting
    from harness.lock import Registry
    from harness.robustness import read_variants

    reporting.write(
        results.read(session.out / "results.parquet"),
        verdicts.load(session.out / "verdicts.json"),
        Registry(session.root / "claims" / "registry.lock"),
        pilot.read(session.pilots),
        session.out,
        read_variants(session.out),
        scales.committed(session.root / "reports", but=session.scale),
        drawn=drawn,
    )


@app.command()
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
    from harness import verdicts, versions

    limit = Limit.starting_now(time_limit)
    session = open_run(claims, scale, root, store=store, out=out, quick=quick, replicates=replicates, device=device)
    recorded: dict[str, Any] = {"claims": {}}
    changed: list[str] = []
    if (session.committed / "results.parquet").is_file():
        changed = [] if versions.amended(session.committed) else _other_bytes(session)
        recorded = verdicts.load(session.committed / "verdicts.json")
    if not _run(session, workers, limit, data_dir, download):
        return
    judged = _judge(session)
    turned = verdicts.turned(recorded, judged)
    if turned:
        (session.out / "junit.xml").write_text(verdicts.junit(judged, turned))
    _report(session)
    _print_verdicts(judged, recorded)
    _ended(session, "report.md")
    for name in changed:
        console.print(
            f"[red]the committed rows give other bytes for {name}. Next: harness judge, harness report, git diff[/red]"
        )
    for id in turned:
        was, now = recorded["claims"][id]["outcome"], judged["claims"][id]["outcome"]
        console.print(f"[red]{id} turned: recorded {was}, now {now}[/red]")
    if changed or turned:
        raise typer.Exit(1)


def _other_bytes(session: Session) -> list[str]:
    """Return the files that the committed rows, judged and reported again, would change."""
    with tempfile.TemporaryDirectory() as folder:
        again = replace(session, out=Path(folder) / "again")
        shutil.copytree(session.committed, again.out, ignore=shutil.ignore_patterns(*REGENERATED))
        _judge(again)
        _report(again)
        made = {path.relative_to(again.out) for path in again.out.rglob("*") if path.is_file()}
        there = {path.relative_to(session.committed) for path in session.committed.rglob("*") if path.is_file()}
        return [
            str(name)
            for name in sorted(made | there)
            if name not in made
            or name not in there
            or (again.out / name).read_bytes() != (session.committed / name).read_bytes()
        ]


@app.command()
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
    from harness import pilot as piloting
    from harness import planning, results
    from harness.run import git_revision
    from harness.store import now

    limit = Limit.starting_now(time_limit)
    session = open_session(claims, scale, root, store=store, device=pick_device(device))
    made = planning.make_pilot(session, replicates, grid=grid)
    _require_data(made, data_dir, download)
    if not _compute(made, session, workers, limit):
        return
    collected = results.collect(made, scale=session.scale, suite_seed=PILOT_SEED, quick=False)
    table = Table("claim", "what", "n", "mean", "sd", title="pilots, in percent and percentage points")
    for request in made.requests:
        lines = piloting.summarise(request, collected, scale=session.scale, date=now(), git=git_revision(session.root))
        piloting.append(session.pilots, lines)
        for line in lines:
            table.add_row(line.claim, line.what, str(line.n), f"{line.mean:.2f}", f"{line.sd:.2f}")
    console.print(table)
    console.print(f"logged to {_shown(session.pilots, session.root)}. Next: harness plan, then harness lock CLAIM")


@app.command()
def lock(
    claims: Annotated[list[str], typer.Argument(help="Ids of claims or papers.")],
    scale: ScaleName = "micro",
    root: Root = Path(),
) -> None:
    """Lock claims before their confirmatory run: append them to claims/registry.lock."""
    from harness import pilot as piloting
    from harness.check import check
    from harness.lock import Registry
    from harness.store import now

    session = open_session(claims, scale, root)
    registry = Registry(session.root / "claims" / "registry.lock")
    pilots = piloting.read(session.pilots)
    for claim in session.claims:
        check(claim, session.scale)
        runs = len(piloting.runs(piloting.of(pilots, claim.id, session.scale)))
        entry = registry.lock(claim, session.scale, pilots=runs, when=now())
        console.print(
            f"locked {entry.claim} version {entry.version} at {entry.scale}: {entry.replicates} replicates from "
            f"{entry.first_replicate}, predicted {entry.predicted}"
        )


@app.command("variance")
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
    from harness import data, findings, watching
    from harness.catalogue import Scale, watched
    from harness.plan import lineage

    session = open_session(None, scale, root, device=pick_device(device))
    nodes = watched(recipes or [], Scale(session.scale))
    data.look_in(data_dir)
    data.require({node.task.source for node in lineage(nodes.values())}, download=download)
    watch = watching.Watch(nodes=nodes, scale=session.scale, root=session.root, device=session.device, workers=workers)
    if accept:
        if not reason.strip():
            raise UsageError('a baseline is accepted for a reason. Next: harness variance --accept --reason "..."')
        for file in watching.accept(watch, reason=reason, replicates=values, console=console):
            console.print(f"wrote {_shown(file, session.root)}", highlight=False)
        return
    start = watching.first_fresh(session.root) if first is None else first
    checked = watching.check(watch, replicates=replicates, first=start, console=console)
    found, heading = checked.findings, checked.heading
    findings.show(found, checked.alarm, console)
    folder = out or session.root / "reports" / "scratch" / "variance"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "junit.xml").write_text(findings.junit(found))
    summary = findings.markdown(found, heading)
    (folder / "summary.md").write_text(summary)
    if step_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(step_summary).open("a") as appended:
            appended.write(summary)
    red = findings.failed(found)
    console.print(f"{heading[-1]} {len(red)} red of {len(found)} findings, in {_shown(folder, session.root)}")
    if red:
        raise typer.Exit(1)


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A report's folder, its results.parquet, or a baseline.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="What it is compared with.")],
    scale: ScaleName = "micro",
    root: Root = Path(),
) -> None:
    """Compare two reports or two baselines: effects, intervals, verdicts, versions. Needs no torch.

    For a torch upgrade, CPU against GPU, or a variant. Exit status 1 where a verdict is another one.
    """
    from harness import diff as comparing
    from harness.lock import Registry

    session = open_session(None, scale, root)
    compared = comparing.diff(a, b, registry=Registry(session.root / "claims" / "registry.lock"))
    sys.stdout.write(comparing.markdown(compared))
    if compared.changed:
        raise typer.Exit(1)


@app.command()
def why(
    claim: Annotated[str, typer.Argument(help="Id of a claim.")],
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    store: StorePath = None,
    root: Root = Path(),
) -> None:
    """Say which field or digest makes a claim's trainings run again."""
    from harness import planning

    session = open_session([claim], scale, root, store=store, quick=quick, replicates=replicates)
    planning.explain(planning.make(session), session, console)


@store_app.command("merge")
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
    from harness import merge

    conflicts = 0
    for source in [b] if into is None else [a, b]:
        merged = merge.merge(source, into or a)
        for line in merge.told(merged):
            console.print(line, highlight=False, soft_wrap=True)
        conflicts += len(merged.conflicts)
    if conflicts:
        raise typer.Exit(1)


@app.command()
def doctor(data_dir: DataDir = None, store: StorePath = None, root: Root = Path()) -> None:
    """Print versions, device, threads, data found, and the health of the store."""
    from harness import data
    from harness import doctor as examining

    data.look_in(data_dir)
    root = root.resolve()
    kept = store or Path(os.environ.get("HARNESS_STORE", root / ".harness" / "store"))
    if not examining.examine(root, kept, console):
        raise ResultsError("something above wants attention")


def _print_verdicts(verdicts: dict[str, Any], recorded: dict[str, Any] | None = None) -> None:
    from harness.notation import p_value
    from harness.verdicts import in_words

    table = Table("claim", "verdict", "effect (95 % interval)", "recorded", "p", "n", "predicted")
    for id, verdict in verdicts["claims"].items():
        before = (recorded or {"claims": {}})["claims"].get(id)
        table.add_row(
            id,
            in_words(verdict, verdicts["scale"]) + (f"\n{verdict['cause']}" if verdict["cause"] else ""),
            _effect(verdict),
            _effect(before) if before else "–",
            p_value(verdict["p_rep"]),
            str(verdict["n"]),
            verdict["predicted"],
        )
    console.print(table)


def _effect(verdict: dict[str, Any]) -> str:
    from harness.notation import interval
    from harness.summary import deciding

    part = deciding(verdict)
    return interval(part) if part else "–"


def _ended(session: Session, name: str) -> None:
    console.print(f"wrote {_shown(session.out / name, session.root)}", highlight=False)


def _shown(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
