"""What claims need, what of it is stored, what the rest costs, and whether the replicates can decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.design import (
    Claim,
    Design,
    Locked,
    Registry,
    design_of,
    shorten,
)
from harness.population import Program, population_bytes
from harness.streams import SUITE_SEED, Replicate
from harness.workflow._deciding import Family, PartPower, family, part_powers
from harness.workflow._session import Session, check_claims

if TYPE_CHECKING:
    from harness.compute import Plan, Unit, Wanted
    from harness.store import Store

QUICK_REPLICATES = 2


@dataclass(frozen=True)
class Request:
    """A claim, its design, and the replicates it is to be run on."""

    claim: Claim
    design: Design
    replicates: tuple[Replicate, ...]
    digest: str = ""  # of its entry, if it is locked

    @property
    def wanted(self) -> Wanted:
        """What is to be stored for it."""
        from harness.compute import Wanted

        return Wanted(self.claim.id, self.design.nodes, self.replicates)


@dataclass(frozen=True)
class Planned:
    """What claims ask for, and the plan of all of it."""

    requests: Sequence[Request]
    plan: Plan

    @classmethod
    def of(cls, requests: Sequence[Request], store: Store, kind: str = "cpu") -> Planned:
        """Return the plan of these requests on a store."""
        from harness.compute import Plan

        return cls(requests, Plan([request.wanted for request in requests], store, kind))

    def units_of(self) -> dict[str, list[Unit]]:
        """Return by claim the units that it wants."""
        found: defaultdict[str, list[Unit]] = defaultdict(list)
        for unit in self.plan.units.values():
            for claim in unit.wanted_by:
                found[claim].append(unit)
        return found


@dataclass(frozen=True)
class ClaimWork:
    """What a claim needs, in trainings and evaluations: how many are stored, shared with other claims, and due."""

    claim: str
    needs: int
    stored: int
    shared: int
    due: int
    member_steps: int
    core_s: float


@dataclass(frozen=True)
class PopulationWork:
    """The due members of one program: into how many populations they pack, at least, of up to `size` members."""

    program: str
    members: int
    populations: int
    size: int
    core_s: float
    memory: int  # bytes of one population


@dataclass(frozen=True)
class Work:
    """What a session would compute: by claim, by population, in total, and whether its replicates can decide.

    `families` has by claim those among which Holm will adjust, and their level; `unusable` names records that cannot be
    trusted, with the reason; `sources` are the data sets that what is due needs.
    """

    claims: tuple[ClaimWork, ...]
    populations: tuple[PopulationWork, ...]
    power: tuple[PartPower, ...]
    families: Mapping[str, Family]
    unusable: Mapping[str, str]
    totals: Totals
    sources: frozenset[str]


def plan(session: Session) -> Work:
    """Say what would be computed, what is stored or shared, the cost, and whether the replicates can decide.

    Args:
        session: What `open_session` returned.

    Returns:
        One line per claim, per program that is due and per part that decides, and the totals.

    Raises:
        DesignError: For a design that cannot decide or compares unlike arms.
        LockError: For a claim that changed since it was locked.
        DataError: For data of your own that are not what the store's records were computed from.

    Example:
        >>> plan(open_session("ramanujan2020", quick=True)).totals.different
        20
    """
    made = make_plan(session)
    families = {
        request.claim.id: family(session.registry, session.catalogue, request.claim, session.scale)
        for request in made.requests
        if request.design.parts
    }
    due = made.plan.due()
    return Work(
        claims=_claims(made, due),
        populations=_populations(made.plan, due),
        power=part_powers(made.requests, session, families),
        families=families,
        unusable=dict(made.plan.store.bad),
        totals=totals(made.plan, session.workers),
        sources=frozenset(unit.node.task.source for unit in due),
    )


def make_plan(session: Session, *, only_as_locked: bool = True) -> Planned:
    """Return the plan of a session: its claims, and those of their families that are stored already.

    Raises DesignError for a design that cannot decide or compare, and LockError for a claim changed since it was
    locked, where `only_as_locked`.
    """
    from harness.compute import Plan
    from harness.store import Store

    registry = session.registry
    check_claims(session, session.claims)
    if only_as_locked:
        registry.check(session.claims, session.scale)
    store = Store(session.store)
    requests = [_request(claim, session, registry) for claim in session.claims]
    if session.quick or session.variant or session.is_rerun:
        return Planned.of(requests, store, session.device)
    papers = {claim.paper for claim in session.claims}
    companions = [
        _as_locked(other, session, registry)
        for id in sorted({entry.claim for entry in registry.entries if entry.scale == session.scale})
        if (other := session.catalogue.claims.get(id)) is not None
        and other.paper in papers
        and other not in session.claims
        and not other.design(session.scale).exact
        and not registry.fault(other, session.scale)
    ]
    stored = [request for request in companions if not Plan([request.wanted], store).due()]
    return Planned.of([*requests, *stored], store, session.device)


def request_of(claim: Claim, session: Session) -> Request:
    """Return a claim's design and replicates, as the session asks for them."""
    return _request(claim, session, session.registry)


def _request(claim: Claim, session: Session, registry: Registry) -> Request:
    design = design_of(claim, session.scale, session.variant)
    entry = registry.find(claim, session.scale)
    if design.exact:
        return Request(claim, design, (), _digest(entry))
    if session.quick:
        block = tuple(Replicate(SUITE_SEED, i) for i in range(session.replicates or QUICK_REPLICATES))
        return Request(claim, shorten(design), block, _digest(entry))
    request = replace(_as_locked(claim, session, registry), design=design)
    if session.replicates is None:
        return request
    first = request.replicates[0]
    block = tuple(replace(first, index=first.index + i) for i in range(session.replicates))
    return replace(request, replicates=block)


def _as_locked(claim: Claim, session: Session, registry: Registry) -> Request:
    entry = registry.find(claim, session.scale)
    block = registry.replicates(claim, session.scale)
    return Request(claim, claim.design(session.scale), block, _digest(entry))


def _digest(entry: Locked | None) -> str:
    return "" if entry is None else entry.digest


@dataclass(frozen=True)
class Totals:
    """What a plan comes to: units that its claims need one by one, how many these are, and what the due ones cost.

    `core_s` are seconds of one core, or of one worker of a GPU, and `run_s` those of a run by `workers`; the share
    `guessed` of them is of work like none that was measured. Of what is stored, `other_code` were computed by other
    code of the harness than there is now, and `own_code` by other code of the project's own, by its name.
    """

    needed: int
    different: int
    due: int
    member_steps: int
    core_s: float
    run_s: float
    guessed: float = 0.0
    kind: str = "cpu"
    workers: int = 1
    other_code: int = 0
    own_code: Mapping[str, int] = field(default_factory=dict)

    @property
    def shared(self) -> float:
        """The share of what is needed that need not be computed, because another claim needs the same; 0 of nothing."""
        return 1 - self.different / self.needed if self.needed else 0.0

    @property
    def told(self) -> str:
        """The totals in words."""
        return (
            f"{self.different:,} different of {self.needed:,} trainings and evaluations needed: {self.shared:.0%} "
            f"shared between claims; {self.due:,} due, {self.member_steps:,} member-steps, about {self._time}"
            f"{told_of_guesses(self.guessed)}"
        )

    @property
    def _time(self) -> str:
        if self.kind == "cpu":
            return f"{self.core_s:,.0f} s of a core"
        return f"{self.run_s:,.0f} s of a GPU that {self.workers} workers share"

    @property
    def warning(self) -> str:
        """That code has changed under what is stored, in words; empty where it has not."""
        return told_of_code(self.other_code, self.own_code)


def totals(plan: Plan, workers: int | None = None) -> Totals:
    """Return what the plan comes to over all its claims, computed by so many workers or the usual number."""
    from harness.compute import usual_workers

    due, workers = plan.due(), workers or usual_workers(plan.kind)
    return Totals(
        needed=sum(len(unit.wanted_by) for unit in plan.units.values()),
        different=len(plan.units),
        due=len(due),
        member_steps=sum(Program.of(unit.node).steps for unit in due),
        core_s=plan.place_seconds(due),
        run_s=plan.run_seconds(due, workers),
        guessed=plan.guessed(due),
        kind=plan.kind,
        workers=workers,
        other_code=plan.by_other_code(),
        own_code=plan.by_other_own_code(),
    )


def told_of_code(units: int, own: Mapping[str, int]) -> str:
    """Say that so many stored units were computed by other code, of the harness and of the project, a line each."""
    lines = [
        f"{name} is not the code that computed {count:,} of the trainings and evaluations stored, which are taken as "
        "they are. Next: raise its version where it computes something else now; else nothing"
        for name, count in own.items()
    ]
    if units:
        lines.append(
            f"{units:,} of what is stored was computed by other code of the harness than this, and is taken as it is. "
            "Next: harness variance, which says whether training still gives the same, or --store with an empty folder"
        )
    return "\n".join(lines)


def told_of_guesses(share: float) -> str:
    """Say which share of seconds is guessed, where one is."""
    if not share:
        return ""
    return f", {'' if share > 0.995 else f'{share:.0%} of that '}guessed: nothing like it was measured here yet"


def plan_seconds(plan: Plan, workers: int) -> float:
    """Return about how long the due units take `workers`."""
    return plan.run_seconds(plan.due(), workers)


def _claims(made: Planned, due: Sequence[Unit]) -> tuple[ClaimWork, ...]:
    names, units_of = {unit.name for unit in due}, made.units_of()
    lines = []
    for request in made.requests:
        mine = units_of.get(request.claim.id, [])
        mine_due = [unit for unit in mine if unit.name in names]
        lines.append(
            ClaimWork(
                claim=request.claim.id,
                needs=len(mine),
                stored=len(mine) - len(mine_due),
                shared=sum(len(unit.wanted_by) > 1 for unit in mine),
                due=len(mine_due),
                member_steps=sum(Program.of(unit.node).steps for unit in mine_due),
                core_s=made.plan.place_seconds(mine_due),
            )
        )
    return tuple(lines)


def _populations(plan: Plan, due: Sequence[Unit]) -> tuple[PopulationWork, ...]:
    programs: defaultdict[Program, list[Unit]] = defaultdict(list)
    for unit in due:
        programs[Program.of(unit.node)].append(unit)
    lines = []
    for program, units in sorted(programs.items(), key=lambda item: item[0].label):
        members = len(units)
        size = plan.population_size(program, members, idle=1)
        lines.append(
            PopulationWork(
                program=program.label,
                members=members,
                populations=-(-members // size),
                size=size,
                core_s=plan.place_seconds(units),
                memory=population_bytes(program, min(members, size), plan.kind),
            )
        )
    return tuple(lines)
