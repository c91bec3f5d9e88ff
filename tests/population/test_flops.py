"""Operations and sizes are exact, and the report accounts for what a claim cost.

Also tests `engine._processor` and `report._accounting`.
"""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.compute._run import run_plan
from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS
from harness.design._claim import Scale
from harness.engine import _course as engine
from harness.engine._machine import matmul_flops
from harness.engine._processor import processor
from harness.expression import Scores, between, evaluate, fresh, magnitudes, prune, random_mask, train
from harness.networks._layers import Conv, Flatten, Image, Linear, Relu
from harness.networks._network import Network, mlp
from harness.networks._recipe import Adam, Recipe
from harness.population._flops import evaluation_flops, kept_multiply_adds, parameter_count, training_flops
from harness.population._population import Program
from harness.report._accounting import Size, cost_in_words, network_sizes, si
from harness.store._store import Store
from harness.verdict._results import read_results, write_results
from harness.workflow._collecting import collect
from harness.workflow._planning import Planned
from tests import synthetic
from tests.inline import NET, RECIPE, Inline, small_design, small_request
from tests.members import PROGRAMS, population
from tests.synthetic import design

LENET = mlp(64, 300, 100, 10)
TRAINED = Program(LENET, DIGITS, Recipe(optimiser=Adam(1e-3), steps=600, batch=60, validate_every=250))


def test_training_is_three_products_a_layer_and_two_in_the_first():
    """Outputs, gradients of weights, and gradients of inputs but for the network's own inputs."""
    inside = 300 * 100 + 100 * 10
    assert training_flops(TRAINED) == 600 * 60 * (4 * 64 * 300 + 6 * inside)
    assert training_flops(replace(TRAINED, first_step=100)) * 600 == training_flops(TRAINED) * 500
    assert training_flops(Program(LENET, DIGITS)) == 0


def test_evaluations_are_counted_as_the_engine_makes_them():
    """Validations at every so many steps and the last, two tests; with BatchNorm the calibration inputs each time."""
    forward = 2 * LENET.weights
    assert evaluation_flops(TRAINED) == forward * (3 * 297 + 2 * 500)
    assert evaluation_flops(replace(TRAINED, first_step=250)) == forward * (2 * 297 + 2 * 500)
    assert evaluation_flops(Program(LENET, DIGITS)) == forward * 500
    normed = mlp(128, 33, 10, batch_norm=True)
    assert evaluation_flops(Program(normed, DIGIT_DIFFERENCE)) == 2 * normed.weights * (1000 + 4000)


NORMED = mlp(128, 33, 10, batch_norm=True)
UNTRAINED = {
    "evaluation": evaluate(LENET, DIGITS),
    "on training images": evaluate(LENET, DIGITS, split="train"),
    "on validation pairs": evaluate(NORMED, DIGIT_DIFFERENCE, split="validation"),
    "path": between(fresh(), train(NORMED, DIGIT_DIFFERENCE, TRAINED.recipe), points=3),
    "magnitudes": magnitudes(LENET, DIGITS),
}


@pytest.mark.parametrize("name", [*PROGRAMS, *UNTRAINED, "from a later step"])
def test_the_count_is_what_torch_counts(name):
    """All products that torch executes for a population are those that are counted, to the last one."""
    programs = (
        PROGRAMS
        | {"from a later step": replace(TRAINED, first_step=595)}
        | {what: Program.of(node) for what, node in UNTRAINED.items()}
    )
    program = programs[name]
    made = population(program, range(2))
    made = replace(made, members=tuple(replace(m, end=m.start) for m in made.members))
    for numerics in ("float32", "bfloat16"):
        matmul_flops(torch.device("cpu"), numerics)  # measured once, not counted
    with FlopCounterMode(display=False) as counted:
        engine.compute(made)
    assert counted.get_total_flops() == 2 * (training_flops(program) + evaluation_flops(program))


def test_sizes_of_pruned_networks():
    """Kept weights and what is never pruned; masks of every kind, before anything is run."""
    dense = train(NET, DIGITS, RECIPE)
    others = 12 + 10
    assert parameter_count(dense) == 888 + others
    for mask in (
        random_mask(NET, keep=Fraction(1, 8)),
        prune(dense, keep=Fraction(1, 8)),
        prune(dense, keep=Fraction(1, 8), scope="global"),
        train(NET, DIGITS, RECIPE, learn=Scores(Fraction(1, 8))).learned_mask(),
    ):
        for node in (train(NET, DIGITS, RECIPE, mask=mask), evaluate(NET, DIGITS, weights=fresh("reinit"), mask=mask)):
            assert (parameter_count(node), kept_multiply_adds(node)) == (111 + others, 111)
    popup = train(NET, DIGITS, RECIPE, learn=Scores(Fraction(1, 8)))
    assert (parameter_count(popup), kept_multiply_adds(popup)) == (111 + others, 111)


def test_multiply_adds_by_layer_where_weights_are_used_unequally_often():
    """A convolution's weight is used at every place: layers count by themselves, competing ones only after training."""
    net = Network((Image(1, 8, 8), Conv("conv", 1, 4), Relu(), Flatten(), Linear("output", 256, 10)))
    dense = train(net, DIGITS, RECIPE)
    layerwise = train(net, DIGITS, RECIPE, mask=prune(dense, keep=Fraction(1, 4)))
    together = train(net, DIGITS, RECIPE, mask=prune(dense, keep=Fraction(1, 4), scope="global"))
    popup = train(net, DIGITS, RECIPE, learn=Scores(Fraction(1, 4)))
    learned = evaluate(net, DIGITS, weights=fresh("reinit"), mask=popup.learned_mask())
    assert kept_multiply_adds(dense) == 64 * 36 + 2560
    assert {kept_multiply_adds(node) for node in (layerwise, popup, learned)} == {64 * 9 + 640}
    assert kept_multiply_adds(together) is None


def test_a_design_s_sizes_are_dense_and_at_the_sparsest_density_read():
    """One pair of rows a network, from the parts that decide."""
    small = small_design()
    assert network_sizes(small) == [Size(f"{NET.label}, dense", 888, 910, 888), Size("at 12.5 % kept", 111, 133, 111)]
    assert network_sizes(design()) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 "), (99.4, "99.4 "), (1e6, "1 M"), (1.234e12, "1.23 T"), (9.999e11, "1 T"), (3e20, "300 E")],
)
def test_prefixes(value, text):
    """Three significant digits and an SI prefix."""
    assert si(value) == text


# --- accounts of a claim -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """The small plan and what was collected from it."""
    asked = Planned.of([small_request(replicates=2)], Store(tmp_path_factory.mktemp("store")))
    with asked.plan.store.writing() as writer:
        run_plan(asked.plan, writer, Inline(), provenance={"kind": "cpu"})
    return asked, collect(asked, scale="micro", suite_seed=11, quick=False)


def known(asked, results, **changed):
    """The results with parts of their cost changed or, for None, missing; and the claim they are of."""
    claim = asked.requests[0].claim
    return synthetic.known(results, claim.id, cost=replace(results.claims[claim.id].cost, **changed)), claim


def test_what_a_claim_cost_is_collected(computed):
    """Every unit of the lineage counts once: its share of the time, its steps, its operations, its device."""
    asked, results = computed
    plan = asked.plan
    cost = results.claims["tests/small"].cost
    programs = [Program.of(unit.node) for unit in plan.units.values()]
    assert cost.trainings == len(programs) == 20
    assert cost.training_flops == sum(map(training_flops, programs))
    assert cost.evaluation_flops == sum(map(evaluation_flops, programs))
    assert cost.devices == {f"one core of {processor()}": cost.worker_s}
    rates = {record.provenance.matmul_flops for record in plan.store.records.values()}
    seconds = sum(record.provenance.wall_s for record in plan.store.records.values())
    assert cost.ceiling_flop == pytest.approx(seconds * rates.pop(), rel=1e-6)
    assert not rates


def test_the_account_in_words(computed):
    """Time, device-hours, operations, their rate, and what part of the ceiling that is."""
    given = {"worker_s": 7200.0, "devices": {"A": 3600.0, "B": 3600.0}, "training_flops": 7 * 10**12}
    results, claim = known(*computed, **given, evaluation_flops=2 * 10**11, ceiling_flop=36 * 10**12)
    assert cost_in_words(results, claim, Scale.MICRO) == (
        "20 trainings (0 shared with other claims), 570 member-steps, 7200 s of one worker (1 device-hours, A; "
        "1 device-hours, B). 7 TFLOP of training and 200 GFLOP of evaluation: 1 GFLOP/s, 20 % of what matrix products "
        "reach there."
    )
    without, claim = known(*computed, **given, evaluation_flops=2 * 10**11, ceiling_flop=None)
    assert cost_in_words(without, claim, Scale.MICRO).endswith("of evaluation: 1 GFLOP/s.")


def test_older_results_are_read(computed, tmp_path):
    """Without the new fields operations are counted from the same design, and are left out for another one."""
    asked, now = computed
    older, claim = known(asked, now, devices=None, training_flops=None, evaluation_flops=None, ceiling_flop=None)
    write_results(older, tmp_path / "results.parquet")
    older = read_results(tmp_path / "results.parquet")
    same, _ = known(asked, now, ceiling_flop=None)
    assert cost_in_words(older, claim, Scale.MICRO) == cost_in_words(same, claim, Scale.MICRO)
    assert f"device-hours, one core of {processor()}" in cost_in_words(older, claim, Scale.MICRO)
    other = synthetic.known(older, claim.id, digest="0" * 64)
    assert "FLOP" not in cost_in_words(other, claim, Scale.MICRO)
    quick = replace(older, meta=replace(older.meta, quick=True))
    assert "FLOP" not in cost_in_words(quick, claim, Scale.MICRO)
