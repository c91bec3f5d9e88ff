"""What is due is followed from record to record: the same as from scratch, and only what changed is looked at."""

import random
from fractions import Fraction

import pytest

from harness import DIGITS, prune, train
from harness.compute._due import Due
from harness.compute._plan import Plan
from harness.population._population import unit_name
from harness.store._store import Store
from tests.compute.test_plan import (
    DENSE,
    FIRST,
    LATE,
    NET,
    RECIPE,
    REINIT,
    REPLICATES,
    SCORES,
    SECOND,
    compute,
    fake,
    recompute,
    request,
)

NODES = (DENSE, FIRST, SECOND, REINIT, LATE, SCORES)


@pytest.mark.parametrize("seed", range(5))
def test_following_records_equals_looking_from_scratch(tmp_path, seed):
    """Whatever is computed, and computed again with other digests, one plan says what a new one on the store says."""
    draw, plan = random.Random(seed), Plan([request(*NODES)], Store(tmp_path))
    with plan.store.writing() as writer:
        for generation in range(12):
            if draw.random() < 0.6 and (units := plan.next_population(set(), idle=1)):
                population = plan.pack(units[: draw.randint(1, len(units))])
                writer.add(population, fake(population, generation), {})
            elif stored := [n for n in NODES if all(unit_name(n, r) in plan.store.entries for r in REPLICATES)]:
                recompute(plan, writer, draw.choice(stored), draw.randint(0, 1))
            anew = Plan([request(*NODES)], Store(tmp_path))
            assert plan.reasons() == anew.reasons()
            for running in (set(), {unit_name(DENSE, REPLICATES[0])}):
                assert plan.ready(running) == anew.ready(running)


def test_only_what_a_record_changes_is_looked_at(tmp_path, monkeypatch):
    """Of a ladder and other trainings, storing one level looks at its units and at those made from it directly."""
    ladder = [DENSE]
    for k in range(1, 6):
        mask = prune(ladder[-1], keep=Fraction(1, 2) ** k)
        ladder.append(train(NET, DIGITS, RECIPE, mask=mask, start=DENSE.at(5)))
    plan = Plan([request(*ladder, SCORES)], Store(tmp_path))
    looked, real = [], Due._reason
    monkeypatch.setattr(Due, "_reason", lambda due, name: (looked.append(name), real(due, name))[1])
    with plan.store.writing() as writer:
        dense = plan.pack([plan.units[unit_name(DENSE, r)] for r in REPLICATES])
        writer.add(dense, fake(dense), {})
        assert {unit.node for unit in plan.ready(set())} == {ladder[1], SCORES}
        looked.clear()
        first = plan.pack([plan.units[unit_name(ladder[1], r)] for r in REPLICATES])
        writer.add(first, fake(first), {})
        assert {unit.node for unit in plan.ready(set())} == {ladder[2], SCORES}
        assert sorted(looked) == sorted(unit_name(node, r) for node in ladder[1:3] for r in REPLICATES)
        looked.clear()
        plan.ready(set())
        assert looked == []
        compute(plan, writer)
    assert plan.due() == []
