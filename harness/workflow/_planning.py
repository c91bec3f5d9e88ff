"""``harness plan`` and ``harness why``: the plan of a session, shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from harness.compute import NEVER, Plan, Unit, Wanted, population_bytes
from harness.design import (
    Catalogue,
    Claim,
    Design,
    Part,
    Pilot,
    Registry,
    Scale,
    check_design,
    design_of,
    pilot_grid,
    pilots_of,
    read_pilots,
    shorten,
)
from harness.expression import Measured, describe
from harness.population import Program
from harness.stats import (
    ALPHA,
    MOST,
    POWER,
    SIGN_FLIP_FROM,
    Decision,
    flip_least,
    needs,
    power_at_bound,
    sd_upper,
)
from harness.store import Store
from harness.streams import PILOT_SEED, SUITE_SEED, Replicate

if TYPE_CHECKING:
    from harness.workflow._session import Session


@dataclass(frozen=True)
class Request:
    """A claim, its design, and the replicates it is to be run on."""

    claim: Claim
    design: Design
    replicates: tuple[Replicate, ...]

    @property
    def wanted(self) -> Wanted:
        """What is to be stored for it."""
        return Wanted(self.claim.id, self.design.nodes, self.replicates)


@dataclass(frozen=True)
class Planned:
    """What claims ask for, and the plan of all of it."""

    requests: Sequence[Request]
    plan: Plan

    @classmethod
    def of(cls, requests: Sequence[Request], store: Store, kind: str = "cpu") -> Planned:
        """Return the plan of these requests on a store."""
        return cls(requests, Plan([request.wanted for request in requests], store, kind))


QUICK_REPLICATES = 2
MOST_DIFFERENCES = 4  # a stored node that differs in more is no relation


def make_plan(session: Session) -> Planned:
    """Return the plan of a session: its claims, and those of their families that are stored already.

    Raises DesignError for a design that cannot decide or compare, LockError for a claim changed since it was locked.
    """
    registry = session.registry()
    for claim in session.claims:
        check_design(claim, session.scale)
    registry.check(session.claims, session.scale)
    store = Store(session.store)
    requests = [_request(claim, session, registry) for claim in session.claims]
    if session.quick or session.variant:
        return Planned.of(requests, store, session.device)
    papers = {claim.paper for claim in session.claims}
    companions = [
        Request(other, other.design(session.scale), registry.replicates(other, session.scale))
        for paper in sorted(papers)
        for id in registry.family(paper, session.scale)
        if (other := session.catalogue.claims.get(id)) is not None
        and other not in session.claims
        and not registry.fault(other, session.scale)
    ]
    stored = [request for request in companions if not Plan([request.wanted], store).due()]
    return Planned.of([*requests, *stored], store, session.device)


def _request(claim: Claim, session: Session, registry: Registry) -> Request:
    design = design_of(claim, session.scale, session.variant)
    if design.exact:
        return Request(claim, design, ())
    if session.quick:
        block = tuple(Replicate(SUITE_SEED, i) for i in range(session.replicates or QUICK_REPLICATES))
        return Request(claim, shorten(design), block)
    block = registry.replicates(claim, session.scale)
    if session.replicates is not None:
        first = block[0].index
        block = tuple(Replicate(SUITE_SEED, i) for i in range(first, first + session.replicates))
    return Request(claim, design, block)


def make_pilot_plan(session: Session, replicates: int, *, grid: bool) -> Planned:
    """Return the plan of a pilot: the same designs, or their declared grids, on pilot seeds."""
    block = tuple(Replicate(PILOT_SEED, i) for i in range(replicates))
    requests = []
    for claim in session.claims:
        check_design(claim, session.scale)
        design: Design | None = claim.design(session.scale)
        if claim.design(session.scale).exact:
            continue  # nothing is measured, so there is nothing to look at ahead
        if grid:
            design = pilot_grid(claim, session.scale)
        if design is not None:
            requests.append(Request(claim, design, block))
    return Planned.of(requests, Store(session.store), session.device)


def plan_seconds(plan: Plan, workers: int) -> float:
    """Return about how long the due units take on `workers` cores."""
    return plan.place_seconds(plan.due()) / workers


def show_left(made: Planned, workers: int, console: Console) -> None:
    """Print what a time limit left to be done, by claim, and about how long it takes on `workers` cores."""
    plan = made.plan
    due = {unit.name for unit in plan.due()}
    for request in made.requests:
        mine = [unit.name for unit in plan.units.values() if request.claim.id in unit.wanted_by]
        if left := sum(name in due for name in mine):
            console.print(f"  {request.claim.id}: {left} of {len(mine)} left", highlight=False)
    nodes = {unit.node for unit in plan.due()}
    longest = max((plan.seconds(Program.of(node), 1) for node in nodes), default=0.0)
    console.print(
        f"{len(due)} of {len(plan.units)} trainings and evaluations are left, about "
        f"{plan_seconds(plan, workers):.0f} s on {workers} workers; the longest takes about {longest:.0f} s",
        highlight=False,
    )


def show_plan(made: Planned, session: Session, console: Console) -> None:
    """Print the plan: what each claim needs, the populations, whether the replicates can decide, and totals."""
    plan = made.plan
    due = plan.due()
    _show_claims(made, due, console)
    if due:
        _show_populations(plan, due, console)
    _show_power(made, session, console)
    for name, reason in plan.store.bad.items():
        console.print(f"[yellow]record {name} is not usable: {reason}[/yellow]")
    console.print(totals(plan).told, highlight=False)


@dataclass(frozen=True)
class Totals:
    """What a plan comes to: units that its claims need one by one, how many these are, and what the due ones cost."""

    needed: int
    different: int
    due: int
    member_steps: int
    core_s: float

    @property
    def shared(self) -> float:
        """The share of what is needed that need not be computed, because another claim needs the same; 0 of nothing."""
        return 1 - self.different / self.needed if self.needed else 0.0

    @property
    def told(self) -> str:
        """The totals in words."""
        return (
            f"{self.different:,} different of {self.needed:,} trainings and evaluations needed: {self.shared:.0%} "
            f"shared between claims; {self.due:,} due, {self.member_steps:,} member-steps, about {self.core_s:,.0f} s "
            "of a core"
        )


def totals(plan: Plan) -> Totals:
    """Return what the plan comes to over all its claims."""
    due = plan.due()
    return Totals(
        needed=sum(len(unit.wanted_by) for unit in plan.units.values()),
        different=len(plan.units),
        due=len(due),
        member_steps=sum(Program.of(unit.node).steps for unit in due),
        core_s=plan_seconds(plan, 1),
    )


def _show_claims(made: Planned, due: Sequence[Unit], console: Console) -> None:
    names = {unit.name for unit in due}
    table = Table(
        "claim", "needs", "stored", "shared", "due", "member-steps due", "core time", title="trainings and evaluations"
    )
    plan = made.plan
    for request in made.requests:
        mine = [unit for unit in plan.units.values() if request.claim.id in unit.wanted_by]
        mine_due = [unit for unit in mine if unit.name in names]
        table.add_row(
            request.claim.id,
            str(len(mine)),
            str(len(mine) - len(mine_due)),
            str(sum(len(unit.wanted_by) > 1 for unit in mine)),
            str(len(mine_due)),
            f"{sum(Program.of(unit.node).steps for unit in mine_due):,}",
            f"{plan.place_seconds(mine_due):.0f} s",
        )
    console.print(table)


def _show_populations(plan: Plan, due: Sequence[Unit], console: Console) -> None:
    programs: Counter[Program] = Counter()
    for node, members in Counter(unit.node for unit in due).items():
        programs[Program.of(node)] += members
    packed = Table("program", "members", "populations", "core time", "memory each", title="populations due")
    for program, members in sorted(programs.items(), key=lambda item: item[0].label):
        size = plan.population_size(program, members, idle=1)
        packed.add_row(
            program.label,
            str(members),
            f"at least {-(-members // size)} of up to {size}",
            f"{plan.seconds(program, members):.0f} s",
            f"{population_bytes(program, min(members, size)) / 2**20:.0f} MiB",
        )
    console.print(packed)


def _show_power(made: Planned, session: Session, console: Console) -> None:
    registry = session.registry()
    pilots = read_pilots(session.pilots)
    papers = sorted({request.claim.paper for request in made.requests if request.design.parts})
    if not papers:
        return
    families = {paper: family(registry, session.catalogue, paper, session.scale) for paper in papers}
    table = Table(
        "claim",
        "part",
        "n",
        "pilot sd (upper)",
        "power at its bound",
        "needs",
        "can decide",
        title="can the replicates decide?",
        caption=f"in Holm's families of {', '.join(f'{paper} {len(ids)}' for paper, ids in families.items())}",
    )
    for request in made.requests:
        piloted = pilots_of(pilots, request.claim.id, session.scale)
        for part in request.design.parts:
            among = len(families[request.claim.paper])
            table.add_row(
                request.claim.id, part.name, str(len(request.replicates)), *power_of(request, part, piloted, among)
            )
    console.print(table)


def family(registry: Registry, catalogue: Catalogue, paper: str, scale: Scale) -> set[str]:
    """Return the claims of a paper among which Holm will adjust: those locked at `scale`, and those defined for it.

    One that is not locked yet will join the family when it is, and weigh on all others. Exact claims stand outside.
    """
    here = (claim for claim in catalogue.claims.values() if claim.paper == paper and scale in claim.predicted)
    return {*registry.family(paper, scale), *(claim.id for claim in here if not claim.design(scale).exact)}


def power_of(request: Request, part: Part, pilots: Sequence[Pilot], family: int) -> tuple[str, str, str, str]:
    """Return the claim's pilot sd with its upper limit, power and replicates needed at Holm's first step, an answer."""
    n = len(request.replicates)
    logged = [p for p in pilots if p.what == part.name and p.sd > 0]
    if not logged:
        return "no pilot", "–", "–", "unknown. Next: harness pilot"
    sd = logged[-1].sd
    upper = sd_upper(sd=sd, n=logged[-1].n)
    need = str(needs(part.kind, bound=part.bound, sd=upper, claims=family) or f"more than {MOST}")
    if n < 2:
        return f"{sd:.2f} ({upper:.2f})", "–", need, "no: one replicate has no spread"
    power = power_at_bound(part.kind, bound=part.bound, sd=upper, n=n, claims=family)
    at_pilot = part.kind.power_to_decide(logged[-1].mean, bound=part.bound, sd=upper, n=n, alpha=ALPHA / family)
    flipped = request.design.decision is Decision.SIGN_FLIP or n >= SIGN_FLIP_FROM
    flips = flipped and family * flip_least(n=n) > ALPHA
    verdict = (
        "no: sign-flip has too few replicates for the family"
        if flips
        else "yes"
        if at_pilot >= POWER
        else "perhaps not"
    )
    return f"{sd:.2f} ({upper:.2f})", f"{power:.2f}; at the pilots' effect {at_pilot:.2f}", need, verdict


def explain_plan(made: Planned, session: Session, console: Console) -> None:
    """Print which field or digest makes a claim's trainings run again."""
    registry = session.registry()
    claim = session.claims[0]
    console.print(f"{claim.id}: {registry.fault(claim, session.scale) or 'as locked'}", highlight=False)
    plan = made.plan
    reasons = plan.reasons()
    counted = Counter(
        reasons[unit.name] for unit in plan.units.values() if claim.id in unit.wanted_by and reasons[unit.name]
    )
    if not counted:
        console.print("nothing is due: every training it needs is stored and its lineage holds")
    for reason, count in counted.most_common(20):
        console.print(f"{count} due: {reason}", highlight=False)
    new = {u.node.key: u.node for u in plan.units.values() if claim.id in u.wanted_by and reasons[u.name] == NEVER}
    for node in list(new.values())[:5]:
        if closest := _closest(node, plan.store):
            console.print(f"closest to {node!r} is a stored one with {closest}", highlight=False)
    if len(counted) > 20:
        console.print(f"and {len(counted) - 20} more reasons")


def _closest(node: Measured, store: Store) -> str:
    """Return how the most similar stored node differs: ``recipe.optimiser.lr 0.001, not 0.002``."""
    wanted = dict(_leaves(describe(node), ""))
    best: list[str] = []
    for record in store.records.values():
        for described in record.nodes.values():
            stored = dict(_leaves(described, ""))
            names = sorted(n for n in {*wanted, *stored} if wanted.get(n) != stored.get(n))
            told = [f"{n} {stored.get(n, 'by default')}, not {wanted.get(n, 'by default')}" for n in names]
            if stored["is"] == wanted["is"] and told and (not best or len(told) < len(best)):
                best = told
    return "; ".join(best) if len(best) <= MOST_DIFFERENCES else ""


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, str(value)
