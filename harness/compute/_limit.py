"""A wall-time limit: how long a command may take, and what is left of that."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

from harness.errors import UsageError

RESERVE_S = 10.0  # kept back for what follows the last population: checkpoints, results, verdicts, report
DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def duration_s(text: str) -> int:
    """Return the seconds of a duration in hours, minutes and seconds. Raises UsageError for anything else.

    >>> duration_s("9m"), duration_s("1h30m"), duration_s("90s")
    (540, 5400, 90)
    """
    match = DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise UsageError(f"{text!r} is no duration. Next: write it as 90s, 9m or 1h30m")
    hours, minutes, rest = (int(group or 0) for group in match.groups())
    return 3600 * hours + 60 * minutes + rest


@dataclass(frozen=True)
class Limit:
    """Populations may take `whole_s` seconds in all and end by `ends`, on the monotonic clock; by default for ever."""

    whole_s: float = math.inf
    ends: float = math.inf

    @classmethod
    def starting_now(cls, text: str | None) -> Limit:
        """Return the limit that a command has from now on, none for None.

        Raises UsageError for what is no duration, and for one in which nothing could be trained.
        """
        if text is None:
            return cls()
        if not isinstance(text, str):
            raise UsageError(f"a time limit of {text!r} has no unit. Next: '90s', '9m' or '1h30m'")
        whole = duration_s(text) - RESERVE_S
        if whole <= 0:
            raise UsageError(
                f"a limit of {text} leaves no time to train: {RESERVE_S:.0f} s are kept for what comes after. "
                "Next: --time-limit 9m"
            )
        return cls(whole, time.monotonic() + whole)

    @property
    def left_s(self) -> float:
        """Seconds that populations may still take."""
        return max(0.0, self.ends - time.monotonic())
