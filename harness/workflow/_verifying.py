"""Running, judging and reporting again, and comparing with what is recorded."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.design import Claim
from harness.verdict import (
    Losses,
    Rerun,
    Results,
    amended,
    losses,
    not_as_locked,
    read_earlier,
    read_results,
    read_spreads,
    read_verdicts,
    rerun,
)
from harness.workflow._chain import chain_cut
from harness.workflow._judging import Judged, Turned, judge, recorded, turned, write_junit
from harness.workflow._reporting import report
from harness.workflow._running import Ran, run_within
from harness.workflow._session import Session

if TYPE_CHECKING:
    from harness.compute import Progress

REGENERATED = ("verdicts.json", "junit.xml", "report.md", "figures")  # from the rows beside them


@dataclass(frozen=True)
class Verified:
    """What was computed, the verdicts now and as recorded, and in what they differ.

    `turned` are claims that went from reproduced to refuted or back, `other_bytes` files that the committed rows no
    longer give, `amended` claims of which that was not asked. `not_as_locked` says by claim why committed rows are of
    no lock, `without_rows` are claims that are locked and have none there, and `cut` names the commit at which the
    registry's history is broken. `rerun` is how the rows compare with committed ones on the same replicates, and
    `losses` the verdicts that these rows do not give again. Where a time limit left something, there is neither
    judgement nor report.
    """

    ran: Ran
    judged: Judged | None = None
    recorded: Judged | None = None
    turned: tuple[Turned, ...] = ()
    other_bytes: tuple[str, ...] = ()
    amended: tuple[str, ...] = ()
    not_as_locked: Mapping[str, str] = field(default_factory=dict)
    without_rows: tuple[str, ...] = ()
    cut: str = ""
    report: Path | None = None
    rerun: Rerun | None = None
    losses: Losses = field(default_factory=Losses)

    @property
    def unexplained(self) -> tuple[Turned, ...]:
        """The claims that turned, but for those of which rounding may do that on another machine."""
        rounded = {each.claim for each in self.losses.lost if each.turned and not each.unexplained}
        return tuple(each for each in self.turned if each.claim not in rounded)

    @property
    def as_recorded(self) -> bool:
        """Whether the committed rows give the committed report, and training those rows and verdicts, but for rounding.

        One or two verdicts may be lost on another machine; see `Losses`.
        """
        rows = self.rerun is None or self.rerun.as_committed
        wrong = self.unexplained or self.other_bytes or self.not_as_locked or self.cut
        return rows and self.losses.explained and not wrong


def verify(session: Session, *, time_limit: str | None = None, progress: Progress | None = None) -> Verified:
    """Run, judge and report, and compare with the recorded verdicts.

    Args:
        session: What `open_session` returned.
        time_limit: End within this time, as ``90s``, ``9m`` or ``1h30m``; nothing is judged then.
        progress: What is called as populations begin, advance and end; nothing is shown by default.

    Returns:
        The verdicts, those recorded, and in what they differ.

    Raises:
        ResultsError: For a committed report that cannot be read.
        UsageError, DesignError, LockError, DataError, StoreError, RunError, InterruptedRunError: As `run` does.

    Example:
        >>> verify(open_session()).as_recorded  # doctest: +SKIP
        True
    """
    from harness.compute import Limit

    limit = Limit.starting_now(time_limit)
    changed: tuple[str, ...] = ()
    but: list[str] = []
    unlike: dict[str, str] = {}
    without: list[str] = []
    before = rows = None
    earlier: list[Results] = []
    if (session.committed / "results.parquet").is_file():
        rows = read_results(session.committed / "results.parquet")  # now: a whole run writes over them
        earlier = read_earlier(session.committed)
        but = amended(session.committed, session.catalogue, session.registry)
        changed = other_bytes(session, but=but)
        unlike = not_as_locked(session.committed, session.catalogue, session.registry)
        without = [claim.id for claim in session.claims if _is_locked(claim, session) and claim.id not in rows.claims]
        before = recorded(session, required=True)
    ran = run_within(session, limit, progress)
    if ran.left is not None:
        return Verified(ran, recorded=before)
    judged = judge(session)
    again, lost = None, Losses()
    if rows is not None:
        fresh, rounding = read_results(session.out / "results.parquet"), read_spreads(session.committed)
        again = rerun(rows, fresh, session.catalogue, rounding)
        lost = losses(rows, fresh, again, session.registry, session.catalogue, rounding, earlier)
    verified = Verified(
        ran=ran,
        judged=judged,
        recorded=before,
        turned=turned(before, judged),
        other_bytes=changed,
        amended=tuple(but),
        not_as_locked=unlike,
        without_rows=tuple(without),
        cut=chain_cut(session.registry.path),
        report=report(session),
        rerun=again,
        losses=lost,
    )
    if verified.unexplained:
        write_junit(session, judged, verified.unexplained)
    return verified


def _is_locked(claim: Claim, session: Session) -> bool:
    return session.registry.in_force(claim.id, session.scale) is not None


def other_bytes(session: Session, but: Collection[str] = ()) -> tuple[str, ...]:
    """Return the files that the committed rows, judged and reported again, would change.

    The claims in `but` are looked at no further: they were amended, and their rows are of what they were. Then files
    that speak of all claims are compared in what they say of the others: their verdicts.
    """
    with tempfile.TemporaryDirectory() as folder:
        again = replace(session, folder=Path(folder) / "again")
        shutil.copytree(session.committed, again.out, ignore=shutil.ignore_patterns(*REGENERATED))
        judged = judge(again)
        if not but:
            report(again)
            names = {
                path.relative_to(at)
                for at in (again.out, session.committed)
                for path in at.rglob("*")
                if path.is_file()
            }
            return tuple(
                str(name) for name in sorted(names) if _bytes(again.out / name) != _bytes(session.committed / name)
            )
        there = read_verdicts(session.committed / "verdicts.json").claims
        now = judged.verdicts.claims
        others = sorted({*there, *now} - set(but))
        return tuple(f"verdicts.json, {id}" for id in others if now.get(id) != there.get(id))


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
