"""Masks, starts and measurements of a reader's own: written here, in no file of the harness, and taken to the store."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from harness.compute._plan import Plan, Wanted
from harness.compute._run import run_plan
from harness.data._tasks import DIGITS, Task
from harness.engine._untrained import measurement
from harness.errors import RunError
from harness.expression import (
    Asked,
    Mask,
    Measured,
    Measurement,
    Start,
    density,
    lineage,
    prune,
    rebuilt,
    train,
)
from harness.networks._initial import initial_values
from harness.networks._network import Network, mlp
from harness.networks._recipe import Adam, Recipe
from harness.population._flops import evaluation_flops
from harness.population._population import MemberResult, Program, Row
from harness.store._store import Store
from harness.streams import Replicate
from tests.inline import Inline

NET = mlp(64, 12, 10)
RECIPE = Recipe(optimiser=Adam(3e-3), steps=6, batch=20, validate_every=6)
HALF = Fraction(1, 2)
REPLICATES = tuple(Replicate(11, i) for i in range(2))
DENSE = train(NET, DIGITS, RECIPE)
PRUNED = prune(DENSE, keep=HALF)


def computed(path, *nodes):
    """The plan of these nodes, computed and stored."""
    plan = Plan([Wanted("tests/own", nodes, REPLICATES)], Store(path))
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})
    assert plan.due() == []
    return plan


@dataclass(frozen=True, eq=False, repr=False)
class Complement(Mask):
    """What another mask removes."""

    mask: Mask

    @property
    def network(self):
        return self.mask.network

    def bits(self, stored):
        bits = stored.bits(self.mask).copy()
        for tensor in self.network.prunable().values():
            bits[tensor.slice] ^= True
        return bits

    def kept_in(self, layers):
        sizes = {name: tensor.size for name, tensor in self.network.prunable().items()}
        rest = self.mask.kept_in(layers)
        return None if rest is None else sum(sizes[name] for name in layers) - rest


def test_a_mask_of_one_s_own_is_trained_under(tmp_path):
    """One class is enough: its parents, key, density, bits, lineage and variants follow."""
    keep = Fraction(1, 5)
    ticket = train(NET, DIGITS, RECIPE, mask=Complement(prune(DENSE, keep=keep)), start=DENSE.at(0))
    assert density(ticket) == 1 - density(prune(DENSE, keep=keep))
    assert lineage([ticket]) == [DENSE, ticket]
    faster = rebuilt(ticket, {}, recipe=lambda recipe: recipe.with_lr(1.0), moment=lambda step: step)
    assert faster.mask.mask.source.training.recipe.optimiser.lr == 1.0
    plan = computed(tmp_path, ticket)
    for replicate in REPLICATES:
        ends = {node: plan.store.array(plan.entry(node, replicate), "end", NET.flat_size) for node in (DENSE, ticket)}
        for name, tensor in NET.prunable().items():
            left = np.flatnonzero(ends[ticket][tensor.slice])
            by_size = np.argsort(np.abs(ends[DENSE][tensor.slice]), kind="stable")
            smallest = by_size[: tensor.size - ticket.mask.mask.kept_in(frozenset({name}))]
            assert set(left) <= set(smallest)
            assert len(left) > 0.9 * len(smallest)


@dataclass(frozen=True, eq=False, repr=False)
class Signs(Start):
    """The signs that another start's weights have, times one size."""

    start: Start
    size: Fraction = Fraction(1, 10)

    def values(self, stored, network):
        return np.sign(self.start.values(stored, network)) * np.float32(self.size)


def test_a_start_of_one_s_own_is_trained_from(tmp_path):
    """A start is one class too, and may be made of others."""
    node = train(NET, DIGITS, RECIPE, start=Signs(DENSE.at("end")))
    assert lineage([node]) == [DENSE, node]
    plan = computed(tmp_path, DENSE)
    further = Plan([Wanted("tests/own", (node,), REPLICATES[:1])], plan.store)
    (member,) = further.pack(further.ready(set())).members
    end = plan.store.array(plan.entry(DENSE, REPLICATES[0]), "end", NET.flat_size)
    np.testing.assert_array_equal(member.start, np.sign(end) * np.float32(0.1))


@dataclass(frozen=True, eq=False, repr=False)
class Turned(Measured):
    """The share of the weights that `mask` keeps whose sign differs between two weights."""

    network: Network
    task: Task
    weights: Start
    other: Start
    mask: Mask | None = None
    power: int = 1
    by: str = "turned"

    @property
    def asked(self):
        return Asked(measurement=Measurement(self.by, "count turned signs", settings=(("power", self.power),)))

    @property
    def begins(self):
        return self.weights

    @property
    def ends(self):
        return self.other

    def measures(self, metric):
        return metric == "turned"


def turned(population, device, power):
    results = []
    for member in population.members:
        kept = np.concatenate([member.mask[t.slice] for t in population.program.network.prunable().values()])
        signs = [
            np.concatenate([np.sign(flat[t.slice]) for t in population.program.network.prunable().values()])
            for flat in (member.start, member.end)
        ]
        share = float((signs[0] != signs[1])[kept].mean()) ** power
        results.append(MemberResult(member.unit, (Row("turned", 0, share),), {}))
    return tuple(results)


@pytest.fixture
def registered(monkeypatch):
    """The measurement, registered for one test."""
    from harness.engine import _untrained

    monkeypatch.setattr(_untrained, "MEASUREMENTS", dict(_untrained.MEASUREMENTS))
    return measurement("turned")(turned)


@pytest.mark.parametrize("by", ["turned", f"{__name__}:turned"])
def test_a_measurement_of_one_s_own_is_stored(tmp_path, registered, by):
    """One class and one function, known by a registered name or by where it is, give rows of the store."""
    node, square = (Turned(NET, DIGITS, DENSE.at(0), DENSE.at("end"), PRUNED, power=power, by=by) for power in (1, 2))
    assert node.measures("turned")
    assert not node.measures("test_accuracy")
    assert density(node) == density(PRUNED)
    program = Program.of(node)
    assert program.label == f"{DIGITS.name}: count turned signs"
    assert program.packs == program != Program.of(square).packs  # settings are not packed together
    assert evaluation_flops(program) == 0
    plan = computed(tmp_path, node, square)
    for replicate in REPLICATES:
        end = plan.store.array(plan.entry(DENSE, replicate), "end", NET.flat_size)
        start = initial_values(NET, replicate, "init", 0)
        turns, kept = 0, 0
        for name, tensor in NET.prunable().items():
            count = PRUNED.kept_in(frozenset({name}))
            largest = np.argsort(-np.abs(end[tensor.slice]), kind="stable")[:count]
            turns += int((np.sign(start) != np.sign(end))[tensor.slice][largest].sum())
            kept += count
        (row,) = plan.store.rows(plan.entry(node, replicate))
        assert (row.metric, row.step, row.value) == ("turned", 0, turns / kept)
        (squared,) = plan.store.rows(plan.entry(square, replicate))
        assert squared.value == row.value**2


@pytest.mark.parametrize("by", ["truned", f"{__name__}:truned", "no.such.module:turned"])
def test_an_unknown_measurement_is_named(tmp_path, registered, by):
    """A name that neither the engine nor a module knows ends the run, with the nearest names and what to do."""
    node = Turned(NET, DIGITS, DENSE.at(0), DENSE.at("end"), PRUNED, by=by)
    with pytest.raises(RunError, match=rf"{by}.*Measurements: .*turned.*Next: register it"):
        computed(tmp_path, node)


def test_a_node_that_leaves_something_unsaid_cannot_be_made():
    """A mask without its bits is refused when it is made, not when it is trained under."""

    @dataclass(frozen=True, eq=False, repr=False)
    class Half(Mask):
        network: Network

        def kept_in(self, layers):
            return 0

    with pytest.raises(TypeError, match="bits"):
        Half(NET)
