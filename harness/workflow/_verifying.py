"""Running, judging and reporting again, and comparing with what is recorded."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ResultsError
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
from harness.workflow._beside import Beside, Looked
from harness.workflow._chain import chain_cut
from harness.workflow._judging import Judged, Turned, judge, recorded, turned, write_junit
from harness.workflow._reporting import report, write_pages
from harness.workflow._running import Ran, run_within
from harness.workflow._session import Session

if TYPE_CHECKING:
    from harness.compute import Progress

OtherBytes = tuple[tuple[str, ...], tuple[str, ...]]  # names of files, and claims that are left out of it
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
    with Beside(session) as beside:
        with session.executor_ahead() as ahead:
            committed = _committed(session, beside)
            ran = run_within(
                session,
                limit,
                progress,
                ahead,
                following=beside.following,
                before_writing=lambda: committed and committed.looked.found,
            )
        if ran.left is not None:
            if committed is not None:
                committed.looked.raise_found()
            return Verified(ran, recorded=None if committed is None else committed.verdicts)
        judged = judge(session)
        figure = beside.figures(judged.verdicts)
        verified = Verified(ran, judged, cut=chain_cut(session.registry.path))
        if committed is not None:
            verified = _compared(verified, session, judged, committed)
        verified = replace(verified, report=write_pages(session, figure))
    if verified.unexplained:
        write_junit(session, judged, verified.unexplained)
    return verified


@dataclass(frozen=True)
class _Committed:
    """What the committed report says, read before a whole run writes over it, and what its rows give now."""

    looked: Looked[OtherBytes]
    verdicts: Judged
    rows: Results
    earlier: Sequence[Results]
    not_as_locked: Mapping[str, str]
    without_rows: tuple[str, ...]


def _committed(session: Session, beside: Beside) -> _Committed | None:
    """Return what the committed report says, if there is one, and begin to look at it.

    Raises ResultsError for verdicts without rows.
    """
    folder = session.committed
    if not (folder / "results.parquet").is_file():
        if (folder / "verdicts.json").is_file():
            raise ResultsError(
                f"{folder} has verdicts and lacks their rows, results.parquet: nothing could be compared. "
                "Next: git checkout it"
            )
        return None
    rows, verdicts = read_results(folder / "results.parquet"), recorded(session, required=True)
    assert verdicts is not None
    locked = (claim.id for claim in session.claims if session.registry.in_force(claim.id, session.scale) is not None)
    return _Committed(
        looked=beside.look(other_bytes),
        verdicts=verdicts,
        rows=rows,
        earlier=read_earlier(folder),
        not_as_locked=not_as_locked(folder, session.catalogue, session.registry),
        without_rows=tuple(id for id in locked if id not in rows.claims),
    )


def _compared(verified: Verified, session: Session, judged: Judged, committed: _Committed) -> Verified:
    """Return how the rows and verdicts that were just written compare with the committed ones."""
    changed, but = committed.looked.found
    fresh, rounding = read_results(session.out / "results.parquet"), read_spreads(session.committed)
    again = rerun(committed.rows, fresh, session.catalogue, rounding)
    return replace(
        verified,
        recorded=committed.verdicts,
        other_bytes=changed,
        amended=but,
        turned=turned(committed.verdicts, judged),
        not_as_locked=committed.not_as_locked,
        without_rows=committed.without_rows,
        rerun=again,
        losses=losses(committed.rows, fresh, again, session.registry, session.catalogue, rounding, committed.earlier),
    )


def other_bytes(session: Session) -> OtherBytes:
    """Return the files that the committed rows, judged and reported again, would change, and claims left out of that.

    Those were amended: their rows are of what they were. Then files that speak of all claims are compared in what they
    say of the others: their verdicts. A report tells of what is locked and not run, so that a lock alone changes it: it
    is what the rows give with the registry as it is, or as it was before its last rounds, of which there are no rows.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        every = range(_rounds_with_rows(session), len(session.registry.rounds) + 1)
        then = [_with_rounds(session, rounds, Path(folder) / str(rounds)) for rounds in every[:-1]]
        tried = [(each, _amended(each)) for each in (*then, session)]
        fewest = min(len(but) for _, but in tried)
        found: tuple[str, ...] = ()
        for each, but in tried:
            if len(but) == fewest and not (found := _other_bytes(each, but)):
                break
        return found, next(but for _, but in tried if len(but) == fewest)


def _amended(session: Session) -> tuple[str, ...]:
    return tuple(amended(session.committed, session.catalogue, session.registry))


def _rounds_with_rows(session: Session) -> int:
    """Return how many rounds there are up to the last one of which there are committed rows."""
    committed = [read_results(session.committed / "results.parquet"), *read_earlier(session.committed)]
    seeds = {rows.meta.seed(id) for rows in committed for id in rows.claims}
    return 1 + max((each.number for each in session.registry.rounds if each.seed in seeds), default=0)


def _with_rounds(session: Session, rounds: int, folder: Path) -> Session:
    """Return the session with its first rounds alone: their registry lies in `folder`, with the files beside it."""
    registry = session.registry
    folder.mkdir(parents=True)
    for file in registry.path.parent.iterdir():
        if file.is_file() and file.suffix in (".jsonl", ".csv"):
            shutil.copy(file, folder)
    registry.write_until(rounds, folder / registry.path.name)
    return replace(session, catalogue=replace(session.catalogue, locks=folder))


def _other_bytes(session: Session, but: Collection[str]) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        again = replace(session, folder=Path(folder) / "again")
        shutil.copytree(session.committed, again.out, symlinks=True, ignore=shutil.ignore_patterns(*REGENERATED))
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
