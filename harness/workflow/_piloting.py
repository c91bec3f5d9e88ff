"""Looking at a design on pilot seeds, before it is locked; every look is logged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.design import Design, Pilot, Scale, append_pilots, pilot_grid
from harness.expression import Measured
from harness.population import Program
from harness.streams import PILOT_SEED, Replicate
from harness.verdict import Results
from harness.workflow._collecting import collect
from harness.workflow._planning import Planned, Request
from harness.workflow._running import Ran, compute
from harness.workflow._session import Session, check_claims

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.compute import Progress


@dataclass(frozen=True)
class Piloted:
    """What a pilot computed, and the lines it added to its log: none where a time limit left something."""

    ran: Ran
    lines: tuple[Pilot, ...]
    log: Path


def pilot(
    session: Session,
    *,
    replicates: int = 5,
    grid: bool = False,
    time_limit: str | None = None,
    progress: Progress | None = None,
) -> Piloted:
    """Run the session's claims on pilot seeds and log every arm and difference to docs/pilots.csv.

    Args:
        session: What `open_session` returned; its own number of replicates does not count here.
        replicates: Pilot replicates.
        grid: Measure the claims' declared grids instead of their arms.
        time_limit: End within this time, as ``90s``, ``9m`` or ``1h30m``; nothing is logged then.
        progress: What is called as populations begin, advance and end; nothing is shown by default.

    Returns:
        What was computed, and the lines of the log: means and standard deviations, in percent and percentage points.

    Raises:
        UsageError: For what is no duration.
        DesignError: For a design that cannot decide or compares unlike arms.
        DataError, StoreError, RunError, InterruptedRunError: As `run` does.

    Example:
        >>> pilot(open_session("example2026")).lines[-1].what  # doctest: +SKIP
        'magnitude beats random'
    """
    from harness.compute import Limit, git_revision
    from harness.store import now

    limit, git = Limit.starting_now(time_limit), git_revision(session.root)  # before the log itself is changed
    with session.executor_ahead() as ahead:
        made = make_pilot_plan(session, replicates, grid=grid)
        ran = compute(made, session, limit, progress, ahead)
    lines: list[Pilot] = []
    if ran.left is None:
        collected = collect(made, scale=session.scale, suite_seed=PILOT_SEED, quick=False)
        for request in made.requests:
            told = summarise_pilot(request, collected, scale=session.scale, date=now(), git=git)
            append_pilots(session.pilots, told)
            lines += told
    return Piloted(ran, tuple(lines), session.pilots)


def make_pilot_plan(session: Session, replicates: int, *, grid: bool) -> Planned:
    """Return the plan of a pilot: the same designs, or their declared grids, on pilot seeds."""
    from harness.store import Store

    block = tuple(Replicate(PILOT_SEED, i) for i in range(replicates))
    requests = []
    for claim in session.claims:
        check_claims(session, [claim])
        design: Design | None = claim.design(session.scale)
        if claim.design(session.scale).exact:
            continue  # nothing is measured, so there is nothing to look at ahead
        if grid:
            design = pilot_grid(claim, session.scale)
        if design is not None:
            requests.append(Request(claim, design, block))
    return Planned.of(requests, Store(session.store), session.device)


def summarise_pilot(request: Request, results: Results, *, scale: Scale, date: str, git: str) -> list[Pilot]:
    """Return the log lines of one claim: every arm at every density, and every part's paired difference."""
    claim, design = request.claim, request.design
    lines = []

    def line(what: str, task: str, recipe: str, values: NDArray[np.float64], key: str) -> None:
        sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        lines.append(
            Pilot(
                date, git, scale, claim.id, claim.version, task, recipe, what, len(values),
                round(float(values.mean()), 3), round(sd, 3), key,
            )
        )  # fmt: skip

    for arm, points in design.points.items():
        table = results.values(claim.id, arm, metric=design.metric_of(arm))
        if table.empty:
            continue  # an arm that no part reads, of which the first part's metric is not known
        for density, nodes in points.items():
            node = nodes[0]
            values = table[float(density)].to_numpy()
            line(f"{arm} at {design.axis.at(density, digits=4)}", node.task.name, _how(node), values, node.key)
    for part in design.compared():
        line(part.name, part.task, "", results.differences(claim.id, part), "")
    return lines


def _how(node: Measured) -> str:
    return Program.of(node).label.partition(": ")[2]
