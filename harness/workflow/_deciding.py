"""Whether the planned replicates can decide: power after the pilots, in the family among which Holm will adjust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.design import Catalogue, Claim, Part, Pilot, Registry, Scale, pilots_of, read_pilots
from harness.stats import (
    POWER,
    Decision,
    Held,
    flip_least,
    planned_needs,
    power_at_bound,
    power_planned,
    sd_upper,
)
from harness.workflow._session import Session

if TYPE_CHECKING:
    from harness.workflow._planning import Request


@dataclass(frozen=True)
class PartPower:
    """Whether `n` replicates can decide a part: its pilot's sd in `unit`, the power that follows, and an answer.

    `upper` is the upper confidence limit of the sd, at which `at_bound` is the power at a true effect of the sesoi, or
    to confirm a true 0 within a margin, `planned` the power half way to that margin, where there is one, and
    `at_pilot` that at the pilots' effect. `needs` replicates would do, None where more than `MOST` are needed. All are
    None without a pilot.
    """

    claim: str
    part: str
    n: int
    unit: str
    sd: float | None = None
    upper: float | None = None
    at_bound: float | None = None
    planned: float | None = None
    at_pilot: float | None = None
    needs: int | None = None
    answer: str = "unknown. Next: harness pilot"


@dataclass(frozen=True)
class Family:
    """The claims of a paper among which Holm adjusts a claim, and their level: those that share its round."""

    claims: frozenset[str]
    alpha: float
    round: int

    @property
    def held(self) -> Held:
        """What each of them is held to."""
        return Held(len(self.claims), self.alpha, fair=self.round > 0)


def part_powers(requests: Sequence[Request], session: Session, families: Mapping[str, Family]) -> tuple[PartPower, ...]:
    """Return the power of every part that decides, in the families by claim."""
    pilots = read_pilots(session.pilots)
    return tuple(
        power_of(request, part, pilots_of(pilots, request.claim.id, session.scale), families[request.claim.id].held)
        for request in requests
        for part in request.design.parts
    )


def family(registry: Registry, catalogue: Catalogue, claim: Claim, scale: Scale) -> Family:
    """Return the family of a claim: what its paper has locked in its round; of one that is not locked, in the next.

    That will be all claims of the paper that are defined at `scale` and not locked. Exact claims stand outside.
    """
    entry = registry.find(claim, scale)
    round_ = registry.next_round if entry is None else entry.round
    if entry is not None:
        ids = registry.family(claim.paper, scale, round_)
    else:
        here = (each for each in catalogue.claims.values() if each.paper == claim.paper and scale in each.predicted)
        ids = [each.id for each in here if not each.design(scale).exact and registry.find(each, scale) is None]
    return Family(frozenset({*ids, claim.id}), registry.alpha(claim.paper, scale, round_), round_)


def power_of(request: Request, part: Part, pilots: Sequence[Pilot], held: Held) -> PartPower:
    """Return power and replicates needed at Holm's first step, by the upper limit of the claim's latest pilot sd."""
    n = len(request.replicates)
    every = [p for p in pilots if p.what == part.name]
    logged = [p for p in every if p.sd > 0]
    if not logged:
        unknown = PartPower(request.claim.id, part.name, n, part.unit)
        return replace(unknown, answer="no: its pilots had no spread") if every else unknown
    upper = sd_upper(sd=logged[-1].sd, n=logged[-1].n)
    known = PartPower(
        claim=request.claim.id,
        part=part.name,
        n=n,
        unit=part.unit,
        sd=logged[-1].sd,
        upper=upper,
        needs=planned_needs(part.kind, bound=part.bound, sd=upper, held=held),
        answer="no: one replicate has no spread",
    )
    if n < 2:
        return known
    at_pilot = part.kind.power_to_decide(logged[-1].mean, bound=part.bound, sd=upper, n=n, alpha=held.first_step)
    flipped = request.design.decision is Decision.SIGN_FLIP or held.checks(n, held.claims)
    flips = flipped and held.claims * flip_least(n=n) > held.alpha
    return replace(
        known,
        at_bound=power_at_bound(part.kind, bound=part.bound, sd=upper, n=n, held=held),
        planned=None
        if part.kind.planned_for is None
        else power_planned(part.kind, bound=part.bound, sd=upper, n=n, held=held),
        at_pilot=at_pilot,
        answer="no: sign-flip has too few replicates for the family"
        if flips
        else "yes"
        if at_pilot >= POWER
        else "perhaps not",
    )
