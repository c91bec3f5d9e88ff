"""Computing what is due, within a time limit, and collecting the results once everything is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import InterruptedRunError, UsageError
from harness.population import Program
from harness.workflow._beside import rows_stored
from harness.workflow._planning import Planned, make_plan, plan_seconds, told_of_code, told_of_guesses
from harness.workflow._session import Session, require_data

if TYPE_CHECKING:
    from harness.compute import Executor, Limit, Progress, Summary


@dataclass(frozen=True)
class ClaimLeft:
    """How many of a claim's trainings and evaluations are left."""

    claim: str
    left: int
    of: int


@dataclass(frozen=True)
class Left:
    """What a time limit left to be done: by claim and in all, and about how long it takes on `workers`.

    Where nothing was `begun`, another run within the same limit would get no further.
    """

    claims: tuple[ClaimLeft, ...]
    left: int
    of: int
    seconds: float
    longest_s: float
    workers: int
    begun: bool


@dataclass(frozen=True)
class Ran:
    """What a run computed, what it left, and where its results are: None where something is left."""

    trainings: int = 0
    populations: int = 0
    member_steps: int = 0
    wall_s: float = 0.0
    left: Left | None = None
    results: Path | None = None


def run(session: Session, *, time_limit: str | None = None, progress: Progress | None = None) -> Ran:
    """Compute what is due, store it, and write results.parquet once everything is there.

    What is stored is not computed again; the same call goes on where one ended. Results under ``elsewhere/`` of a
    committed report are a re-run of its replicates, which its page shows beside its own rows.

    Args:
        session: What `open_session` returned.
        time_limit: End within this time, as ``90s``, ``9m`` or ``1h30m``; nothing is written then but to the store.
        progress: What is called as populations begin, advance and end; nothing is shown by default.

    Returns:
        What was computed and what is left.

    Raises:
        UsageError: For what is no duration, or for a re-run of other claims, replicates or settings than the report's.
        DesignError: For a design that cannot decide or compares unlike arms.
        LockError: For a claim that changed since it was locked.
        DataError: For a data set that is missing, or is not what the store's records were computed from, before
            anything is computed.
        StoreError: For a store that cannot be written or that another process writes to.
        RunError: For a population that failed; what was stored before stays stored.
        InterruptedRunError: On Ctrl-C, after populations under way have written checkpoints.

    Example:
        >>> run(open_session("ramanujan2020", quick=True)).results.name  # doctest: +SKIP
        'results.parquet'
    """
    from harness.compute import Limit

    limit = Limit.starting_now(time_limit)
    with session.executor_ahead() as ahead:
        return run_within(session, limit, progress, ahead)


def run_within(
    session: Session,
    limit: Limit,
    progress: Progress | None,
    ahead: Executor | None,
    *,
    following: Callable[[Planned, Progress], Progress] = lambda made, progress: progress,
    before_writing: Callable[[], object] = lambda: None,
) -> Ran:
    """Do what `run` does, within a limit that has begun, by an executor that was started ahead, if one was.

    `following` gives what is told of progress, by the plan; `before_writing` is called before rows are written over.
    """
    from harness.compute import SILENT
    from harness.verdict import earlier_rows, with_printed, write_earlier, write_results

    _require_whole(session)
    _require_rerun(session)
    made = make_plan(session)
    progress = progress or SILENT
    ran = compute(made, session, limit, following(made, progress), ahead)
    if ran.left is not None:
        return ran
    collected = rows_stored(made, session)
    mine = {claim.id for claim in session.claims}
    if others := [id for id in collected.claims if id not in mine]:
        progress.note(f"stored, and of the same families, so that they count in Holm's correction: {', '.join(others)}")
    path = session.out / "results.parquet"
    whole = session.out.resolve() == session.committed  # the committed rows are written over
    before_writing()
    before = earlier_rows(collected, session.committed, session.registry, whole=whole)
    write_results(with_printed(collected, session.committed, session.registry, whole=whole), path)
    write_earlier(before, session.out)
    return replace(ran, results=path)


def _require_whole(session: Session) -> None:
    """Raise UsageError where a run would replace the committed report by one of less, or of other settings."""
    from harness.verdict import read_results

    file = session.committed / "results.parquet"
    if session.out.resolve() != session.committed or not file.is_file():
        return
    mine = {claim.id for claim in session.claims}
    lost = [id for id in read_results(file).claims if id in session.catalogue.claims and id not in mine]
    lost = [id for id in lost if session.scale in session.catalogue.claims[id].predicted]
    other = session.quick or session.variant or session.replicates is not None
    if lost or other:
        told = f"without {', '.join(lost)}" if lost else "at other settings"
        raise UsageError(
            f"{session.out} is the committed report, and this run is {told}. Next: another --out; or name no claims, "
            "and leave out --quick, --variant and --replicates"
        )


def _require_rerun(session: Session) -> None:
    """Raise UsageError where results are to lie among a report's re-runs and would be of something else."""
    from harness.verdict import read_results

    if not session.is_rerun:
        return
    if session.quick or session.variant or session.replicates is not None:
        raise UsageError(
            f"{session.out} is for re-runs of the locked replicates, at their own settings. "
            "Next: leave out --quick, --variant and --replicates, or give another --out"
        )
    known = read_results(session.committed / "results.parquet").claims
    if new := [claim.id for claim in session.claims if claim.id not in known]:
        raise UsageError(
            f"{session.out} is for re-runs of what the report of scale {session.scale} has rows of, and it has none of "
            f"{', '.join(new)}. Next: name the claims to be run, or give another --out"
        )


def compute(
    made: Planned, session: Session, limit: Limit, progress: Progress | None, ahead: Executor | None = None
) -> Ran:
    """Compute what is due within the limit; its data sets are found first."""
    from harness.compute import SILENT, provenance, run_plan

    progress = progress or SILENT
    plan = made.plan
    due = plan.due()
    if told := told_of_code(plan.by_other_code(), plan.by_other_own_code()):
        progress.note(told, warning=True)
    require_data(session, {unit.node.task.source for unit in due})
    if not due:
        progress.note(f"all {len(plan.units)} trainings and evaluations are stored")
        return Ran()
    with plan.store.writing() as writer, session.start_executor() if ahead is None else nullcontext(ahead) as executor:
        for name, reason in writer.set_aside.items():
            progress.note(f"record {name} was set aside: {reason}", warning=True)
        progress.note(
            f"{len(due)} of {len(plan.units)} trainings and evaluations are due, "
            f"about {plan_seconds(plan, executor.places):.0f} s on {executor.places} workers ({session.device})"
            f"{told_of_guesses(plan.guessed(due))}"
        )
        try:
            summary = run_plan(
                plan,
                writer,
                executor,
                provenance=provenance(session.root, session.device),
                progress=progress,
                limit=limit,
            )
        except InterruptedRunError as stop:
            raise InterruptedRunError(f"{stop}. Next: the same command again goes on from there") from None
    progress.note(
        f"{summary.trainings} computed in {summary.populations} populations, "
        f"{summary.member_steps:,} member-steps, {summary.wall_s:.0f} s" + _told_of_places(summary, executor.places)
    )
    left = _left(made, executor.places, begun=summary.begun > 0) if summary.left else None
    return Ran(summary.trainings, summary.populations, summary.member_steps, summary.wall_s, left)


def _told_of_places(summary: Summary, places: int) -> str:
    """Say for what share of the time several places had nothing to compute, and why; of one there is nothing to say."""
    if places < 2:
        return ""
    return (
        f"; until the last one began the {places} places waited for parents {summary.waited:.0%} of the time and were "
        f"idle {summary.idle:.0%}"
    )


def _left(made: Planned, workers: int, *, begun: bool) -> Left:
    plan = made.plan
    due = plan.due()
    names, units_of = {unit.name for unit in due}, made.units_of()
    claims = []
    for request in made.requests:
        mine = units_of.get(request.claim.id, [])
        if left := sum(unit.name in names for unit in mine):
            claims.append(ClaimLeft(request.claim.id, left, len(mine)))
    longest_s = max((plan.seconds(Program.of(node), 1) for node in {unit.node for unit in due}), default=0.0)
    return Left(tuple(claims), len(due), len(plan.units), plan_seconds(plan, workers), longest_s, workers, begun)
