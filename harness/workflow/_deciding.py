"""Whether the planned replicates can decide: power after the pilots, in the family among which Holm will adjust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.design import Catalogue, Part, Pilot, Registry, Scale, pilots_of, read_pilots
from harness.stats import (
    ALPHA,
    POWER,
    SIGN_FLIP_FROM,
    Decision,
    flip_least,
    needs,
    power_at_bound,
    sd_upper,
)
from harness.workflow._session import Session

if TYPE_CHECKING:
    from harness.workflow._planning import Request


@dataclass(frozen=True)
class PartPower:
    """Whether `n` replicates can decide a part: its pilot's sd, the power that follows, and an answer.

    `upper` is the upper confidence limit of the sd, at which `at_bound` is the power at the part's bound and
    `at_pilot` that at the pilots' effect. `needs` replicates would do, None where more than `MOST` are needed. All are
    None without a pilot.
    """

    claim: str
    part: str
    n: int
    sd: float | None = None
    upper: float | None = None
    at_bound: float | None = None
    at_pilot: float | None = None
    needs: int | None = None
    answer: str = "unknown. Next: harness pilot"


def part_powers(
    requests: Sequence[Request], session: Session, families: Mapping[str, frozenset[str]]
) -> tuple[PartPower, ...]:
    """Return the power of every part that decides, in the families by paper."""
    pilots = read_pilots(session.pilots)
    return tuple(
        power_of(request, part, pilots_of(pilots, request.claim.id, session.scale), len(families[request.claim.paper]))
        for request in requests
        for part in request.design.parts
    )


def family(registry: Registry, catalogue: Catalogue, paper: str, scale: Scale) -> set[str]:
    """Return the claims of a paper among which Holm will adjust: those locked at `scale`, and those defined for it.

    One that is not locked yet will join the family when it is, and weigh on all others. Exact claims stand outside.
    """
    here = (claim for claim in catalogue.claims.values() if claim.paper == paper and scale in claim.predicted)
    return {*registry.family(paper, scale), *(claim.id for claim in here if not claim.design(scale).exact)}


def power_of(request: Request, part: Part, pilots: Sequence[Pilot], family: int) -> PartPower:
    """Return power and replicates needed at Holm's first step, by the upper limit of the claim's latest pilot sd."""
    n = len(request.replicates)
    logged = [p for p in pilots if p.what == part.name and p.sd > 0]
    if not logged:
        return PartPower(request.claim.id, part.name, n)
    upper = sd_upper(sd=logged[-1].sd, n=logged[-1].n)
    known = PartPower(
        claim=request.claim.id,
        part=part.name,
        n=n,
        sd=logged[-1].sd,
        upper=upper,
        needs=needs(part.kind, bound=part.bound, sd=upper, claims=family),
        answer="no: one replicate has no spread",
    )
    if n < 2:
        return known
    at_pilot = part.kind.power_to_decide(logged[-1].mean, bound=part.bound, sd=upper, n=n, alpha=ALPHA / family)
    flipped = request.design.decision is Decision.SIGN_FLIP or n >= SIGN_FLIP_FROM
    flips = flipped and family * flip_least(n=n) > ALPHA
    return replace(
        known,
        at_bound=power_at_bound(part.kind, bound=part.bound, sd=upper, n=n, claims=family),
        at_pilot=at_pilot,
        answer="no: sign-flip has too few replicates for the family"
        if flips
        else "yes"
        if at_pilot >= POWER
        else "perhaps not",
    )
