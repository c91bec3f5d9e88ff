"""From rows and verdicts to the pages a reader opens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.design import Scale, read_pilots
from harness.verdict import read_elsewhere, read_results, read_variants, read_verdicts, unchanged
from harness.workflow._session import Session


def report(session: Session) -> Path:
    """Write ``report.md`` and its figures from the rows and verdicts in the session's results folder.

    Where that is the committed report, the reports of other scales, which quote it, follow. Needs no torch.

    Args:
        session: What `open_session` returned; results.parquet and verdicts.json lie in its `out`.

    Returns:
        The path of report.md.

    Raises:
        ResultsError: Where results or verdicts are missing or cannot be read.

    Example:
        >>> report(open_session(out="reports/micro")).name  # doctest: +SKIP
        'report.md'
    """
    scale = Scale(read_verdicts(session.out / "verdicts.json").scale)  # of what lies there, whatever was asked for
    session = replace(session, scale=scale, folder=session.out)
    _write_one(session)
    if session.out.resolve() == session.committed:
        for scale in Scale:
            other = replace(session, scale=scale, folder=session.root / "reports" / scale)
            if scale != session.scale and unchanged(other.out, session.catalogue, session.registry):
                _write_one(other, drawn=False)
    return session.out / "report.md"


def _write_one(session: Session, *, drawn: bool = True) -> None:
    from harness.report import committed_verdicts, write_report

    results = read_results(session.out / "results.parquet")
    write_report(
        results,
        read_verdicts(session.out / "verdicts.json"),
        session.registry,
        session.catalogue,
        read_pilots(session.pilots),
        session.out,
        read_variants(session.out),
        committed_verdicts(session.root / "reports", but=session.scale),
        read_elsewhere(session.out, results),
        drawn=drawn,
    )
