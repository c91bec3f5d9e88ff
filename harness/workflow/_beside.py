"""Judging and drawing beside computing, in processes of their own, where the machine has cores that compute nothing.

So it is with a GPU. The committed report is looked at from the beginning on; a paper's fresh rows are judged and drawn
as soon as all of them are stored, while others are computed; and what is left in the end is drawn side by side.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from types import TracebackType
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from harness.streams import SUITE_SEED
from harness.verdict import ClaimRows, ClaimVerdict, Results, Verdicts, earlier_rows, read_results, read_verdicts
from harness.workflow._collecting import collect
from harness.workflow._judging import judge_rows
from harness.workflow._planning import Planned, make_plan
from harness.workflow._session import Session

if TYPE_CHECKING:
    from harness.compute import Processes, Progress, UnderWay

P = ParamSpec("P")
T = TypeVar("T")
Figure = Callable[[str], bytes | None]  # a claim's figure as SVG, or None where none was drawn

MOST = 4  # processes: each holds the rows of a report, and figures are drawn in a second by as many


@dataclass(frozen=True)
class Drawn:
    """A claim's figure, and what it was drawn from."""

    rows: ClaimRows
    verdict: ClaimVerdict
    svg: bytes

    def is_of(self, rows: ClaimRows, verdict: ClaimVerdict) -> bool:
        """Whether these rows and this verdict would be drawn so; what a claim cost depends on the others of a run."""
        return self.verdict == verdict and replace(self.rows, cost=rows.cost) == rows


class Looked(Generic[T]):
    """What a function finds that was called with a session elsewhere, or `here` where a process was ended."""

    def __init__(self, future: Future[T], here: Callable[[], T]) -> None:
        self._future, self._here = future, here

    @cached_property
    def found(self) -> T:
        """What it found; waits for it once."""
        try:
            return self._future.result()
        except BrokenProcessPool:
            return self._here()

    def raise_found(self) -> None:
        """Raise what it has died of, if it has by now."""
        if self._future.done() and not isinstance(self._future.exception(), BrokenProcessPool):
            self._future.result()


class Beside:
    """Judges and draws for a session while others compute; a context manager, which waits for nothing in the end.

    What a process does not do, as it was ended where memory is short, is done here.
    """

    def __init__(self, session: Session) -> None:
        from harness.compute import Processes

        idle = idle_cores(session)
        self.session = session
        self._processes: Processes | None = Processes(min(MOST, idle)) if idle > 0 else None
        self._papers: list[Future[dict[str, Drawn]]] = []

    def look(self, look: Callable[[Session], T]) -> Looked[T]:
        """Begin to call a function with the session: in a process, or where there is no core for it in a thread."""
        here = partial(look, self.session)
        if self._processes is not None:
            return Looked(self._begun(_looked, look, pickle.dumps(self.session)), here)
        looked: Future[T] = Future()

        def see() -> None:
            try:
                looked.set_result(here())
            except BaseException as error:  # whoever asks for the result has it
                looked.set_exception(error)

        threading.Thread(target=see, daemon=True).start()
        return Looked(looked, here)

    def following(self, made: Planned, progress: Progress) -> Progress:
        """Return a progress that has each paper of a plan judged and drawn once it is stored, and tells another all."""
        if self._processes is None:
            return progress
        paper_of = {claim.id: claim.paper for claim in self.session.claims}
        due: dict[str, set[str]] = {paper: set() for paper in paper_of.values()}
        for unit in made.plan.due():
            for claim in paper_of.keys() & set(unit.wanted_by):
                due[paper_of[claim]].add(unit.name)
        return _Following(progress, due, self._draw_paper)

    def _draw_paper(self, paper: str) -> None:
        of = tuple(claim for claim in self.session.claims if claim.paper == paper)
        self._papers.append(self._begun(_drawn, pickle.dumps(replace(self.session, claims=of))))

    def _begun(self, function: Callable[P, T], *given: P.args, **named: P.kwargs) -> Future[T]:
        """Have a process call a function; where one was ended no other begins."""
        assert self._processes is not None
        try:
            return self._processes.submit(function, *given, **named)
        except BrokenProcessPool as error:
            ended: Future[T] = Future()
            ended.set_exception(error)
            return ended

    def figures(self, verdicts: Verdicts) -> Figure:
        """Return what gives the figure of each claim that was judged: drawn before, or by one of the processes now."""
        if self._processes is None:
            return lambda claim: None
        rows = read_results(self.session.out / "results.parquet").meta.claims
        early = {id: drawn for each in self._papers if _is_good(each) for id, drawn in each.result().items()}
        ready = {
            id: drawn.svg
            for id, drawn in early.items()
            if id in rows and id in verdicts.claims and drawn.is_of(rows[id], verdicts.claims[id])
        }
        pickled = pickle.dumps(self.session)
        later = {
            id: self._begun(_drawn_of, pickled, id)
            for id, verdict in verdicts.claims.items()
            if verdict.parts and id not in ready
        }
        return lambda claim: ready.get(claim) or (_or_none(later[claim]) if claim in later else None)

    def __enter__(self) -> Beside:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._processes is not None:
            self._processes.end(at_once=True)


class _Following:
    """Tells a progress what it learns, and calls `complete` with each paper of which nothing is due any more."""

    def __init__(self, progress: Progress, due: dict[str, set[str]], complete: Callable[[str], None]) -> None:
        self._progress, self._due, self._complete = progress, due, complete
        self.begin, self.advance, self.note = progress.begin, progress.advance, progress.note
        if any(due.values()):
            self._tell(())

    def end(self, population: UnderWay, wall_s: float, left: int) -> None:
        """Learn that a population was stored; with the last one of a run there is nothing to be ahead of."""
        self._progress.end(population, wall_s, left)
        if left:
            self._tell(population.units)

    def _tell(self, stored: Iterable[str]) -> None:
        for paper in list(self._due):
            self._due[paper].difference_update(stored)
            if not self._due[paper]:
                del self._due[paper]
                self._complete(paper)


def idle_cores(session: Session) -> int:
    """Return how many cores neither workers nor, beside a GPU's, this process needs."""
    from harness.compute import cores, usual_workers

    workers = (session.workers or usual_workers(session.device)) if session.executor == "local" else 0
    return cores() - workers - (session.device != "cpu")


def rows_stored(made: Planned, session: Session) -> Results:
    """Return the rows of a plan's claims that are all stored."""
    return collect(made, scale=session.scale, suite_seed=SUITE_SEED, quick=session.quick, variant=session.variant)


def _is_good(future: Future[T]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _or_none(future: Future[bytes]) -> bytes | None:
    """Return what a process drew, or None where it could not: whoever draws it again finds out why."""
    return future.result() if future.exception() is None else None


# --- in a process of its own ---------------------------------------------------------------------------------------


def _looked(look: Callable[[Session], T], pickled: bytes) -> T:
    """Call a function with a session, which is unpickled here: an error of its claims' files is told as one."""
    return look(pickle.loads(pickled))


def _drawn(pickled: bytes) -> dict[str, Drawn]:
    """Judge and draw what is stored of a session's claims."""
    from harness.report import draw_figure

    session: Session = pickle.loads(pickled)
    rows = rows_stored(make_plan(session), session)
    whole = session.out.resolve() == session.committed
    earlier = earlier_rows(rows, session.committed, session.registry, whole=whole)
    verdicts = judge_rows(rows, session, list(earlier.values())).verdicts
    return {
        id: Drawn(rows.meta.claims[id], verdict, draw_figure(rows, session.catalogue.claims[id], verdict))
        for id, verdict in verdicts.claims.items()
        if verdict.parts
    }


@lru_cache(1)
def _written(pickled: bytes) -> tuple[Session, Results, Verdicts]:
    """Return a session, and the rows and verdicts that are in its folder."""
    session: Session = pickle.loads(pickled)
    return session, read_results(session.out / "results.parquet"), read_verdicts(session.out / "verdicts.json")


def _drawn_of(pickled: bytes, claim: str) -> bytes:
    """Draw a claim of a session from what is in its folder."""
    from harness.report import draw_figure

    session, rows, verdicts = _written(pickled)
    return draw_figure(rows, session.catalogue.claims[claim], verdicts.claims[claim])
