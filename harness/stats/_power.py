"""Power of the tests that decide, at Holm's first step, and how many replicates would give enough of it."""

from __future__ import annotations

from harness.stats._assessment import Assessment, PartResult
from harness.stats._kinds import Decision, Kind
from harness.stats._paired import ALPHA, flip_least, replicates_needed

FEWEST = 5  # replicates below which nothing is decided
POWER = 0.8  # at which the replicates needed are stated
MOST = 1000  # replicates; beyond, more of them are no advice


def power_at_bound(kind: Kind, *, bound: float, sd: float, n: int, claims: int) -> float:
    """Return the power of `n` replicates at Holm's first step among `claims`; `bound` and `sd` share a unit.

    For ``beats`` the power to find a true effect of the sesoi (`t_power`), for ``matches`` and ``equals`` to confirm a
    true 0 within the margin (`t_power`, `tost_power`). Raises ValueError as these do.
    """
    return kind.power(kind.planned_at * bound, bound=bound, sd=sd, n=n, alpha=ALPHA / claims)


def needs(kind: Kind, *, bound: float, sd: float, claims: int) -> int | None:
    """Return the replicates for `POWER` at the bound, or None beyond `MOST` or without a spread."""
    if not sd > 0:
        return None

    def power_at(n: int) -> float:
        return power_at_bound(kind, bound=bound, sd=sd, n=n, claims=claims)

    return replicates_needed(power=POWER, power_at=power_at, fewest=FEWEST, most=MOST)


def part_needs(part: PartResult, *, claims: int) -> int | None:
    """Return the replicates that a part needs at its observed sd; see `needs`."""
    return needs(part.kind, bound=part.bound, sd=part.sd, claims=claims)


def claim_needs(claim: Assessment, claims: int) -> int | None:
    """Replicates for power `POWER` in every part, at its observed sd and at the level of Holm's first step.

    For ``beats`` the power to detect the sesoi; for ``matches`` and ``equals`` the power to confirm a true 0.
    """
    needed = [part_needs(part, claims=claims) for part in claim.parts]
    if claim.decision is Decision.SIGN_FLIP:
        needed.append(flips_needed(claims))
    known = [n for n in needed if n is not None]
    return max(known) if len(known) == len(needed) else None


def flips_needed(tests: int) -> int | None:
    """Replicates from which the sign-flip test can reach `ALPHA` among so many tests."""
    return next((n for n in range(FEWEST, MOST + 1) if tests * flip_least(n=n) <= ALPHA), None)
