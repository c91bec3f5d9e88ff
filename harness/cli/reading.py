"""The commands that train nothing: they look at claims and stored results, judge, report, lock and merge."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from harness.cli.options import (
    Claims,
    DataDir,
    Download,
    Out,
    Quick,
    Replicates,
    Root,
    ScaleName,
    StorePath,
    Variant,
    console,
    ended,
)
from harness.errors import ResultsError
from harness.workflow import Session, open_session

if TYPE_CHECKING:
    from harness.verdict import ClaimVerdict, Verdicts
    from harness.workflow import Planned

REGENERATED = ("verdicts.json", "junit.xml", "report.md", "figures")  # from the rows beside them


def list_claims(scale: ScaleName = "micro", root: Root = Path()) -> None:
    """List the claims with their predicted and recorded verdicts."""
    from harness.verdict import read_verdicts

    session = open_session(None, scale, root)
    file = session.committed / "verdicts.json"
    recorded = read_verdicts(file).claims if file.is_file() else {}
    table = Table("claim", "statement", "predicted", "recorded", title=f"claims at scale {session.scale}")
    for claim in session.claims:
        verdict = recorded.get(claim.id)
        text = verdict.in_words(session.scale) if verdict else "–"
        table.add_row(claim.id, claim.statement, claim.predicted[session.scale], text)
    console.print(table)


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
    from harness.workflow import make_plan, show_plan

    session = open_session(claims, scale, root, store=store, quick=quick, replicates=replicates)
    session = replace(session, variant=variant)
    made = make_plan(session)
    show_plan(made, session, console)
    require_data(made, data_dir, download)


def require_data(made: Planned, data_dir: Path | None, download: bool) -> None:
    """Find the data sets of what is due, before anything is computed. Raises DataError where one is missing."""
    from harness.data import look_in, require_sets

    look_in(data_dir)
    require_sets({unit.node.task.source for unit in made.plan.due()}, download=download)


def judge(scale: ScaleName = "micro", out: Out = None, root: Root = Path()) -> None:
    """Judge the rows of results.parquet: writes verdicts.json and junit.xml. Needs no torch and no GPU."""
    session = open_session(None, scale, root, out=out)
    print_verdicts(judge_rows(session))
    ended(session, "verdicts.json")


def judge_rows(session: Session, turned: Sequence[str] = ()) -> Verdicts:
    """Judge the session's rows and write verdicts.json and junit.xml, where claims that `turned` are failures."""
    from harness.verdict import judge_results, read_results, verdicts_json, verdicts_junit

    judged = judge_results(read_results(session.out / "results.parquet"), session.registry(), session.catalogue)
    (session.out / "verdicts.json").write_text(verdicts_json(judged))
    (session.out / "junit.xml").write_text(verdicts_junit(judged, turned))
    return judged


def report(scale: ScaleName = "micro", out: Out = None, root: Root = Path()) -> None:
    """Write report.md and the figures from results.parquet and verdicts.json. Needs no torch."""
    session = open_session(None, scale, root, out=out)
    write_report(session)
    ended(session, "report.md")


def write_report(session: Session) -> None:
    """Write the session's report; where it is the committed one, those of other scales, which quote it, follow."""
    from harness.design import Scale
    from harness.verdict import unchanged

    _write_one_report(session)
    if session.out.resolve() == session.committed:
        for scale in Scale:
            other = replace(session, scale=scale, out=session.root / "reports" / scale)
            if scale != session.scale and unchanged(other.out, session.catalogue):
                _write_one_report(other, drawn=False)


def _write_one_report(session: Session, *, drawn: bool = True) -> None:
    from harness.design import read_pilots
    from harness.report import committed_verdicts, write_report
    from harness.verdict import read_results, read_variants, read_verdicts

    write_report(
        read_results(session.out / "results.parquet"),
        read_verdicts(session.out / "verdicts.json"),
        session.registry(),
        session.catalogue,
        read_pilots(session.pilots),
        session.out,
        read_variants(session.out),
        committed_verdicts(session.root / "reports", but=session.scale),
        drawn=drawn,
    )


def other_bytes(session: Session) -> list[str]:
    """Return the files that the committed rows, judged and reported again, would change."""
    with tempfile.TemporaryDirectory() as folder:
        again = replace(session, out=Path(folder) / "again")
        shutil.copytree(session.committed, again.out, ignore=shutil.ignore_patterns(*REGENERATED))
        judge_rows(again)
        write_report(again)
        made = {path.relative_to(again.out) for path in again.out.rglob("*") if path.is_file()}
        there = {path.relative_to(session.committed) for path in session.committed.rglob("*") if path.is_file()}
        return [
            str(name)
            for name in sorted(made | there)
            if name not in made
            or name not in there
            or (again.out / name).read_bytes() != (session.committed / name).read_bytes()
        ]


def lock(
    claims: Annotated[list[str], typer.Argument(help="Ids of claims or papers.")],
    scale: ScaleName = "micro",
    root: Root = Path(),
) -> None:
    """Lock claims before their confirmatory run: append them to claims/registry.lock."""
    from harness.design import check_design, pilot_runs, pilots_of, read_pilots
    from harness.store import now

    session = open_session(claims, scale, root)
    registry = session.registry()
    pilots = read_pilots(session.pilots)
    for claim in session.claims:
        check_design(claim, session.scale)
        runs = len(pilot_runs(pilots_of(pilots, claim.id, session.scale)))
        entry = registry.lock(claim, session.scale, pilots=runs, when=now())
        console.print(
            f"locked {entry.claim} version {entry.version} at {entry.scale}: {entry.replicates} replicates from "
            f"{entry.first_replicate}, predicted {entry.predicted}"
        )


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A report's folder, its results.parquet, or a baseline.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="What it is compared with.")],
    scale: ScaleName = "micro",
    root: Root = Path(),
) -> None:
    """Compare two reports or two baselines: effects, intervals, verdicts, versions. Needs no torch.

    For a torch upgrade, CPU against GPU, or a variant. Exit status 1 where a verdict is another one.
    """
    from harness.workflow import compare, comparison_markdown

    session = open_session(None, scale, root)
    compared = compare(a, b, registry=session.registry(), catalogue=session.catalogue)
    sys.stdout.write(comparison_markdown(compared))
    if compared.changed:
        raise typer.Exit(1)


def why(
    claim: Annotated[str, typer.Argument(help="Id of a claim.")],
    scale: ScaleName = "micro",
    replicates: Replicates = None,
    quick: Quick = False,
    store: StorePath = None,
    root: Root = Path(),
) -> None:
    """Say which field or digest makes a claim's trainings run again."""
    from harness.workflow import explain_plan, make_plan

    session = open_session([claim], scale, root, store=store, quick=quick, replicates=replicates)
    explain_plan(make_plan(session), session, console)


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
    from harness.store import merge_into, merge_told

    conflicts = 0
    for source in [b] if into is None else [a, b]:
        merged = merge_into(source, into or a)
        for line in merge_told(merged):
            console.print(line, highlight=False, soft_wrap=True)
        conflicts += len(merged.conflicts)
    if conflicts:
        raise typer.Exit(1)


def doctor(data_dir: DataDir = None, store: StorePath = None, root: Root = Path()) -> None:
    """Print versions, device, threads, data found, and the health of the store."""
    from harness.data import look_in
    from harness.workflow import examine

    look_in(data_dir)
    root = root.resolve()
    kept = store or Path(os.environ.get("HARNESS_STORE", root / ".harness" / "store"))
    if not examine(root, kept, console):
        raise ResultsError("something above wants attention")


def print_verdicts(verdicts: Verdicts, recorded: Verdicts | None = None) -> None:
    """Print the verdicts, a claim a line, beside the recorded effects."""
    from harness.report import p_value

    table = Table("claim", "verdict", "effect (95 % interval)", "recorded", "p", "n", "predicted")
    for id, verdict in verdicts.claims.items():
        before = recorded.claims.get(id) if recorded else None
        table.add_row(
            id,
            verdict.in_words(verdicts.scale) + (f"\n{verdict.cause}" if verdict.cause else ""),
            _effect(verdict),
            _effect(before) if before else "–",
            p_value(verdict.p_rep),
            str(verdict.n),
            verdict.predicted,
        )
    console.print(table)


def _effect(verdict: ClaimVerdict) -> str:
    from harness.report import interval

    return interval(verdict.deciding) if verdict.deciding else "–"
