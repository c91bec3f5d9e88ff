"""How far rounding moves the committed rows: a jolted pass over their first replicates, kept beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.design import design_of, only_read
from harness.errors import UsageError
from harness.streams import SUITE_SEED, Replicate
from harness.verdict import JOLTED, Results, Spread, read_results, spreads, write_spreads
from harness.workflow._collecting import collect
from harness.workflow._planning import Planned, Request
from harness.workflow._running import Ran, compute
from harness.workflow._session import Session

if TYPE_CHECKING:
    from harness.compute import Progress

JOLT = "jolt"  # the variant that moves every weight by one unit in the last place


@dataclass(frozen=True)
class Rounded:
    """What a jolted pass computed, and the spreads that it gave: none where a time limit left something."""

    ran: Ran
    spreads: tuple[Spread, ...] = ()
    file: Path | None = None


def measure_rounding(session: Session, *, time_limit: str | None = None, progress: Progress | None = None) -> Rounded:
    """Train the first replicates with every weight moved by one unit in the last place, and keep what that moves.

    What another machine's rounding does to a comparison is about what that does: its sd over replicates goes to
    ``rounding.csv`` beside the committed rows, where `verify` reads it. What is moved are trainings made here: those in
    the store, or made now. Jolted ones have keys of their own there, and replace none.

    Args:
        session: What `open_session` returned; the rows of its claims are committed. Those of other designs, and exact
            claims, are passed over.
        time_limit: End within this time, as ``90s``, ``9m`` or ``1h30m``; nothing is written then but to the store.
        progress: What is called as populations begin, advance and end; nothing is shown by default.

    Returns:
        What was computed, the spreads of every comparison and of the arms that it reads, and the file.

    Raises:
        UsageError: Where no claim of the session has committed rows.
        ResultsError: Where committed rows are missing or cannot be read.
        DesignError, DataError, StoreError, RunError, InterruptedRunError: As `run` does.

    Example:
        >>> measure_rounding(open_session("frankle2019")).file.name  # doctest: +SKIP
        'rounding.csv'
    """
    from harness.compute import Limit
    from harness.store import Store

    limit = Limit.starting_now(time_limit)
    folder = session.folder or session.committed
    committed = read_results(folder / "results.parquet")
    sides = []
    for variant in ("", JOLT):
        requests = _requests(session, committed, variant)
        if not requests:
            raise UsageError(f"no rows of these claims, as they are now, are in {folder}. Next: harness verify")
        made = Planned.of(requests, Store(session.store), session.device)
        ran = compute(made, session, limit, progress)
        if ran.left is not None:
            return Rounded(ran)
        sides.append(collect(made, scale=session.scale, suite_seed=SUITE_SEED, quick=False, variant=variant))
    plain, jolted = sides
    found = spreads(plain, jolted, session.catalogue)
    return Rounded(ran, tuple(found), write_spreads(found, folder))


def _requests(session: Session, committed: Results, variant: str) -> list[Request]:
    """What deciding parts read of each claim that has rows, as a variant, on the first replicates of these rows."""
    requests = []
    for claim in session.claims:
        known, entry = committed.claims.get(claim.id), session.registry.find(claim, session.scale)
        if known is None or len(known.replicates) < 2:
            continue
        if known.digest not in (claim.digest(session.scale), entry.digest if entry is not None else ""):
            continue
        seed = committed.meta.seed(claim.id)
        block = tuple(Replicate(seed, index) for index in known.replicates[:JOLTED])
        design = only_read(claim.design(session.scale)) if not variant else design_of(claim, session.scale, variant)
        requests.append(Request(claim, design, block, known.digest))
    return requests
