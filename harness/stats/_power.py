"""Power of the tests that decide, at Holm's first step, and how many replicates would give enough of it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.stats._assessment import Assessment, PartResult
from harness.stats._kinds import Decision, Kind
from harness.stats._paired import ALPHA, flip_least, replicates_needed

SIGN_FLIP_FROM = 10  # replicates from which, in round 0, a t verdict must agree with the sign-flip test
FEWEST = 5  # replicates below which nothing is decided
POWER = 0.8  # at which the replicates needed are stated
MOST = 1000  # replicates; beyond, more of them are no advice
MOST_PLANNED = 60  # replicates for which a part that asserts no difference is planned at most


@dataclass(frozen=True)
class Held:
    """What a claim is held to: how many claims are tested together, and the level of all of them, one-sided.

    A t verdict must agree with the sign-flip test: from `SIGN_FLIP_FROM` replicates on, or, where it is to be a `fair`
    check, from where sign-flip could still agree with two small differences on the other side.
    """

    claims: int
    alpha: float = ALPHA
    fair: bool = False

    def checks(self, n: int, tests: int) -> bool:
        """Whether sign-flip has a say on a t verdict from n replicates, among so many tests."""
        return 2.0 ** (2 - n) * tests <= self.alpha if self.fair else n >= SIGN_FLIP_FROM

    @property
    def first_step(self) -> float:
        """The level of Holm's first step."""
        return self.alpha / self.claims


def power_at_bound(kind: Kind, *, bound: float, sd: float, n: int, held: Held) -> float:
    """Return the power of `n` replicates at Holm's first step; `bound` and `sd` share a unit.

    For ``beats`` the power to find a true effect of the sesoi (`t_power`), for ``matches`` and ``equals`` to confirm a
    true 0 within the margin (`t_power`, `tost_power`). Raises ValueError as these do.
    """
    return kind.power(kind.planned_at * bound, bound=bound, sd=sd, n=n, alpha=held.first_step)


def power_planned(kind: Kind, *, bound: float, sd: float, n: int, held: Held) -> float:
    """Return the power for which replicates are planned: at the kind's `planned_for`, or else as `power_at_bound`.

    A true difference of exactly 0 is the best case of ``matches`` and ``equals``; they are planned half way to the
    margin. Raises ValueError as `t_power` and `tost_power` do.
    """
    at = kind.planned_at if kind.planned_for is None else kind.planned_for
    return kind.power(at * bound, bound=bound, sd=sd, n=n, alpha=held.first_step)


def planned_needs(kind: Kind, *, bound: float, sd: float, held: Held) -> int | None:
    """Return the replicates for `POWER` at what a kind is planned for; None beyond `MOST` or without a spread.

    A kind with a `planned_for` of its own is planned on `MOST_PLANNED` at most.
    """
    if not sd > 0:
        return None

    def power_at(n: int) -> float:
        return power_planned(kind, bound=bound, sd=sd, n=n, held=held)

    most = MOST if kind.planned_for is None else MOST_PLANNED
    found = replicates_needed(power=POWER, power_at=power_at, fewest=FEWEST, most=most)
    return most if found is None and kind.planned_for is not None else found


def needs(kind: Kind, *, bound: float, sd: float, held: Held) -> int | None:
    """Return the replicates for `POWER` at the bound, or None beyond `MOST` or without a spread."""
    if not sd > 0:
        return None

    def power_at(n: int) -> float:
        return power_at_bound(kind, bound=bound, sd=sd, n=n, held=held)

    return replicates_needed(power=POWER, power_at=power_at, fewest=FEWEST, most=MOST)


def part_needs(part: PartResult, held: Held) -> int | None:
    """Return the replicates that a part needs at its observed sd; see `needs`."""
    return needs(part.kind, bound=part.bound, sd=part.sd, held=held)


def claim_needs(claim: Assessment, held: Held) -> int | None:
    """Replicates for power `POWER` in every part, at its observed sd and at the level of Holm's first step.

    For ``beats`` the power to detect the sesoi; for ``matches`` and ``equals`` the power to confirm a true 0.
    """
    needed = [part_needs(part, held) for part in claim.parts]
    if claim.decision is Decision.SIGN_FLIP:
        needed.append(flips_needed(held.claims, held.alpha))
    known = [n for n in needed if n is not None]
    return max(known) if len(known) == len(needed) else None


def flips_needed(tests: int, alpha: float = ALPHA) -> int | None:
    """Replicates from which the sign-flip test can reach `alpha` among so many tests."""
    return next((n for n in range(FEWEST, MOST + 1) if tests * flip_least(n=n) <= alpha), None)
