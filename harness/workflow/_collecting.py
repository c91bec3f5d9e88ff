"""From a plan whose units are stored to results: the rows of every request, what they cost, where they were made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness import data
from harness.design import Scale, metric
from harness.expression import Measured, kept_if_known
from harness.population import Program, Provenance, evaluation_flops, training_flops
from harness.streams import SUITE_SEED, Replicate
from harness.verdict import ALWAYS_KEPT, ClaimRows, Cost, Metadata, ResultRow, Results, digest_of, frame_of
from harness.workflow._planning import Planned, Request

if TYPE_CHECKING:
    from harness.compute import Plan
    from harness.store import Entry, Record


def collect(made: Planned, *, scale: str, suite_seed: int, quick: bool, variant: str = "") -> Results:
    """Return the results of every request whose units are all stored and usable; others are left out."""
    plan = made.plan
    reasons = plan.reasons()
    rows: list[ResultRow] = []
    claims: dict[str, ClaimRows] = {}
    for request in made.requests:
        names = request.wanted.units()
        if any(reasons[name] for name in names):
            continue
        answered = _answered(plan, request)
        mine = _rows(plan, request, answered)
        rows += mine
        claims[request.claim.id] = ClaimRows(
            version=request.claim.version,
            digest=request.digest or request.claim.digest(Scale(scale)),
            replicates=tuple(r.index for r in request.replicates),
            cost=_cost(plan, names),
            examples=answered,
            exact={e.name: str(e.value) for e in request.design.exact},
            suite_seed=next((r.suite_seed for r in request.replicates if r.suite_seed != suite_seed), None),
            digests=_digests(plan, request, mine),
            axis=request.design.axis,
        )
    meta = Metadata(
        scale=Scale(scale),
        suite_seed=suite_seed,
        quick=quick,
        variant=variant,
        claims=claims,
        records={name: _provenance(plan.store.records[name]) for name in sorted({row.record for row in rows})},
    )
    return Results(frame_of(rows), meta)


def _provenance(record: Record) -> Provenance:
    return replace(record.provenance, program=record.program, members=len(record.members))


def _answered(plan: Plan, request: Request) -> dict[str, int]:
    """Return by task from how many examples the test sets are drawn, where it is kept which were answered correctly.

    Where each replicate has test images of its own, answers are in the results from round 1 on: what was collected
    before stays as it was.
    """
    found: dict[str, int] = {}
    for task in {node.task for node in request.design.nodes if node.task.keeps_answers}:
        of = [node for node in request.design.nodes if node.task == task]
        later = all(replicate.suite_seed != SUITE_SEED for replicate in request.replicates)
        if task.fixed_test or (later and all(_has_answers(plan, node, r) for node in of for r in request.replicates)):
            found[task.name] = task.tested_from
    return found


def _has_answers(plan: Plan, node: Measured, replicate: Replicate) -> bool:
    entry = plan.entry(node, replicate)
    return entry is not None and "correct" in entry.outs


def _correct(plan: Plan, node: Measured, entry: Entry, tested: NDArray[np.int64], among: int) -> bytes:
    """Return packed bits: which of `among` examples were answered correctly, after those that were `tested`, if fewer.

    So of examples that are drawn for each replicate it is told which they were.
    """
    right = plan.store.array(entry, "correct", node.task.test_examples).astype(np.bool_)
    if len(tested) == among:
        return np.packbits(right).tobytes()
    both = np.zeros((2, among), np.bool_)
    both[0, tested], both[1, tested] = True, right
    return np.packbits(both, axis=1).tobytes()


def _rows(plan: Plan, request: Request, answered: Mapping[str, int]) -> list[ResultRow]:
    rows = []
    tested = {
        (task, replicate): data.tested(task, replicate)
        for task in {node.task for node in request.design.nodes if node.task.name in answered}
        for replicate in request.replicates
    }
    read = dict.fromkeys(part.metric for part in request.design.compared())
    metrics = dict.fromkeys((*ALWAYS_KEPT, *read))
    for arm, points in request.design.points.items():
        series = {metric(name).series for name in read if len(points) == 1}  # over densities numbers alone are shown
        for density, draw, node in _flat(points):
            known = kept_if_known(node)
            for replicate in request.replicates:
                entry = plan.entry(node, replicate)
                assert entry is not None
                every = sorted(plan.store.rows(entry), key=lambda row: row.step)
                final = {row.metric: row for row in every}
                made = [metric(name).read(final) if name in read else final.get(name) for name in metrics]
                made += [row for row in every if row.metric in series]
                rows += [
                    ResultRow(
                        claim=request.claim.id,
                        version=request.claim.version,
                        arm=arm,
                        density=float(density),
                        kept=-1 if known is None else known,
                        draw=draw,
                        suite_seed=replicate.suite_seed,
                        replicate=replicate.index,
                        metric=row.metric,
                        step=row.step,
                        value=row.value,
                        diverged=entry.diverged,
                        key=node.key,
                        record=entry.record,
                        correct=_correct(plan, node, entry, tested[node.task, replicate], answered[node.task.name])
                        if row.metric == "test_accuracy" and node.task.name in answered
                        else None,
                    )
                    for row in made
                    if row is not None
                ]
    return rows


def _digests(plan: Plan, request: Request, rows: Sequence[ResultRow]) -> tuple[str, ...]:
    """Return for each replicate one digest of what the units gave that have rows."""
    nodes = {node.key: node for _, points in request.design.points.items() for _, _, node in _flat(points)}
    keys = {row.key for row in rows}
    return tuple(
        digest_of((key, entry.out) for key in keys if (entry := plan.entry(nodes[key], replicate)) is not None)
        for replicate in request.replicates
    )


def _flat(points: Mapping[Fraction, tuple[Measured, ...]]) -> list[tuple[Fraction, int, Measured]]:
    return [(density, draw, node) for density, nodes in points.items() for draw, node in enumerate(nodes)]


def _cost(plan: Plan, names: list[str]) -> Cost:
    """Return what the units `names` cost: a member has its share of its population's time."""
    steps, seconds, shared, training, evaluation = 0, 0.0, 0, 0, 0
    devices: defaultdict[str, float] = defaultdict(float)
    ceiling: float | None = 0.0
    counted: dict[str, tuple[int, int, int]] = {}  # by node, of which there is a unit a replicate
    for name in names:
        unit = plan.units[name]
        if unit.node.key not in counted:
            program = Program.of(unit.node)
            counted[unit.node.key] = program.steps, training_flops(program), evaluation_flops(program)
        member_steps, trained, evaluated = counted[unit.node.key]
        record = plan.store.records[plan.store.entries[name].record]
        share, rate = record.provenance.wall_s / len(record.members), record.provenance.matmul_flops
        steps += member_steps
        seconds += share
        shared += len(unit.wanted_by) > 1
        training += trained
        evaluation += evaluated
        devices[record.provenance.occupied] += share
        ceiling = None if ceiling is None or rate is None else ceiling + share * rate
    return Cost(
        trainings=len(names),
        shared=shared,
        member_steps=steps,
        worker_s=round(seconds, 1),
        devices={name: round(s, 1) for name, s in sorted(devices.items())},
        training_flops=training,
        evaluation_flops=evaluation,
        ceiling_flop=round(ceiling) if ceiling else None,
    )
