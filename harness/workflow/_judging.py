"""From rows to verdicts and to tables of differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.design import PERCENTAGE_POINTS, design_of
from harness.errors import ResultsError, UsageError, nearest
from harness.verdict import (
    ELSEWHERE,
    ClaimVerdict,
    Elsewhere,
    Results,
    Verdicts,
    judge_elsewhere,
    judge_results,
    read_earlier,
    read_results,
    read_verdicts,
    verdicts_json,
    verdicts_junit,
)
from harness.workflow._session import Session

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Judgement:
    """The verdict on one claim: outcome, the same in words, its cause, and the effect on which it rests.

    Effect and 95 % interval are in `unit`, None where nothing was compared, as is `p` for an exact claim: Holm's
    adjusted p-value of reproducing the claim, so near 1 where it was refuted. `status` is ``confirmatory``,
    ``exploratory`` or ``quick``.
    """

    claim: str
    outcome: str
    words: str
    cause: str
    status: str
    predicted: str
    n: int
    p: float | None
    effect: float | None
    lower: float | None
    upper: float | None
    unit: str


@dataclass(frozen=True)
class Judged:
    """The verdicts on all claims of some results, in lines, and whole as in ``verdicts.json``."""

    lines: tuple[Judgement, ...]
    verdicts: Verdicts

    def __getitem__(self, claim: str) -> Judgement:
        """Return the judgement of a claim by its id."""
        found = {line.claim: line for line in self.lines}
        if claim not in found:
            raise UsageError(f"no verdict on {claim!r}{nearest(claim, found)} Next: harness list")
        return found[claim]


@dataclass(frozen=True)
class Turned:
    """A claim whose verdict went from reproduced to refuted or back."""

    claim: str
    was: str
    now: str


def judge(session: Session) -> Judged:
    """Judge the rows in the session's results folder: writes ``verdicts.json`` and ``junit.xml`` beside them.

    Re-runs under ``elsewhere/`` there, of the same replicates on other machines, are judged each by itself.

    Needs neither torch nor a GPU.

    Args:
        session: What `open_session` returned; results.parquet lies in its `out`.

    Returns:
        The verdicts on all claims that have rows there.

    Raises:
        ResultsError: Where the results are missing, cannot be read, or hold rows of a claim that nothing defines.

    Example:
        >>> judged = judge(open_session(out="reports/micro"))  # doctest: +SKIP
        >>> judged["frankle2019/iterative-beats-one-shot"].outcome  # doctest: +SKIP
        'reproduced'
    """
    results = read_results(session.out / "results.parquet")
    judged = judge_rows(results, session, read_earlier(session.out))
    (session.out / "verdicts.json").write_text(verdicts_json(judged.verdicts))
    write_junit(session, judged)
    for each in judged_elsewhere(session, results):
        (session.out / ELSEWHERE / each.name / "verdicts.json").write_text(verdicts_json(each.verdicts))
    return judged


def judge_rows(results: Results, session: Session, earlier: Sequence[Results] = ()) -> Judged:
    """Return the verdicts on `results`, beside which are rows of `earlier` locks; nothing is written."""
    return _in_lines(judge_results(results, session.registry, session.catalogue, earlier))


def judged_again(session: Session, results: Results) -> Judged:
    """Return the verdicts on the results in the session's folder; what is stored of them counts for nothing.

    Raises ResultsError where ``verdicts.json`` is missing or has others.
    """
    stored, judged = (
        read_verdicts(session.out / "verdicts.json"),
        judge_rows(results, session, read_earlier(session.out)),
    )
    if stored != judged.verdicts:
        raise ResultsError(
            f"{session.out / 'verdicts.json'} has other verdicts than the rows beside it give. Next: harness judge"
        )
    return judged


def judged_elsewhere(session: Session, results: Results) -> tuple[Elsewhere, ...]:
    """Return the re-runs beside the results in the session's folder, each judged by itself."""
    return judge_elsewhere(session.out, results, lambda rows: judge_rows(rows, session).verdicts)


def write_junit(session: Session, judged: Judged, turned: Sequence[Turned] = ()) -> None:
    """Write ``junit.xml``, in which claims that turned are failures."""
    (session.out / "junit.xml").write_text(verdicts_junit(judged.verdicts, [each.claim for each in turned]))


def recorded(session: Session, *, required: bool = False) -> Judged | None:
    """Return the verdicts of the committed report, or None where there are none and none are `required`."""
    path = session.committed / "verdicts.json"
    return _in_lines(read_verdicts(path)) if required or path.is_file() else None


def turned(before: Judged | None, after: Judged) -> tuple[Turned, ...]:
    """Return the claims that were decided the other way before."""
    if before is None:
        return ()
    ids = after.verdicts.turned(before.verdicts)
    return tuple(Turned(id, before[id].outcome, after[id].outcome) for id in ids)


def _in_lines(verdicts: Verdicts) -> Judged:
    return Judged(tuple(_line(id, verdict, verdicts.scale) for id, verdict in verdicts.claims.items()), verdicts)


def _line(id: str, verdict: ClaimVerdict, scale: str) -> Judgement:
    part = verdict.deciding
    return Judgement(
        claim=id,
        outcome=str(verdict.outcome),
        words=verdict.in_words(scale),
        cause=verdict.cause,
        status=str(verdict.status),
        predicted=str(verdict.predicted),
        n=verdict.n,
        p=verdict.p_rep,
        effect=part.mean if part else None,
        lower=part.lower if part else None,
        upper=part.upper if part else None,
        unit=part.unit if part else PERCENTAGE_POINTS,
    )


def differences(session: Session, claim: str | None = None) -> pd.DataFrame:
    """Return the paired differences of one claim as a table, from the rows in the session's results folder.

    Args:
        session: What `open_session` returned.
        claim: Id of the claim; needed only where the session has several.

    Returns:
        One row per replicate and one column per part, in the part's unit, which ``attrs["units"]`` gives by part:
        percentage points, or log points. Parts that decide come first, then those beside.

    Raises:
        UsageError: Where the session has no such claim, or the results have no rows of it.
        ResultsError: Where results are missing, cannot be read, or lack a replicate.

    Example:
        >>> table = differences(session, "frankle2019/iterative-beats-one-shot")  # doctest: +SKIP
        >>> table.mean().round(2).tolist()  # doctest: +SKIP
        [3.55, 0.35]
    """
    import pandas as pd

    chosen = session.claim(claim)
    results = read_results(session.out / "results.parquet")
    if chosen.id not in results.claims:
        raise UsageError(
            f"the results in {session.out} have no rows of {chosen.id}. "
            f"Next: harness run {chosen.id}{session.elsewhere}"
        )
    parts = design_of(chosen, results.meta.scale, results.meta.variant).compared()
    table = pd.DataFrame(
        {part.name: results.differences(chosen.id, part) for part in parts},
        index=pd.Index(results.replicates(chosen.id), name="replicate"),
    )
    table.columns.name = "part"
    table.attrs["units"] = {part.name: part.unit for part in parts}
    return table
