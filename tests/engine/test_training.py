"""What a training means: steps, batches, learning rates and snapshots, against a plain torch loop over one member.

Also tests `engine._course`, `engine._measuring`, `engine._optimisers`, `engine._updates` and `networks._recipe`.
"""

from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from harness.data import _drawing as drawing
from harness.data import _splits as splits
from harness.data._tasks import CALIBRATION, DIGIT_DIFFERENCE, DIGITS, PAIRS
from harness.engine import _course as engine
from harness.errors import DesignError
from harness.expression import Fresh, Scores, Snapshot, fresh, random_mask, train
from harness.networks._network import BatchNorm, Linear, mlp
from harness.networks._recipe import SGD, Adam, AdamW, Constant, Cosine, Drops, Recipe, RMSprop, Warmup
from harness.population import _memory
from harness.population._population import Population, Program
from harness.streams import Replicate
from tests.members import member

FIFTHS = Drops((Fraction(3, 5), Fraction(4, 5)))
STEPS = 30
SMALL = mlp(64, 33, 17, 10)
NORMALISED = mlp(128, 33, 17, 10, batch_norm=True)
MOMENTUM = SGD(0.1, momentum=0.9, weight_decay=1e-2)
PROGRAMS = {
    "adam": Program(SMALL, DIGITS, Recipe(optimiser=Adam(1.2e-3), steps=STEPS, batch=60)),
    "adam, drops": Program(SMALL, DIGITS, Recipe(optimiser=Adam(1.2e-3), steps=STEPS, batch=60, schedule=FIFTHS)),
    "sgd, cosine": Program(SMALL, DIGITS, Recipe(optimiser=MOMENTUM, steps=STEPS, batch=60, schedule=Cosine())),
    "batch norm": Program(
        NORMALISED, DIGIT_DIFFERENCE, Recipe(optimiser=MOMENTUM, steps=STEPS, batch=60, schedule=FIFTHS)
    ),
}
CLIP = 0.25  # less than the norms of the first two gradients, more than those of the later ones
for other, settings_of_loss in {
    "nesterov, squared, clipped": {"optimiser": replace(MOMENTUM, nesterov=True), "loss": "squared", "clip": CLIP},
    "adamw, smoothed": {"optimiser": AdamW(1.2e-3, weight_decay=0.1), "smoothing": 0.1},
    "rmsprop": {"optimiser": RMSprop(1e-3, alpha=0.9, eps=1e-5, weight_decay=1e-2)},
    "rmsprop with momentum": {"optimiser": RMSprop(1e-3, momentum=0.5)},
}.items():
    PROGRAMS[other] = Program(SMALL, DIGITS, Recipe(steps=STEPS, batch=60, **settings_of_loss))
TORCH = {
    "adam": partial(torch.optim.Adam),
    "adam, drops": partial(torch.optim.Adam),
    "nesterov, squared, clipped": partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-2, nesterov=True),
    "adamw, smoothed": partial(torch.optim.AdamW, weight_decay=0.1),
    "rmsprop": partial(torch.optim.RMSprop, alpha=0.9, eps=1e-5, weight_decay=1e-2),
    "rmsprop with momentum": partial(torch.optim.RMSprop, momentum=0.5),
}
LOSSES = {
    "nesterov, squared, clipped": lambda x, answers: functional.mse_loss(x, functional.one_hot(answers, 10).float()),
    "adamw, smoothed": partial(functional.cross_entropy, label_smoothing=0.1),
}
RATES = {  # by hand: fifths of 30 steps are 18 and 24
    "adam": lambda step: 1.2e-3,
    "adam, drops": lambda step: 1.2e-3 * (1 if step < 18 else 0.1 if step < 24 else 0.01),
    "sgd, cosine": lambda step: 0.05 * (1 + np.cos(np.pi * step / STEPS)),
    "batch norm": lambda step: 0.1 * (1 if step < 18 else 0.1 if step < 24 else 0.01),
    "nesterov, squared, clipped": lambda step: 0.1,
    "adamw, smoothed": lambda step: 1.2e-3,
    "rmsprop": lambda step: 1e-3,
    "rmsprop with momentum": lambda step: 1e-3,
}


def plain(name, m, *, first, last):
    """Train one member as anyone would, by torch's own layers and optimisers; returns its flat parameters."""
    program = PROGRAMS[name]
    tensors = program.network.tensors()
    params = {t.name: torch.from_numpy(m.start[t.slice].reshape(t.shape).copy()).requires_grad_() for t in tensors}
    keep = {t.name: torch.from_numpy(m.mask[t.slice].reshape(t.shape)) if m.mask is not None else 1 for t in tensors}
    settings_of_torch = TORCH.get(name, partial(torch.optim.SGD, momentum=0.9, weight_decay=1e-2))
    optimiser = settings_of_torch(params.values(), lr=1.0, foreach=False)
    images, labels = splits.source()
    for step in range(first, last):
        batch = drawing.batches(program.task, m.replicate, m.order_draw, size=60, first=step, last=step + 1)
        x = torch.from_numpy(images[batch.images[0]].reshape(60, -1))
        digits = labels[batch.images[0]]
        answers = digits[:, 0] if program.task is DIGITS else abs(digits[:, 0] - digits[:, 1])
        for layer in program.network.layers:
            if isinstance(layer, Linear):
                weight = params[f"{layer.name}.weight"] * keep[f"{layer.name}.weight"]
                x = functional.linear(x, weight.T, params[f"{layer.name}.bias"] if layer.bias else None)
            elif isinstance(layer, BatchNorm):
                scale, shift = params[f"{layer.name}.scale"], params[f"{layer.name}.shift"]
                x = functional.batch_norm(x, None, None, scale, shift, training=True)
            else:
                x = functional.relu(x)
        optimiser.zero_grad()
        LOSSES.get(name, functional.cross_entropy)(x, torch.from_numpy(answers)).backward()
        if "clipped" in name:
            torch.nn.utils.clip_grad_norm_(params.values(), CLIP)
        optimiser.param_groups[0]["lr"] = RATES[name](step)
        optimiser.step()
    flat = np.zeros(program.network.flat_size, np.float32)
    for t in tensors:
        flat[t.slice] = (params[t.name] * keep[t.name]).detach().numpy().ravel()
    return flat


def trained(program, m, *snapshots):
    return engine.compute(Population(program, (m,), snapshots)).members[0].arrays


def apart(a, b):
    """The distance of two parameter vectors, relative to the length of the second."""
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_snapshot_k_is_the_parameters_after_k_updates(name, masked):
    """The engine's at(k) is what a plain loop has after k updates, and far from what it has after k - 1 or k + 1."""
    program = PROGRAMS[name]
    m = member(program, 1, keep=Fraction(1, 2) if masked else None)
    arrays = trained(program, m, 1, 7)
    for k in (1, 7):
        assert apart(arrays[str(k)], plain(name, m, first=0, last=k)) < 1e-5
        for other in (k - 1, k + 1):
            assert apart(arrays[str(k)], plain(name, m, first=0, last=other)) > 1e-3
    assert apart(arrays["end"], plain(name, m, first=0, last=STEPS)) < 1e-5


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_later_first_step_uses_that_step_s_rate_and_batches_and_a_new_optimiser(name):
    """From at(k) with first_step=k: learning rate and batches of steps k, k+1, ..., momentum and moments from zero."""
    k = 17  # the next update is the last before the first drop
    program = PROGRAMS[name]
    m = member(program, 1)
    arrays = trained(program, m, k, k + 3)
    late = replace(m, start=arrays[str(k)])
    from_k = trained(replace(program, first_step=k), late, k + 3)
    assert apart(from_k[str(k + 3)], plain(name, late, first=k, last=k + 3)) < 1e-5
    assert apart(from_k[str(k + 3)], arrays[str(k + 3)]) > 1e-4  # there the optimiser remembers
    assert apart(from_k[str(k + 3)], plain(name, late, first=0, last=3)) > 1e-4


@pytest.mark.parametrize(("network", "task"), [(SMALL, DIGITS), (NORMALISED, DIGIT_DIFFERENCE)])
def test_resuming_a_stateless_optimiser_changes_no_bit(network, task):
    """SGD without momentum from at(k) ends bit for bit where the uninterrupted one ends, past a drop and a chunk."""
    recipe = Recipe(optimiser=SGD(0.05, weight_decay=1e-3), steps=_memory.CHUNK + 20, batch=60, schedule=FIFTHS)
    program = Program(network, task, recipe)
    m = member(program, 1)
    whole = trained(program, m, 37)
    rest = trained(replace(program, first_step=37), replace(m, start=whole["37"]))
    np.testing.assert_array_equal(rest["end"], whole["end"])


@pytest.mark.parametrize("name", PROGRAMS)
def test_batches_drawn_ahead_change_no_bit(name, monkeypatch):
    """How many steps' batches are drawn at a time shows in no parameter: momentum and moments outlive the draw."""
    m = member(PROGRAMS[name], 1)
    whole = trained(PROGRAMS[name], m)["end"]
    monkeypatch.setattr(_memory, "CHUNK", 7)
    np.testing.assert_array_equal(trained(PROGRAMS[name], m)["end"], whole)


def test_first_snapshot_is_the_start():
    """Kept at its first step, a training has the parameters it was given, wherever that step is."""
    for first in (0, 11):
        program = replace(PROGRAMS["adam"], first_step=first)
        m = member(program, 1)
        np.testing.assert_array_equal(trained(program, m, first)[str(first)], m.start)


def test_at_first_step_without_mask_is_the_start_itself():
    """Nothing need be stored for the parameters before the first update, unless a mask has removed some of them."""
    recipe = PROGRAMS["adam"].recipe
    dense = train(SMALL, DIGITS, recipe)
    assert dense.at(0) == Fresh()
    assert train(SMALL, DIGITS, recipe, start=fresh("reinit", 2)).at(0) == fresh("reinit", 2)
    late = train(SMALL, DIGITS, recipe, start=dense.at(11), first_step=11)
    assert late.at(11) == dense.at(11) == Snapshot(dense, 11)
    masked = train(SMALL, DIGITS, recipe, mask=random_mask(SMALL, keep=Fraction(1, 2)))
    assert masked.at(0) == Snapshot(masked, 0)


def test_at_the_last_step_is_the_end():
    """The parameters after all steps have one name, so that they are stored once."""
    dense = train(SMALL, DIGITS, PROGRAMS["adam"].recipe)
    assert dense.at(STEPS) == dense.at("end") == Snapshot(dense, "end")


def test_a_training_of_scores_leaves_its_weights_at_the_start():
    """Every moment of edge-popup's weights is their start."""
    network = mlp(64, 33, 10, bias=False)
    scores = train(network, DIGITS, PROGRAMS["sgd, cosine"].recipe, start=fresh(draw=3), learn=Scores(Fraction(1, 2)))
    assert scores.at(7) == scores.at("end") == fresh(draw=3)


@pytest.mark.parametrize("step", [-1, 10, STEPS + 1])
def test_at_outside_the_training_is_refused(step):
    """A moment before first_step or after the last step is a DesignError that names the moment and the range."""
    dense = train(SMALL, DIGITS, PROGRAMS["adam"].recipe)
    late = train(SMALL, DIGITS, PROGRAMS["adam"].recipe, start=dense.at(11), first_step=11)
    with pytest.raises(DesignError, match=rf"at\({step}\) of a training of steps 11 to {STEPS}.*Next: "):
        late.at(step)


@pytest.mark.parametrize("first", [-1, STEPS, STEPS + 1])
def test_first_step_outside_the_recipe_is_refused(first):
    """A training that would start before step 0 or make no update is a DesignError."""
    with pytest.raises(DesignError, match=f"first_step {first} of a recipe of {STEPS} steps"):
        train(SMALL, DIGITS, PROGRAMS["adam"].recipe, first_step=first)


def test_drops_fall_at_the_first_step_of_each_fraction():
    """By a factor ten at 60 and 80 % of 1,500 steps; a fraction between two steps falls before the later one."""
    recipe = Recipe(optimiser=SGD(0.1), steps=1500, batch=60, schedule=FIFTHS)
    rates = [recipe.learning_rate(step) for step in (0, 899, 900, 1199, 1200, 1499)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    halves = replace(recipe, steps=5, schedule=Drops((Fraction(1, 2),), by=0.5))
    assert [halves.learning_rate(step) for step in range(5)] == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05])


def test_a_drop_at_an_absolute_step_is_a_fraction():
    """20,000 of 30,000 steps, as a Fraction, is that step and no other."""
    drops = Drops((Fraction(20_000, 30_000), Fraction(25_000, 30_000)))
    factors = [drops.factor(step, 30_000) for step in (19_999, 20_000, 24_999, 25_000)]
    assert factors == pytest.approx([1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize("then", [Constant(), FIFTHS, Cosine(), Warmup(50)])
def test_warm_up_rises_from_nothing_to_what_follows(then):
    """Step k of w has k/w of the other schedule's rate, step w and all later ones its own; the end is as without."""
    recipe = Recipe(optimiser=SGD(0.1), steps=200, batch=60, schedule=Warmup(40, then=then))
    plain = replace(recipe, schedule=then)
    assert recipe.learning_rate(0) == 0
    for step in (1, 10, 39):
        assert recipe.learning_rate(step) == pytest.approx(step / 40 * plain.learning_rate(step))
    assert [recipe.learning_rate(s) for s in range(40, 200)] == [plain.learning_rate(s) for s in range(40, 200)]
    with pytest.raises(DesignError, match=r"warm-up of 0 steps. Next: "):
        Warmup(0)


def test_cosine_falls_from_one_to_nearly_nothing():
    """1 at the first step, a half at the middle, and never a rise; the zero itself is after the last step."""
    factors = [Cosine().factor(step, 1000) for step in range(1001)]
    assert (factors[0], factors[500], factors[1000]) == (1.0, pytest.approx(0.5), pytest.approx(0.0))
    assert factors[250] == pytest.approx((1 + 0.5**0.5) / 2)
    assert (np.diff(factors) < 0).all()
    assert {Constant().factor(step, 1000) for step in (0, 500, 999)} == {1.0}


def test_validation_is_measured_as_often_as_asked_and_after_the_last_step():
    """Validation loss and accuracy at every multiple and at the end, test once at the end, steps counted absolutely."""
    program = PROGRAMS["adam"]
    program = replace(program, first_step=11, recipe=replace(program.recipe, validate_every=8))
    result = engine.compute(Population(program, (member(program, 0),))).members[0]
    steps = {
        metric: [row.step for row in result.rows if row.metric == metric] for metric in {r.metric for r in result.rows}
    }
    validation = [16, 24, STEPS]
    assert steps == {
        "validation_loss": validation,
        "validation_accuracy": validation,
        "test_loss": [STEPS],
        "test_accuracy": [STEPS],
        "early_stop_accuracy": [min(validation, key=lambda step: _values(result, "validation_loss")[step])],
    }
    assert not result.diverged


def _values(result, metric):
    return {row.step: row.value for row in result.rows if row.metric == metric}


@pytest.mark.parametrize("name", ["adam", "edge-popup"])
def test_early_stop_accuracy_is_that_of_a_training_stopped_there(name):
    """Each member is tested with the parameters of its own step of minimum validation loss, packed or not."""
    program = replace(PROGRAMS["adam"], recipe=replace(PROGRAMS["adam"].recipe, optimiser=Adam(0.3), validate_every=3))
    if name == "edge-popup":
        program = replace(program, network=mlp(64, 33, 17, 10, bias=False), learn=Scores(Fraction(1, 2)))
        program = replace(program, recipe=program.recipe.with_lr(3.0))
    members = tuple(member(program, i) for i in range(4))
    stops = []
    for i, result in enumerate(engine.compute(Population(program, members)).members):
        ((stop, accuracy),) = _values(result, "early_stop_accuracy").items()
        losses = _values(result, "validation_loss")
        assert losses[stop] == min(losses.values())
        stopped = engine.compute(Population(program, members[i : i + 1], until=stop)).members[0]
        assert _values(stopped, "test_accuracy") == {stop: accuracy}
        stops.append(stop)
    assert min(stops) < STEPS  # else the last step would do as well


def test_the_first_steps_are_those_of_the_whole_training():
    """Stopping early keeps the schedule, and a traced loss is the batch's mean loss before its update."""
    program = PROGRAMS["adam, drops"]
    members = tuple(member(program, i) for i in range(2))
    whole = engine.compute(Population(program, members, trace_every=4)).members
    first = engine.compute(Population(program, members, trace_every=1, until=20)).members
    for long, short in zip(whole, first, strict=True):
        traced = _values(long, "train_loss")
        assert list(traced) == [4, 8, 12, 16, 20, 24, 28]
        assert list(_values(short, "train_loss")) == list(range(1, 21))
        assert {step: _values(short, "train_loss")[step] for step in traced if step <= 20} == {
            step: loss for step, loss in traced.items() if step <= 20
        }
    m = members[0]
    batch = drawing.batches(DIGITS, m.replicate, m.order_draw, size=60, first=0, last=1)
    x = torch.from_numpy(splits.source()[0][batch.images[0]].reshape(60, -1))
    for layer in program.network.layers:
        if isinstance(layer, Linear):
            tensors = {t.name: torch.from_numpy(m.start[t.slice].reshape(t.shape)) for t in SMALL.tensors()}
            x = x @ tensors[f"{layer.name}.weight"] + tensors[f"{layer.name}.bias"]
        else:
            x = torch.relu(x)
    expected = functional.cross_entropy(x, torch.from_numpy(batch.answers[0]))
    assert _values(first[0], "train_loss")[1] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", ["adam", "batch norm"])
def test_bfloat16_rounds_products_and_keeps_float32_weights(name):
    """Losses are near the float32 ones and not equal to them; what is stored is finer than bfloat16 can hold."""
    program = PROGRAMS[name]
    rounded = replace(program, recipe=replace(program.recipe, numerics="bfloat16"))
    members = tuple(member(program, i) for i in range(3))
    exact = engine.compute(Population(program, members, trace_every=1)).members
    near = engine.compute(Population(rounded, members, trace_every=1)).members
    for one, other in zip(exact, near, strict=True):
        a, b = _values(one, "train_loss"), _values(other, "train_loss")
        assert a != b
        assert [b[step] for step in (1, 2, 3)] == pytest.approx([a[step] for step in (1, 2, 3)], rel=0.05)
        end = torch.from_numpy(other.arrays["end"])
        assert other.arrays["end"].dtype == np.float32
        assert (end != end.bfloat16().float()).any()


def test_unknown_numerics_are_refused():
    """A recipe names its arithmetic, or is refused with the nearest name."""
    with pytest.raises(DesignError, match="did you mean bfloat16"):
        Recipe(optimiser=Adam(1e-3), steps=1, batch=1, numerics="bfloat")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loss": "square"}, r"unknown loss 'square'; did you mean squared"),
        ({"smoothing": 1.0}, r"label smoothing of 1 with loss 'cross-entropy'.*Next: "),
        ({"smoothing": float("nan")}, r"label smoothing of nan.*Next: "),
        ({"smoothing": 0.1, "loss": "squared"}, r"label smoothing of 0.1 with loss 'squared'.*Next: "),
        ({"clip": -1.0}, r"norm of -1\. Next: "),
        ({"clip": float("inf")}, r"norm of inf\. Next: "),
    ],
)
def test_losses_that_are_none_are_refused(given, message):
    """A recipe whose loss, smoothing or clipping means nothing is a DesignError."""
    with pytest.raises(DesignError, match=message):
        Recipe(optimiser=Adam(1e-3), steps=1, batch=1, **given)


def test_nesterov_without_momentum_is_refused():
    """Torch would refuse it when training begins."""
    with pytest.raises(DesignError, match=r"Nesterov's momentum of 0\. Next: "):
        SGD(0.1, nesterov=True)


def test_validation_measures_the_recipe_s_loss_without_smoothing():
    """Smoothed trainings validate by cross-entropy, squared ones by the mean squared error of one-hot codes."""
    start = {}
    for loss in ({}, {"smoothing": 0.5}, {"loss": "squared"}):
        recipe = Recipe(optimiser=SGD(1e-9), steps=1, batch=60, validate_every=1, **loss)
        program = Program(SMALL, DIGITS, recipe)
        rows = engine.compute(Population(program, (member(program, 1),), trace_every=1)).members[0].rows
        start[str(loss)] = {row.metric: row.value for row in rows if row.step == 1}
    plain, smoothed, squared = start.values()
    assert smoothed["validation_loss"] == plain["validation_loss"] == pytest.approx(np.log(10), abs=0.2)
    assert smoothed["train_loss"] != plain["train_loss"]
    assert squared["validation_loss"] < 0.5


def test_batch_norm_is_evaluated_by_the_moments_of_the_calibration_inputs():
    """Test loss and accuracy are those of torch's batch_norm with mean and variance of fixed training inputs."""
    m = member(PROGRAMS["batch norm"], 1)
    both = (splits.calibration(DIGIT_DIFFERENCE, m.replicate), splits.held_out(DIGIT_DIFFERENCE, m.replicate, "test"))
    fixed, x = (torch.from_numpy(splits.source()[0][split.images].reshape(len(split.answers), -1)) for split in both)
    params = {t.name: torch.from_numpy(m.start[t.slice].reshape(t.shape)) for t in NORMALISED.tensors()}
    for layer in NORMALISED.layers:
        if isinstance(layer, Linear):
            bias = params[f"{layer.name}.bias"] if layer.bias else 0
            fixed, x = (each @ params[f"{layer.name}.weight"] + bias for each in (fixed, x))
        elif isinstance(layer, BatchNorm):
            moments = fixed.mean(0), fixed.var(0, correction=0)
            given = params[f"{layer.name}.scale"], params[f"{layer.name}.shift"]
            fixed, x = (functional.batch_norm(each, *moments, *given) for each in (fixed, x))
        else:
            fixed, x = fixed.relu(), x.relu()
    answers = torch.from_numpy(both[1].answers)
    result = engine.compute(Population(Program(NORMALISED, DIGIT_DIFFERENCE), (m,))).members[0]
    measured = {row.metric: row.value for row in result.rows}
    assert measured["test_loss"] == pytest.approx(float(functional.cross_entropy(x, answers)), rel=1e-5)
    assert measured["test_accuracy"] == pytest.approx(float((x.argmax(1) == answers).double().mean()), abs=2e-4)


# --- data --------------------------------------------------------------------------------------------------------

REPLICATE = Replicate(7, 0)


def test_an_epoch_shows_every_image_once_and_drops_the_last_partial_batch():
    """16 batches of 60 make an epoch of 1,000: no image twice, 40 left out, other ones and another order each time."""
    drawn = drawing.batches(DIGITS, REPLICATE, 0, size=60, first=0, last=48)
    assert drawn.images.shape == (48, 60, 1)
    assert drawn.answers.shape == (48, 60)
    pool = set(splits.pools(REPLICATE)["train"])
    epochs = drawn.images.reshape(3, 960)
    for epoch in epochs:
        assert len(set(epoch)) == 960
        assert set(epoch) <= pool
    assert len({frozenset(pool - set(epoch)) for epoch in epochs}) == 3
    assert len({epoch.tobytes() for epoch in epochs}) == 3
    np.testing.assert_array_equal(drawn.answers, splits.source()[1][drawn.images[..., 0]])


@pytest.mark.parametrize("task", [DIGITS, DIGIT_DIFFERENCE])
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(1, 40), st.sampled_from([60, 128, 333, 1000]))
def test_batches_are_a_function_of_the_absolute_step(task, first, count, size):
    """The batches of steps a to b are the same whether or not the steps before them were drawn."""
    last = first + count
    part = drawing.batches(task, REPLICATE, 1, size=size, first=first, last=last)
    whole = drawing.batches(task, REPLICATE, 1, size=size, first=0, last=last)
    np.testing.assert_array_equal(part.images, whole.images[first:])
    np.testing.assert_array_equal(part.answers, whole.answers[first:])
    assert part.images.shape == (count, size, task.images)


@pytest.mark.parametrize("task", [DIGITS, DIGIT_DIFFERENCE])
def test_batches_differ_by_draw_and_replicate(task):
    """Another draw of the order stream is another order of the same pool; another replicate is another split too."""
    drawn = {
        drawing.batches(task, replicate, draw, size=60, first=0, last=16).images.tobytes()
        for replicate in (REPLICATE, Replicate(7, 1), Replicate(8, 0))
        for draw in (0, 1)
    }
    assert len(drawn) == 6


def test_splits_are_disjoint_and_each_replicate_has_its_own():
    """1,000 train, 297 validation and 500 test images share none and are all there are; each replicate has others."""
    pools = splits.pools(REPLICATE)
    assert {name: len(pool) for name, pool in pools.items()} == {"train": 1000, "validation": 297, "test": 500}
    assert sorted(np.concatenate(list(pools.values()))) == list(range(1797))
    for name, pool in splits.pools(Replicate(7, 1)).items():
        assert set(pool) != set(pools[name])


def test_single_images_are_held_out_whole():
    """Digits are evaluated on every image of the split; BatchNorm is calibrated on training images."""
    pools = splits.pools(REPLICATE)
    for split in ("validation", "test"):
        assert sorted(splits.held_out(DIGITS, REPLICATE, split).images[:, 0]) == sorted(pools[split])
    assert set(splits.calibration(DIGITS, REPLICATE).images[:, 0]) <= set(pools["train"])


def test_pairs_stay_within_their_pools():
    """Both digits of a training, calibration, validation or test pair come from that pool; the answer is |a - b|."""
    pools = {name: set(pool) for name, pool in splits.pools(REPLICATE).items()}
    examples = {
        "validation": splits.held_out(DIGIT_DIFFERENCE, REPLICATE, "validation"),
        "test": splits.held_out(DIGIT_DIFFERENCE, REPLICATE, "test"),
        "train": drawing.batches(DIGIT_DIFFERENCE, REPLICATE, 0, size=60, first=0, last=40),
    }
    assert len(examples["validation"].answers) == len(examples["test"].answers) == PAIRS
    calibration = splits.calibration(DIGIT_DIFFERENCE, REPLICATE)
    assert calibration.images.shape == (CALIBRATION, 2)
    assert set(calibration.images.ravel()) <= pools["train"]
    labels = splits.source()[1]
    for name, drawn in examples.items():
        assert set(drawn.images.ravel()) <= pools[name], name
        a, b = labels[drawn.images[..., 0]], labels[drawn.images[..., 1]]
        np.testing.assert_array_equal(drawn.answers, abs(a - b))
    assert len({pair.tobytes() for pair in examples["train"].images.reshape(40, -1)}) == 40  # drawn afresh every step


# --- divergence --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sgd, cosine", "batch norm"])
def test_divergence_is_an_outcome(name):
    """At an absurd learning rate the loss is no number: accuracy is the task's chance, the member is flagged."""
    program = PROGRAMS[name]
    program = replace(program, recipe=program.recipe.with_lr(1e6 if name == "sgd, cosine" else 1e30))
    for result in engine.compute(Population(program, (member(program, 0), member(program, 1)))).members:
        assert result.diverged
        accuracies = {row.value for row in result.rows if row.metric.endswith("accuracy")}
        assert accuracies == {program.task.chance}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_diverged_member_leaves_its_neighbours_alone(name):
    """Beside a member whose parameters are no numbers, others are bit for bit as they are alone, and not flagged."""
    program = PROGRAMS[name]
    good = [member(program, i) for i in range(2)]
    wild = replace(good[0], start=np.full_like(good[0].start, np.nan))
    left, middle, right = engine.compute(Population(program, (good[0], wild, good[1]))).members
    assert (left.diverged, middle.diverged, right.diverged) == (False, True, False)
    assert {row.value for row in middle.rows if row.metric == "test_accuracy"} == {program.task.chance}
    for packed, m in zip((left, right), good, strict=True):
        alone = engine.compute(Population(program, (m,))).members[0]
        assert packed.rows == alone.rows
        np.testing.assert_array_equal(packed.arrays["end"], alone.arrays["end"])
