"""Fixing claims before their confirmatory run, together in a round, and saying beforehand what that means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.design import (
    Catalogue,
    Claim,
    Design,
    Registry,
    Round,
    locked_text,
    metric,
    pilot_runs,
    pilots_of,
    read_pilots,
    reads_alike,
)
from harness.errors import DesignError, LockError
from harness.stats import MOST, POWER, Bound, Outcome
from harness.streams import Replicate
from harness.workflow._deciding import Family, PartPower, part_powers
from harness.workflow._places import find_place
from harness.workflow._planning import Planned, Request
from harness.workflow._session import Session, check_claims

FEWEST_LOCKED = 8  # replicates: with fewer, one difference on the other side leaves any claim open


@dataclass(frozen=True)
class ToLock:
    """What locking a claim now would mean: how many replicates, judged at which level, with what power and cost.

    `family` are the claims of its paper in the same round. `trainings` are all its trainings and evaluations, on
    replicates that nobody has seen, and take about `core_s` seconds of a core.
    """

    claim: str
    version: int
    replicates: int
    predicted: str
    family: Family
    power: tuple[PartPower, ...]
    trainings: int
    core_s: float


def to_lock(session: Session, *, replicates: int | None = None) -> tuple[ToLock, ...]:
    """Say what `lock` would fix, before it does: for each claim its level, power and cost.

    Args:
        session: What `open_session` returned.
        replicates: Lock claims that are locked already once more, on so many replicates.

    Returns:
        One of each claim that would be locked.

    Raises:
        DesignError: For a design that cannot decide or compares unlike arms, for fewer than 8 replicates, for a margin
            beyond the smallest effect of interest, and where a claim is predicted to be reproduced though its
            replicates could hardly confirm that there is no difference.
        LockError: Where all these versions are locked already, one does not follow the last one, or one is a claim of
            another name.

    Example:
        >>> to_lock(open_session("example2026"))[0].family.alpha  # doctest: +SKIP
        0.025
    """
    from harness.store import Store

    requests, store = _checked(session, replicates), Store(session.store)
    claims = [request.claim for request in requests]
    families = {claim.id: _family(session, claim, claims) for claim in claims}
    powers = part_powers([request for request in requests if request.design.parts], session, families)
    found = []
    for request in requests:
        plan = Planned.of([request], store, session.device).plan
        found.append(
            ToLock(
                claim=request.claim.id,
                version=request.claim.version,
                replicates=len(request.replicates),
                predicted=str(request.claim.predicted[session.scale]),
                family=families[request.claim.id],
                power=tuple(power for power in powers if power.claim == request.claim.id),
                trainings=len(plan.units),
                core_s=plan.place_seconds(list(plan.units.values())),
            )
        )
    return tuple(found)


def lock(session: Session, *, replicates: int | None = None) -> Round:
    """Lock the session's claims before their confirmatory run, all in one round: append them to the registry, for good.

    Claims that are locked already are left out; with `replicates` they are locked once more, to be replicated.

    Args:
        session: What `open_session` returned.
        replicates: Lock claims that are locked already once more, on so many replicates.

    Returns:
        The round: its entries, and the suite seed of its replicates, which follows from the line that closes it.

    Raises:
        DesignError, LockError: As `to_lock`.

    Example:
        >>> lock(open_session("example2026")).entries[0].replicates  # doctest: +SKIP
        10
    """
    from harness.store import now

    requests = _checked(session, replicates)
    claims = [request.claim for request in requests]
    logged = read_pilots(session.pilots)
    runs = {claim.id: len(pilot_runs(pilots_of(logged, claim.id, session.scale))) for claim in claims}
    return _own_registry(session).lock(claims, session.scale, pilots=runs, when=now(), replicates=replicates)


def rechain(other: Path | str, root: Path | str | None = None, claims: Path | str | None = None) -> tuple[Round, ...]:
    """Append the rounds of another branch's registry that ours lacks; their seeds stay, their levels are our own.

    Args:
        other: The other branch's ``registry.lock``.
        root: The project's folder.
        claims: Where the claims are, as for `open_session`.

    Returns:
        The rounds as they stand here now.

    Raises:
        LockError: For a registry that cannot be read, or that is none of the same project.

    Example:
        >>> rechain("claims/registry.lock")  # that of the same branch has nothing new
        ()
    """
    place = find_place(claims, root)
    ours, theirs = Registry(place.own_registry()), Registry(Path(other))
    here = set(Catalogue.load(place.folder, place.package).claims) | {entry.claim for entry in ours.entries}
    if theirs.entries and here.isdisjoint(entry.claim for entry in theirs.entries):
        raise LockError(
            f"{other} is no branch of {ours.path}: none of its claims is known here. Next: merge the branch's files "
            "first, or check which registry it is"
        )
    return tuple(ours.rechain(Path(other)))


def _checked(session: Session, replicates: int | None) -> list[Request]:
    """Return what would be locked, on replicates of no seed yet; raises DesignError as `to_lock` does."""
    requests = []
    chosen = _chosen(session, replicates)
    for claim in chosen:
        check_claims(session, [claim])
        design = claim.design(session.scale)
        count = replicates or design.replicates
        if replicates is None:  # a replication keeps the bound that it repeats
            _check_margins(claim.id, design)
            _check_nulls(claim.id, design)
            _check_name(claim, session, chosen)
        if not design.exact and count < FEWEST_LOCKED:
            raise DesignError(
                f"{claim.id}: {count} replicates, and a lock takes at least {FEWEST_LOCKED}: with fewer, one that "
                f"points the other way leaves any claim open. Next: replicates={FEWEST_LOCKED} in the claim's design"
            )
        if count > MOST:
            raise DesignError(
                f"{claim.id}: {count} replicates, and a lock takes {MOST} at most: with more, effects are found that "
                "nobody asks for. Next: replicates for power .8 at the bound, as harness plan prints them"
            )
        block = () if design.exact else tuple(Replicate(0, i) for i in range(count))
        requests.append(Request(claim, design, block))
    _check_predictions(session, requests)
    _own_registry(session).check_lock(chosen, session.scale, replicates=replicates)
    return requests


def _own_registry(session: Session) -> Registry:
    """Return the registry that a lock is appended to."""
    return session.registry if session.place is None else Registry(session.place.own_registry())


def _check_margins(id: str, design: Design) -> None:
    """Raise DesignError for a margin beyond the smallest effect of interest: effects of interest would be none."""
    sesoi = {node.task.name: node.task.sesoi_pp for node in design.nodes}
    for part in design.compared():
        own = metric(part.metric).bounds
        most = sesoi[part.task] if own is None else own[0]
        if part.kind.held_to is Bound.MARGIN and part.bound > most:
            raise DesignError(
                f"{id}, part {part.name!r}: its margin is {part.bound:g} and the smallest effect of interest there "
                f"{most:g}, so that it could hold of an effect of interest. Next: bound={most:g} or less"
            )


def _check_predictions(session: Session, requests: Sequence[Request]) -> None:
    """Raise DesignError where "reproduced" is predicted of a part that would seldom hold without any difference."""
    claims = [request.claim for request in requests]
    families = {claim.id: _family(session, claim, claims) for claim in claims}
    tested = [r for r in requests if r.design.parts and r.claim.predicted[session.scale] is Outcome.REPRODUCED]
    for power in part_powers(tested, session, families):
        if power.planned is not None and power.at_bound is not None and power.at_bound < POWER:
            raise DesignError(
                f"{power.claim}, part {power.part!r}: {power.n} replicates would confirm a true difference of 0 with a "
                f'chance of {power.at_bound:.2f}, and "reproduced" is predicted. Next: about {power.needs} replicates '
                'for this part, or predict "inconclusive"'
            )


def _check_nulls(id: str, design: Design) -> None:
    """Raise DesignError for a null setting among the parts that decide: it is read beside, outside of Holm's family."""
    for part in design.parts:
        if part.null_setting:
            raise DesignError(
                f"{id}, part {part.name!r}: a null setting decides nothing. Next: no_gain() in the design's beside="
            )


def _check_name(claim: Claim, session: Session, together: Sequence[Claim]) -> None:
    """Raise LockError for a claim that is another one under a new name: its attempts under the old one would go."""
    there = session.catalogue.claims
    if still := [old for old in claim.supersedes if old in there]:
        raise LockError(
            f"{claim.id} supersedes {still[0]}, which its file still defines. Next: remove that file, or supersedes="
        )
    if (old := session.registry.same(claim, session.scale)) is not None:
        if old.paper != claim.paper:
            next_ = f"harness lock {old.claim} --replicates {old.replicates}, for the same claim on fresh replicates"
        elif old.claim in there:
            next_ = f"compare something else, or harness lock {old.claim} --replicates {old.replicates or 'N'}"
        else:
            next_ = f'supersedes=("{old.claim}",) in the claim, so that its attempts are counted as this one\'s'
        gone = "" if old.claim in there else ", which no file defines any more"
        raise LockError(f"{claim.id} compares what {old.claim} does, locked on {old.locked}{gone}. Next: {next_}")
    text = locked_text(claim, session.scale)
    for other in together:
        if other.id != claim.id and reads_alike(locked_text(other, session.scale), text):
            raise LockError(f"{claim.id} compares what {other.id} does. Next: lock one of them")


def _chosen(session: Session, replicates: int | None) -> Sequence[Claim]:
    """Return the claims that are to be locked; all of them where none is left, for the error that says so."""
    if replicates is not None:
        known = [claim for claim in session.claims if session.registry.find(claim, session.scale) is not None]
        return [claim for claim in known if not claim.design(session.scale).exact] or session.claims
    left = [claim for claim in session.claims if session.registry.find(claim, session.scale) is None]
    return left or session.claims


def _family(session: Session, claim: Claim, claims: Sequence[Claim]) -> Family:
    registry, scale = session.registry, session.scale
    ids = {each.id for each in claims if each.paper == claim.paper and not each.design(scale).exact}
    number = registry.next_round
    return Family(frozenset(ids), registry.alpha(claim.paper, scale, number), number)
