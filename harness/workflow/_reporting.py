"""From rows and verdicts to the pages a reader opens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.design import Scale, check_words, read_pilots
from harness.verdict import Verdicts, read_earlier, read_results, read_variants, unchanged
from harness.workflow._beside import Figure
from harness.workflow._judging import judge_rows, judged_again, judged_elsewhere
from harness.workflow._session import Session


def report(session: Session) -> Path:
    """Write ``report.md`` and its figures from the rows and verdicts in the session's results folder.

    Where that is the committed report, the reports of other scales, which quote it, follow. Needs no torch.

    Args:
        session: What `open_session` returned; results.parquet and verdicts.json lie in its `out`.

    Returns:
        The path of report.md.

    Raises:
        ResultsError: Where results or verdicts are missing or cannot be read, or the rows give other verdicts.
        DesignError: For what a claim's file says and a page cannot show.

    Example:
        >>> report(open_session(out="reports/micro")).name  # doctest: +SKIP
        'report.md'
    """
    return write_pages(session, lambda claim: None)


def write_pages(session: Session, figure: Figure) -> Path:
    """Do what `report` does, with the figures that are drawn already."""
    scale = read_results(session.out / "results.parquet").meta.scale  # of what lies there, whatever was asked for
    session = replace(session, scale=scale, folder=session.out)
    _write_one(session, figure)
    if session.out.resolve() == session.committed:
        for scale in Scale:
            other = replace(session, scale=scale, folder=session.root / "reports" / scale)
            if scale != session.scale and unchanged(other.out, session.catalogue, session.registry):
                _write_one(other, None)
    return session.out / "report.md"


def _write_one(session: Session, figure: Figure | None) -> None:
    from harness.report import write_report

    results = read_results(session.out / "results.parquet")
    verdicts = judged_again(session, results).verdicts
    for id in verdicts.claims:
        check_words(session.catalogue.claims[id], session.scale)
    write_report(
        results,
        verdicts,
        session.registry,
        session.catalogue,
        read_pilots(session.pilots),
        session.out,
        read_variants(session.out),
        _at_other_scales(session),
        judged_elsewhere(session, results),
        figure=figure,
        errata=(session.root / "reports" / "errata.md").is_file(),
        protocol=(session.root / "docs" / "statistics.md").is_file(),
    )


def _at_other_scales(session: Session) -> dict[Scale, Verdicts]:
    """Return the verdicts on the committed rows of each other scale."""
    found = {}
    for scale in Scale:
        folder = session.root / "reports" / scale
        if scale != session.scale and (folder / "results.parquet").is_file():
            rows = read_results(folder / "results.parquet")
            found[scale] = judge_rows(rows, replace(session, scale=scale), read_earlier(folder)).verdicts
    return found
