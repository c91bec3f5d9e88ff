"""Fixing a claim before its confirmatory run."""

from __future__ import annotations

from harness.design import Locked, check_design, pilot_runs, pilots_of, read_pilots
from harness.workflow._session import Session


def lock(session: Session, claim: str | None = None) -> Locked:
    """Lock a claim before its confirmatory run: append it to the registry, for good.

    Args:
        session: What `open_session` returned.
        claim: Id of the claim; needed only where the session has several.

    Returns:
        The entry: version, prediction, block of replicates, pilots before it, and when.

    Raises:
        UsageError: Where the session has no such claim.
        DesignError: For a design that cannot decide or compares unlike arms.
        LockError: Where this version is locked already, or does not follow the last one.

    Example:
        >>> lock(open_session("example2026")).replicates  # doctest: +SKIP
        10
    """
    from harness.store import now

    chosen = session.claim(claim)
    check_design(chosen, session.scale)
    runs = len(pilot_runs(pilots_of(read_pilots(session.pilots), chosen.id, session.scale)))
    return session.registry.lock(chosen, session.scale, pilots=runs, when=now())
