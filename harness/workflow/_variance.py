"""The seed-variance check on a session: whether training still gives what it gave, and new baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.workflow._session import Session, require_data

if TYPE_CHECKING:
    from harness.compute import Progress
    from harness.variance import Checked, Finding, Watch


@dataclass(frozen=True)
class VarianceCheck:
    """What the check found, which of it is red, and the folder with its ``junit.xml`` and ``summary.md``."""

    checked: Checked
    red: tuple[Finding, ...]
    folder: Path
    summary: str


def check_variance(
    session: Session,
    recipes: str | Sequence[str] = (),
    *,
    replicates: int = 5,
    first: int | None = None,
    progress: Progress | None = None,
) -> VarianceCheck:
    """Check that training still gives what it gave: the same bits, the same mean over seeds, the same spread.

    Args:
        session: What `open_session` returned; the summary goes to its `folder`, else to reports/scratch/variance.
        recipes: Watched recipes or papers, one or several; all by default.
        replicates: Fresh replicates of each recipe.
        first: Index of the first one, at least 1000; from the commit by default.
        progress: What is called as populations begin, advance and end; nothing is shown by default.

    Returns:
        The findings of all tiers, those that are red, and where they were written.

    Raises:
        UsageError: For a recipe that is not known.
        DataError: For a data set that is missing.
        ResultsError: For a baseline that is missing or not to be trusted.
        RunError, InterruptedRunError: As `run` does.

    Example:
        >>> check_variance(open_session()).red  # doctest: +SKIP
        ()
    """
    from harness import variance
    from harness.compute import SILENT

    watch = _watch(session, recipes)
    start = variance.first_fresh(session.root) if first is None else first
    checked = variance.check_variance(watch, replicates=replicates, first=start, progress=progress or SILENT)
    folder = session.folder or session.root / "reports" / "scratch" / "variance"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "junit.xml").write_text(variance.findings_junit(checked.findings))
    summary = variance.findings_markdown(checked.findings, checked.heading)
    (folder / "summary.md").write_text(summary)
    return VarianceCheck(checked, tuple(variance.failed(checked.findings)), folder, summary)


def accept_baselines(
    session: Session,
    recipes: str | Sequence[str] = (),
    *,
    reason: str,
    replicates: int = 100,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Make new baselines of watched recipes; the old ones are kept.

    Args:
        session: What `open_session` returned.
        recipes: Watched recipes or papers, one or several; all by default.
        reason: Why new baselines are accepted.
        replicates: Replicates of each baseline.
        progress: What is called as populations begin, advance and end; nothing is shown by default.

    Returns:
        The files written, under reports/baselines.

    Raises:
        UsageError: Without a reason, and for a recipe that is not known.
        DataError: For a data set that is missing.
        RunError: Where first losses cannot tell a fault from rounding, or a population failed.

    Example:
        >>> accept_baselines(open_session(), "small/dense", reason="a new torch")  # doctest: +SKIP
        (PosixPath('reports/baselines/small-dense-micro.json'),)
    """
    from harness import variance
    from harness.compute import SILENT

    watch = _watch(session, recipes)
    if not reason.strip():
        raise UsageError('a baseline is accepted for a reason. Next: harness variance --accept --reason "..."')
    made = variance.accept_baselines(watch, reason=reason, replicates=replicates, progress=progress or SILENT)
    return tuple(made)


def _watch(session: Session, recipes: str | Sequence[str]) -> Watch:
    from harness.expression import lineage
    from harness.variance import Watch

    named = [recipes] if isinstance(recipes, str) else list(recipes)
    nodes = session.catalogue.select_watched(named, session.scale)
    require_data(session, {node.task.source for node in lineage(nodes.values())})
    return Watch(
        nodes=nodes, scale=session.scale, root=session.root, device=session.device, start=session.start_executor
    )
