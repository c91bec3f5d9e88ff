"""What the places of a run did with their time: computed, waited for parents, were idle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Occupancy:
    """Seconds that places computed, waited for a parent that was being computed, and were idle, added over places."""

    computed_s: float = 0.0
    waited_s: float = 0.0
    idle_s: float = 0.0
    _since: float = 0.0

    def until(self, now: float, *, computing: int, free: int, waiting: bool) -> None:
        """Count the time since the last call, in which so many places computed and so many had nothing to compute.

        These were `waiting` for parents, or were idle.
        """
        spent_s = now - self._since if self._since else 0.0
        self._since = now
        self.computed_s += computing * spent_s
        if waiting:
            self.waited_s += free * spent_s
        else:
            self.idle_s += free * spent_s

    def shares(self) -> tuple[float, float]:
        """Return the shares of the time in which places waited for parents, and in which they were idle."""
        whole_s = self.computed_s + self.waited_s + self.idle_s
        return (self.waited_s / whole_s, self.idle_s / whole_s) if whole_s else (0.0, 0.0)
