"""Why a claim's trainings run again: which field or digest differs from what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.design import Claim, changes, locked_text
from harness.expression import Measured, describe
from harness.workflow._planning import make_plan, told_of_code
from harness.workflow._session import Session

if TYPE_CHECKING:
    from harness.store import Store

MOST_DIFFERENCES = 4  # a stored node that differs in more is no relation
DEFAULT = "at its default"
MOST_COMPARED = 5  # nodes for which the closest stored one is looked for


@dataclass(frozen=True)
class Closest:
    """A node that was never computed, and in what the most similar stored one differs from it."""

    node: Measured
    differs: str


@dataclass(frozen=True)
class Explained:
    """Why a claim's trainings are due: how it departs from its lock, and how many are due for each reason."""

    claim: str
    fault: str  # empty where it is as locked
    due: Mapping[str, int]  # by reason, the most frequent first
    closest: tuple[Closest, ...]
    warning: str = ""  # where code has changed under what is stored


def explain(session: Session, claim: str | None = None) -> Explained:
    """Say which field or digest makes a claim's trainings run again.

    Args:
        session: What `open_session` returned.
        claim: Id of the claim; needed only where the session has several.

    Returns:
        How the claim departs from its lock, the reasons for what is due, and the closest stored trainings.

    Raises:
        UsageError: Where the session has no such claim.
        DesignError: For a design that cannot decide or compares unlike arms.

    Example:
        >>> explain(open_session("ramanujan2020", quick=True)).fault
        ''
    """
    from harness.compute import NEVER

    chosen = session.claim(claim)
    plan = make_plan(session, only_as_locked=False).plan
    reasons = plan.reasons()
    due = [unit for unit in plan.units.values() if chosen.id in unit.wanted_by and reasons[unit.name]]
    new = {unit.node.key: unit.node for unit in due if reasons[unit.name] == NEVER}
    closest = (Closest(node, _closest(node, plan.store)) for node in list(new.values())[:MOST_COMPARED])
    return Explained(
        claim=chosen.id,
        fault=_fault(chosen, session),
        due=dict(Counter(reasons[unit.name] for unit in due).most_common()),
        closest=tuple(each for each in closest if each.differs),
        warning=told_of_code(plan.by_other_code(), plan.by_other_own_code()),
    )


def _fault(claim: Claim, session: Session) -> str:
    """Say how a claim departs from its lock: in what its text is another one."""
    registry, scale = session.registry, session.scale
    fault, entry = registry.fault(claim, scale), registry.find(claim, scale)
    text = registry.text(entry) if fault and entry is not None else None
    told = [] if text is None else changes(text, locked_text(claim, scale))
    return f"{fault.partition(':')[0]}: {'; '.join(told)}" if told else fault


def _closest(node: Measured, store: Store) -> str:
    """Return how the most similar stored node differs: ``recipe.optimiser.lr 0.001 instead of 0.002``."""
    wanted = dict(_leaves(describe(node), ""))
    best: list[str] = []
    for record in store.records.values():
        for described in record.nodes.values():
            stored = dict(_leaves(described, ""))
            names = sorted(n for n in {*wanted, *stored} if wanted.get(n) != stored.get(n))
            told = [f"{n} {stored.get(n, DEFAULT)} instead of {wanted.get(n, DEFAULT)}" for n in names]
            if stored["is"] == wanted["is"] and told and (not best or len(told) < len(best)):
                best = told
    return "; ".join(best) if len(best) <= MOST_DIFFERENCES else ""


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, str(value)
