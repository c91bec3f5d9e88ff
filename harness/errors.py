"""Every error the harness raises on purpose.

A message says what is wrong, where, what was observed against what was expected, and ends with the next command.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """Base of all errors raised on purpose; its text is meant to be read by a user."""

    exit_status = 2  # usage; a run that failed has 3


class UsageError(HarnessError):
    """The request cannot be carried out as it was put: unknown claim, unknown scale, impossible options."""


class DesignError(HarnessError):
    """A claim is badly made: a density outside (0, 1], arms with equal keys, arms that differ outside the contrast."""


class DataError(HarnessError):
    """A data set is missing, could not be downloaded, or is not the published one."""


class LockError(HarnessError):
    """A claim and its entry in the registry disagree, or the registry was edited."""


class StoreError(HarnessError):
    """The store cannot be read or written, or is held by another run."""

    exit_status = 3


class ResultsError(HarnessError):
    """Committed results are missing, truncated, foreign, or have gaps."""

    exit_status = 3


class RunError(HarnessError):
    """A population failed while it was computed."""

    exit_status = 3


class StoppedError(HarnessError):
    """A worker ended a population early because the run was to stop; what it had done is in a checkpoint."""

    exit_status = 3


class InterruptedRunError(HarnessError):
    """Ctrl-C: everything finished so far is stored."""

    exit_status = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean a, b?"`` for the known names closest to `name`, or ``"."``."""
    matches = difflib.get_close_matches(name, list(known), n=3, cutoff=0.4)
    return f"; did you mean {', '.join(matches)}?" if matches else "."
