"""Masks are exact: counts, ties, what may be removed, and what training does with removed and kept weights."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness import data
from harness.data import _splits as splits
from harness.data._tasks import DIGITS
from harness.engine import _course as engine
from harness.engine import _stack as stack
from harness.engine import _updates as updates
from harness.errors import DesignError
from harness.expression import Scope, density, kept, kept_in, prune, random_mask, train
from harness.expression._masks import largest, learned_bits, ones, prune_by_magnitude, random_bits, resampled, shuffled
from harness.networks._counts import round_half_up
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.population._population import Population, Program
from harness.streams import Replicate
from tests.members import CONVOLUTIONS, PROGRAMS, begun, member

LENET = mlp(784, 300, 100, 10)
SMALL = mlp(5, 4, 3)  # 20 and 12 weights, 4 and 3 biases
NORMALISED = mlp(64, 12, 10, batch_norm=True)
REPLICATE = Replicate(7, 0)
HALF = Fraction(1, 2)
fractions = st.builds(Fraction, st.integers(2, 20), st.integers(20, 40))  # at least one weight a layer
few_magnitudes = st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0])


def lenet_keep(rounds):
    """What Frankle & Carbin keep of each layer of LeNet-300-100: 20 % of the rest goes a round, 10 % in the output."""
    rest, output = Fraction(4, 5) ** rounds, Fraction(9, 10) ** rounds
    return (("fc1", rest), ("fc2", rest), ("output", output))


def naive(values, alive, count):
    """The places of the `count` largest |values| among the alive, ties to the lower index, in plain Python."""
    places = sorted((i for i in range(len(values)) if alive[i]), key=lambda i: (-abs(float(values[i])), i))
    return set(places[:count])


def half_up(n, keep):
    exact = Decimal(n * keep.numerator) / Decimal(keep.denominator)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def flat_of(network, values):
    flat = np.zeros(network.flat_size, np.float32)
    start = 0
    for tensor in network.prunable().values():
        flat[tensor.slice] = values[start : start + tensor.size]
        start += tensor.size
    return flat


def weights_and_alive():
    n = SMALL.weights
    return st.tuples(st.lists(few_magnitudes, min_size=n, max_size=n), st.lists(st.booleans(), min_size=n, max_size=n))


@pytest.mark.parametrize("ordered", [False, True])
@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1), steps=st.sampled_from([3, 50, 10**6]), alive=st.floats(0, 1), share=st.floats(0, 1)
)
def test_the_largest_of_many_are_found_wherever_they_lie(ordered, seed, steps, alive, share):
    """With and without ties, infinities and what is no number."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, steps, 5003).astype(np.float32)
    if ordered:
        values.sort()
    values[rng.random(len(values)) < 0.01] = np.inf
    values[rng.random(len(values)) < 0.01] = np.nan
    there = rng.random(len(values)) < alive
    count = int(there.sum() * share)
    chosen = np.flatnonzero(largest(values, there, count))
    known = np.nan_to_num(values, nan=-1.0, posinf=np.inf)
    assert set(chosen) == set(sorted(np.flatnonzero(there), key=lambda i: (-known[i], i))[:count])


@given(st.integers(1, 10_000), st.fractions(Fraction(1, 8), 1, max_denominator=8))
@example(1, HALF)
@example(5, HALF)
def test_rounding_is_half_up(n, keep):
    """A count is n * keep rounded to the nearest integer, halves upwards, as decimal arithmetic does."""
    assert round_half_up(n * keep) == half_up(n, keep)


@settings(deadline=None)
@given(weights_and_alive(), fractions)
def test_layers_keep_the_largest_of_what_is_alive(drawn, keep):
    """Layerwise: the count of each layer's original size, among its alive weights, ties to the lower index."""
    weights, alive = (flat_of(SMALL, np.array(values)) for values in drawn)
    alive = ones(SMALL) & ((alive > 0) | ~flat_of(SMALL, np.ones(SMALL.weights)).astype(bool))
    counts = {layer: half_up(tensor.size, keep) for layer, tensor in SMALL.prunable().items()}
    if any(alive[t.slice].sum() < counts[layer] for layer, t in SMALL.prunable().items()):
        with pytest.raises(ValueError, match="are left"):
            prune_by_magnitude(SMALL, weights, alive, keep, Scope.LAYER)
        return
    mask = prune_by_magnitude(SMALL, weights, alive, keep, Scope.LAYER)
    for layer, tensor in SMALL.prunable().items():
        expected = naive(weights[tensor.slice], alive[tensor.slice], counts[layer])
        assert set(np.flatnonzero(mask[tensor.slice])) == expected


@settings(deadline=None)
@given(weights_and_alive(), fractions)
def test_global_pruning_keeps_the_largest_of_all_layers(drawn, keep):
    """Globally: one count over all layers, ties to the earlier layer, then to the lower index."""
    values, alive = np.array(drawn[0]), np.array(drawn[1])
    count = half_up(SMALL.weights, keep)
    flat_alive = ones(SMALL) & (flat_of(SMALL, ~alive) == 0)
    if alive.sum() < count:
        with pytest.raises(ValueError, match="are left"):
            prune_by_magnitude(SMALL, flat_of(SMALL, values), flat_alive, keep, Scope.GLOBAL)
        return
    mask = prune_by_magnitude(SMALL, flat_of(SMALL, values), flat_alive, keep, Scope.GLOBAL)
    kept_places = np.concatenate([mask[tensor.slice] for tensor in SMALL.prunable().values()])
    assert set(np.flatnonzero(kept_places)) == naive(values, alive, count)


@pytest.mark.parametrize("scope", [Scope.LAYER, Scope.GLOBAL])
def test_a_removed_weight_never_comes_back(scope):
    """A weight that is alive and exactly 0 is kept before a removed one, however large the removed one's number."""
    weights = flat_of(SMALL, np.zeros(SMALL.weights))
    alive = ones(SMALL)
    for tensor in SMALL.prunable().values():
        weights[tensor.slice][::2] = 9.0
        alive[tensor.slice][::2] = False
    mask = prune_by_magnitude(SMALL, weights, alive, Fraction(1, 2), scope)
    for tensor in SMALL.prunable().values():
        np.testing.assert_array_equal(mask[tensor.slice], np.arange(tensor.size) % 2 == 1)


@pytest.mark.parametrize("network", [SMALL, NORMALISED])
def test_only_weights_are_pruned(network):
    """Biases and BatchNorm stay whole under every kind of mask, though their numbers are 0; padding is no weight."""
    rng = np.random.default_rng(0)
    weights = flat_of(network, rng.standard_normal(network.weights))
    keep = Fraction(1, 10)
    masks = {
        "layer": prune_by_magnitude(network, weights, ones(network), keep, Scope.LAYER),
        "global": prune_by_magnitude(network, weights, ones(network), keep, Scope.GLOBAL),
        "random": random_bits(network, keep, REPLICATE, 0),
        "learned": learned_bits(network, weights, keep),
    }
    padding = ~ones(network)
    for name, mask in masks.items():
        assert not mask[padding].any(), name
        for tensor in network.tensors():
            assert mask[tensor.slice].all() == (not tensor.prunable), f"{name}: {tensor.name}"


@settings(deadline=None)
@given(fractions, fractions)
def test_structural_counts_are_those_of_the_bits(one, other):
    """`kept` and `density` know before anything is run what the masks will count, layerwise and globally."""
    recipe = Recipe(optimiser=Adam(1e-3), steps=4, batch=60)
    network = mlp(64, 7, 10)
    dense = train(network, DIGITS, recipe)
    weights = flat_of(network, np.random.default_rng(1).standard_normal(network.weights))
    places = np.concatenate([np.arange(network.flat_size)[t.slice] for t in network.prunable().values()])
    layerwise = (("fc1", one), ("output", other))
    for node in (prune(dense, keep=layerwise), prune(dense, keep=one, scope="global")):
        bits = prune_by_magnitude(network, weights, ones(network), node.keep, node.scope)[places]
        assert kept(node) == bits.sum()
        assert density(node) == Fraction(int(bits.sum()), network.weights)
    node = random_mask(network, keep=layerwise)
    assert kept(node) == random_bits(network, layerwise, REPLICATE, 0)[places].sum()


def test_lenet_ladder_is_the_papers():
    """Twenty rounds on LeNet-300-100 leave (265200*.8^k + 1000*.9^k)/266200, printed as in the paper's Figure 4."""
    assert LENET.weights == 266_200
    weights = flat_of(LENET, np.random.default_rng(2).standard_normal(LENET.weights).astype(np.float32))
    places = np.concatenate([np.arange(LENET.flat_size)[t.slice] for t in LENET.prunable().values()])
    alive, percent = ones(LENET), {}
    for k in range(1, 21):
        previous, alive = alive, prune_by_magnitude(LENET, weights, alive, lenet_keep(k), Scope.LAYER)
        assert not (alive & ~previous).any()
        left = int(alive[places].sum())
        exact = 265_200 * Fraction(4, 5) ** k + 1_000 * Fraction(9, 10) ** k
        assert abs(left - exact) <= Fraction(3, 2)  # each of three layers is rounded
        assert left == kept(random_mask(LENET, keep=lenet_keep(k)))
        percent[k] = f"{left / LENET.weights:.1%}"
    assert [percent[k] for k in (3, 7, 9, 12, 15, 18, 20)] == [
        "51.3%", "21.1%", "13.5%", "7.0%", "3.6%", "1.9%", "1.2%",
    ]  # fmt: skip


def test_random_masks_are_exact_and_differ_by_draw():
    """A random mask has each layer's count, is the same when drawn again, and other for another draw or replicate."""
    network, keep = mlp(64, 33, 17, 10), Fraction(1, 3)
    draws = [
        random_bits(network, keep, replicate, draw) for replicate in (REPLICATE, Replicate(7, 1)) for draw in (0, 1)
    ]
    for mask in draws:
        counts = {layer: mask[tensor.slice].sum() for layer, tensor in network.prunable().items()}
        assert counts == {"fc1": 704, "fc2": 187, "output": 57}  # 2112, 561 and 170 weights, thirds rounded
    assert len({mask.tobytes() for mask in draws}) == 4
    np.testing.assert_array_equal(random_bits(network, keep, REPLICATE, 0), draws[0])


def test_layers_of_one_size_lose_places_of_their_own():
    """Each layer has its own counter in the mask stream: equal layers are not masked alike."""
    network = mlp(16, 16, 16)
    mask = random_bits(network, HALF, REPLICATE, 0)
    first, second = (mask[tensor.slice] for tensor in network.prunable().values())
    assert first.sum() == second.sum() == 128
    assert (first != second).any()


def test_shuffled_masks_keep_each_layer_s_count():
    """A shuffle moves bits within their layer, by a permutation a layer, a draw and a replicate; biases stay whole."""
    network = mlp(16, 16, 16)
    rng = np.random.default_rng(6)
    mask = ones(network)
    one, other = (tensor.slice for tensor in network.prunable().values())
    mask[one], mask[other] = (rng.permutation(256) < n for n in (60, 60))
    mask[other] = mask[one]
    moved = [shuffled(network, mask, r, draw) for r in (REPLICATE, Replicate(7, 1)) for draw in (0, 1)]
    for each in (*moved, mask):
        assert (each[one].sum(), each[other].sum(), each.sum()) == (60, 60, mask.sum())
        assert (each[~ones(network)] == 0).all()
    assert len({each.tobytes() for each in (*moved, mask)}) == 5
    assert (moved[0][one] != moved[0][other]).any()
    np.testing.assert_array_equal(shuffled(network, mask, REPLICATE, 0), moved[0])
    fewer = mask.copy()
    fewer[np.flatnonzero(mask[one])[:20]] = False
    assert not (shuffled(network, fewer, REPLICATE, 0) & ~moved[0]).any()


def test_a_shuffle_is_no_random_mask():
    """Shuffling the random mask of the same draw does not bring it back into order, and shuffles are uniform."""
    network = mlp(16, 16, 16)
    front = ones(network)
    for tensor in network.prunable().values():
        front[tensor.slice] = np.arange(256) < 64
    for draw in range(3):
        random = random_bits(network, Fraction(1, 4), REPLICATE, draw)
        moved = shuffled(network, random, REPLICATE, draw)
        for t in network.prunable().values():
            assert 4 < (moved & front)[t.slice].sum() < 32  # 16 of 64 by chance, sd 3
    each = np.stack([shuffled(network, front, REPLICATE, draw) for draw in range(400)])
    share = np.concatenate([each[:, t.slice] for t in network.prunable().values()], axis=1).mean(0)
    assert np.abs(share - 0.25).max() < 4.5 * (0.25 * 0.75 / 400) ** 0.5


def test_resampled_weights_are_those_of_the_survivors():
    """Every weight of a layer is drawn from that layer's survivors, each as often as another; the rest stays."""
    network = mlp(64, 40, 10)
    values = np.random.default_rng(8).standard_normal(network.flat_size).astype(np.float32)
    mask = random_bits(network, Fraction(1, 40), REPLICATE, 0)
    draws = [resampled(network, values, mask, r, draw) for r in (REPLICATE, Replicate(7, 1)) for draw in (0, 1)]
    assert len({each.tobytes() for each in draws}) == 4
    np.testing.assert_array_equal(draws[0], resampled(network, values, mask, REPLICATE, 0))
    for tensor in network.tensors():
        if not tensor.prunable:
            np.testing.assert_array_equal(draws[0][tensor.slice], values[tensor.slice])
            continue
        survivors = values[tensor.slice][mask[tensor.slice]]
        found, counts = np.unique(np.concatenate([each[tensor.slice] for each in draws]), return_counts=True)
        assert set(found) == set(survivors)
        expected = 4 * tensor.size / len(survivors)
        assert np.abs(counts - expected).max() < 5 * expected**0.5


def test_resampling_has_draws_of_its_own():
    """Layers of one size have other draws, and a layer of which nothing is left keeps its values."""
    network = mlp(16, 16, 16, 2)
    first, second, third = (t.slice for t in network.prunable().values())
    values = np.zeros(network.flat_size, np.float32)
    values[first] = values[second] = np.arange(256)
    values[third] = 7
    mask = ones(network)
    mask[third] = False
    drawn = resampled(network, values, mask, REPLICATE, 0)
    assert (drawn[first] != drawn[second]).mean() > 0.9
    assert (drawn[third] == 7).all()


def test_random_masks_are_uniform():
    """Over 400 draws every weight is kept about as often as any other."""
    each = np.stack([random_bits(SMALL, Fraction(1, 4), REPLICATE, draw) for draw in range(400)])
    share = np.concatenate([each[:, t.slice] for t in SMALL.prunable().values()], axis=1).mean(0)
    assert np.abs(share - 0.25).max() < 4.5 * (0.25 * 0.75 / 400) ** 0.5


@settings(deadline=None)
@given(st.lists(few_magnitudes, min_size=32, max_size=32), fractions)
def test_learned_mask_is_what_the_engine_uses(values, keep):
    """Edge-popup's stored mask equals the engine's choice on the same scores, ties included."""
    scores = flat_of(SMALL, np.array(values))
    mask = learned_bits(SMALL, scores, keep)
    for tensor in SMALL.prunable().values():
        magnitude = torch.from_numpy(np.abs(scores[tensor.slice]))[None]
        np.testing.assert_array_equal(stack.top(magnitude, half_up(tensor.size, keep))[0].numpy(), mask[tensor.slice])


def test_ties_are_broken_in_each_member():
    """A member with ties at its threshold has the mask it has alone, beside one that has none."""
    magnitude = torch.tensor([[2.0, 1.0, 1.0, 1.0], [4.0, 3.0, 2.0, 1.0]])
    assert stack.top(magnitude, 2).tolist() == [[True, True, False, False]] * 2


MASKED = {
    "adam": PROGRAMS["digits mlp, adam"],
    "sgd with momentum and weight decay": replace(
        PROGRAMS["digits mlp, adam"],
        recipe=Recipe(optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-2), steps=50, batch=60),
    ),
    "batch norm": PROGRAMS["difference batch-norm mlp, sgd"],
}
KEEP = Fraction(3, 5)  # dense enough that every unit keeps a connection on either side


@pytest.fixture
def optimisers(monkeypatch):
    """The optimisers that the engine makes while the test runs."""
    made, make = [], updates.optimiser
    monkeypatch.setattr(updates, "optimiser", lambda *given: made.append(make(*given)) or made[-1])
    return made


@pytest.fixture
def inked(monkeypatch):
    """Images of noise: in the digits some pixels are blank, and weights from those have nothing to learn from."""
    images, labels = splits.source()
    noise = np.random.default_rng(3).standard_normal(images.shape).astype(np.float32)
    monkeypatch.setattr(data, "source", lambda name: (noise, labels))


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.usefixtures("inked")
def test_removed_weights_are_zero_at_every_step_and_kept_ones_train(name, optimisers):
    """Removed weights, their momentum and Adam's moments are exactly 0 before and after each update; all kept move."""
    program = MASKED[name]
    members = tuple(member(program, i, keep=KEEP) for i in range(2))
    masked = Population(program, members)
    removed = torch.from_numpy(np.stack([~m.mask for m in members]))
    made = begun(masked)
    learned = made.stack
    start = learned.learned_RP.clone()
    assert not start[removed].any()
    steps = 0
    for step in made.run():
        assert not learned.learned_RP[removed].any(), f"after step {step}"
        (states,) = optimisers[0].state.values()
        held = [value for value in states.values() if torch.is_tensor(value) and value.shape == removed.shape]
        assert len(held) == (2 if name == "adam" else 1)
        assert not any(value[removed].any() for value in held), f"optimiser state after step {step}"
        steps += 1
    assert steps == 50
    moved = (learned.learned_RP != start).numpy()
    for i, m in enumerate(members):
        for tensor in program.network.tensors():
            trains = m.mask[tensor.slice]
            assert trains.sum() == (half_up(tensor.size, KEEP) if tensor.prunable else tensor.size)
            assert moved[i][tensor.slice][trains].all(), f"{tensor.name} of member {i}"


def test_snapshots_of_a_masked_training_are_masked_from_the_first():
    """What is kept of a masked training, its start included, is zero where weights were removed."""
    program = PROGRAMS["digits mlp, odd widths, sgd"]
    m = member(program, 2)
    arrays = engine.compute(Population(program, (m,), snapshots=(0, 7))).members[0].arrays
    assert arrays.keys() == {"0", "7", "end", "correct"}
    weights = {slot: values for slot, values in arrays.items() if slot != "correct"}
    np.testing.assert_array_equal(arrays["0"], m.start * m.mask)
    for slot, values in weights.items():
        assert not values[~m.mask].any(), slot


# --- one quality for all layers: thresholds in standard deviations ---


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10), fractions)
def test_thresholds_are_one_quality_times_each_layer_s_deviation(seed, spread, keep):
    """What is kept is what lies above quality times the deviation of a layer's survivors, for one quality."""
    rng = np.random.default_rng(seed)
    weights = flat_of(SMALL, rng.standard_normal(SMALL.weights))
    one, other = SMALL.prunable().values()
    weights[other.slice] = weights[other.slice] * spread + 1
    alive = ones(SMALL)
    alive[one.slice][:7] = False
    weights[one.slice][:7] = 99  # removed: neither kept nor in the deviation
    count = half_up(SMALL.weights, keep)
    if count > 25:
        return
    mask = prune_by_magnitude(SMALL, weights, alive, keep, Scope.GLOBAL, rule="std")
    kept_here = [mask[t.slice].sum() for t in (one, other)]
    assert sum(kept_here) == count
    sd = {t: weights[t.slice][alive[t.slice]].astype(float).std() for t in (one, other)}
    units = {t: np.abs(weights[t.slice]) / sd[t] for t in (one, other)}
    quality = min(units[t][mask[t.slice]].min(initial=np.inf) for t in (one, other))
    for t in (one, other):
        np.testing.assert_array_equal(mask[t.slice], alive[t.slice] & (np.abs(weights[t.slice]) / sd[t] >= quality))


def test_a_layer_without_spread():
    """Weights that are all equal have deviation 0 and stay, those that are 0 go, and a layer may be empty."""
    first, second = mlp(4, 4, 2).prunable().values()
    network = mlp(4, 4, 2)
    weights = np.zeros(network.flat_size, np.float32)
    weights[first.slice] = np.linspace(5, 9, 16)
    weights[second.slice] = 0.01
    mask = prune_by_magnitude(network, weights, ones(network), HALF, Scope.GLOBAL, rule="std")
    assert (mask[first.slice].sum(), mask[second.slice].sum()) == (4, 8)
    weights[second.slice] = 0
    mask = prune_by_magnitude(network, weights, ones(network), HALF, Scope.GLOBAL, rule="std")
    assert (mask[first.slice].sum(), mask[second.slice].sum()) == (12, 0)
    again = prune_by_magnitude(network, weights, mask, Fraction(1, 4), Scope.GLOBAL, rule="std")
    assert (again[first.slice].sum(), again[second.slice].sum()) == (6, 0)
    weights[first.slice] = np.nan
    mask = prune_by_magnitude(network, weights, ones(network), HALF, Scope.GLOBAL, rule="std")
    assert mask[first.slice].sum() + mask[second.slice].sum() == 12


# --- pruning whole units ---

UNITS = mlp(4, 6, 5, 3)
UNITS_DENSE = train(mlp(64, 6, 5, 10), DIGITS, Recipe(optimiser=Adam(1e-3), steps=4, batch=60))


def expected_units(network, weights, left, counts):
    """For each hidden layer the units whose incoming weights, from those `left`, have the largest norm."""
    kept_units, before = {}, range(network.inputs)
    for layer, tensor in list(network.prunable().items())[:-1]:
        matrix = weights[tensor.slice].reshape(tensor.shape).astype(float)
        norm = {o: sum(matrix[i, o] ** 2 for i in before) ** 0.5 for o in left[layer]}
        kept_units[layer] = set(sorted(norm, key=lambda o: (-norm[o], o))[: counts[layer]])
        before = left[layer]
    return kept_units


def mask_of_units(network, units):
    """The bits between the units that are left."""
    mask, before = ones(network), set(range(network.inputs))
    for layer, tensor in network.prunable().items():
        after = units.get(layer, set(range(tensor.shape[1])))
        matrix = [[i in before and o in after for o in range(tensor.shape[1])] for i in range(tensor.shape[0])]
        mask[tensor.slice], before = np.ravel(matrix), after
    return mask


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.sampled_from([1.0, 30.0]))
def test_units_with_the_largest_incoming_weights_stay(seed, louder):
    """Round after round the larger columns of what is left stay, with all weights between units that are left."""
    rng = np.random.default_rng(seed)
    left = {"fc1": set(range(6)), "fc2": set(range(5))}
    mask = ones(UNITS)
    for keep in ((("fc1", Fraction(2, 3)), ("fc2", HALF)), Fraction(1, 3)):
        weights = rng.standard_normal(UNITS.flat_size).astype(np.float32)
        out = UNITS.prunable()["output"]
        weights[out.slice] *= louder  # what leaves a unit does not count
        fractions = dict(keep) if isinstance(keep, tuple) else dict.fromkeys(left, keep)
        counts = {layer: half_up(UNITS.prunable()[layer].shape[1], fraction) for layer, fraction in fractions.items()}
        left = expected_units(UNITS, weights, left, counts)
        mask = prune_by_magnitude(UNITS, weights, mask, keep, Scope.UNIT)
        np.testing.assert_array_equal(mask, mask_of_units(UNITS, left))


@pytest.mark.parametrize("value", [0, np.nan])
def test_a_dropped_unit_never_comes_back(value):
    """Units whose weights are all 0, or no numbers, still go before one that was dropped."""
    left = {"fc1": {3, 4, 5}, "fc2": {2, 4}}
    weights = flat_of(UNITS, np.full(UNITS.weights, value))
    mask = prune_by_magnitude(UNITS, weights, mask_of_units(UNITS, left), Fraction(1, 3), Scope.UNIT)
    np.testing.assert_array_equal(mask, mask_of_units(UNITS, {"fc1": {3, 4}, "fc2": {2, 4}}))


def test_counts_of_units_are_exact():
    """Of 6 and 5 units 4 and 3 stay, then 2 and 2: whole matrices between them, known before anything is trained."""
    first = prune(UNITS_DENSE, keep=(("fc1", Fraction(2, 3)), ("fc2", HALF)), scope="unit")
    network = UNITS_DENSE.network
    assert [kept_in(first, network, frozenset({layer})) for layer in network.prunable()] == [64 * 4, 4 * 3, 3 * 10]
    assert (kept(first), density(first)) == (298, Fraction(298, network.weights))
    ticket = train(network, DIGITS, UNITS_DENSE.recipe, mask=first)
    again = prune(ticket, keep=Fraction(1, 3), scope="unit")
    assert kept(again) == 64 * 2 + 2 * 2 + 2 * 10
    mask = prune_by_magnitude(
        network, np.arange(network.flat_size, dtype=np.float32), ones(network), again.keep, Scope.UNIT
    )
    assert sum(mask[t.slice].sum() for t in network.prunable().values()) == kept(again)
    thinner = prune(ticket, keep=Fraction(1, 20))  # then single weights, of the original counts
    assert kept(thinner) == 19 + 2 + 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"keep": Fraction(1, 20)}, "would keep 0 units of fc1, of which 6 are left: a layer needs one"),
        ({"keep": (("fc1", HALF), ("output", HALF))}, r"the hidden layers are \['fc1', 'fc2'\]"),
        ({"keep": HALF, "among": ("fc1",)}, "with 1 for a layer to be left alone"),
        ({"keep": HALF, "by": "std"}, "Next: scope='global'"),
        ({"keep": 0.5}, "use a Fraction"),
    ],
)
def test_units_that_cannot_be_counted_are_refused(changed, message):
    """No unit left, another layer than a hidden one, and a rule for single weights are DesignErrors."""
    with pytest.raises(DesignError, match=message):
        prune(UNITS_DENSE, scope="unit", **changed)


def test_units_come_before_weights_and_do_not_come_back():
    """After single weights were pruned a unit's count is unknown; more units than are left, or of maps, are refused."""
    network, recipe = UNITS_DENSE.network, UNITS_DENSE.recipe
    thinned = train(network, DIGITS, recipe, mask=prune(UNITS_DENSE, keep=HALF))
    with pytest.raises(DesignError, match="lost single weights"):
        prune(thinned, keep=HALF, scope="unit")
    few = train(network, DIGITS, recipe, mask=prune(UNITS_DENSE, keep=(("fc1", HALF), ("fc2", HALF)), scope="unit"))
    with pytest.raises(DesignError, match=r"would keep 4 units of fc1, of which 3 are left"):
        prune(few, keep=(("fc1", Fraction(2, 3)), ("fc2", Fraction(1, 5))), scope="unit")
    with pytest.raises(DesignError, match="no multilayer perceptron"):
        prune(CONV_DENSE, keep=HALF, scope="unit")


def test_dropped_units_feed_nothing():
    """With its biases in place, a net of 12 units of which 5 are kept answers as the net of these 5 does."""
    wide, narrow = mlp(64, 12, 10), mlp(64, 5, 10)
    rng = np.random.default_rng(3)
    weights = flat_of(wide, rng.standard_normal(wide.weights)) * np.float32(0.3)
    tensors = {t.name: t for t in wide.tensors()}
    weights[tensors["fc1.bias"].slice] = rng.standard_normal(12)
    mask = prune_by_magnitude(wide, weights, ones(wide), Fraction(5, 12), Scope.UNIT)
    units = mask[tensors["fc1.weight"].slice].reshape(64, 12).all(0)
    assert units.sum() == 5
    start = np.zeros(narrow.flat_size, np.float32)
    for t in narrow.tensors():
        whole = weights[tensors[t.name].slice].reshape(tensors[t.name].shape)
        for axis, size in enumerate(whole.shape):
            whole = whole.compress(units, axis) if size == 12 else whole
        start[t.slice] = whole.ravel()
    made = member(Program(wide, DIGITS), 0)
    one = engine.compute(Population(Program(wide, DIGITS), (replace(made, start=weights, mask=mask),))).members[0]
    other = engine.compute(Population(Program(narrow, DIGITS), (replace(made, start=start, mask=None),))).members[0]
    for row, expected in zip(one.rows, other.rows, strict=True):
        assert row.value == pytest.approx(expected.value, rel=1e-5)


# --- pruning some layers among others ---

CONVOLUTIONAL = CONVOLUTIONS["convolutional, adam"].network  # 45 and 225 weights in convolutions, 2,200 in others
CONVS = CONVOLUTIONAL.convolutions
CONV_DENSE = train(CONVOLUTIONAL, DIGITS, Recipe(optimiser=Adam(1e-3), steps=4, batch=60))


def bits_by_layer(mask):
    return {layer: int(mask[t.slice].sum()) for layer, t in CONVOLUTIONAL.prunable().items()}


@pytest.mark.parametrize("scope", [Scope.LAYER, Scope.GLOBAL])
def test_layers_that_are_left_out_keep_what_they_had(scope):
    """Among convolutions the fraction counts their weights alone; the others stay as the source's mask has them."""
    drawn = np.random.default_rng(4).standard_normal(CONVOLUTIONAL.flat_size).astype(np.float32)
    drawn[CONVOLUTIONAL.prunable()["conv1"].slice] *= 10  # globally conv1 keeps more than its share
    alive = ones(CONVOLUTIONAL)
    alive[CONVOLUTIONAL.prunable()["fc1"].slice][::4] = False
    mask = prune_by_magnitude(CONVOLUTIONAL, drawn, alive, HALF, scope, CONVS)
    counts = bits_by_layer(mask)
    assert (counts["fc1"], counts["fc2"], counts["output"]) == (1200, 400, 200)
    assert not (mask & ~alive).any()
    if scope is Scope.LAYER:
        assert (counts["conv1"], counts["conv2"]) == (23, 113)  # 22.5 and 112.5
    else:
        assert counts["conv1"] + counts["conv2"] == 135
        assert counts["conv1"] > 23
        places = np.concatenate([np.arange(len(mask))[CONVOLUTIONAL.prunable()[name].slice] for name in CONVS])
        assert set(np.flatnonzero(mask[places])) == naive(drawn[places], alive[places], 135)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["convs", "others", "all", "conv1"]), st.booleans()), max_size=4))
def test_counts_among_layers_are_those_of_the_bits(rounds):
    """Whatever rounds went before, structural counts are the mask's, or it is refused because they cannot be known."""
    names = {
        "convs": CONVS,
        "others": ("fc1", "fc2", "output"),
        "all": (),
        "conv1": ("conv1",),
    }
    rng = np.random.default_rng(5)
    dense, alive, competed = CONV_DENSE, ones(CONVOLUTIONAL), []
    for k, (which, together) in enumerate(rounds, start=1):
        scope = Scope.GLOBAL if together else Scope.LAYER
        refused = ""
        try:
            node = prune(dense, keep=Fraction(3, 5) ** k, scope=scope, among=names[which])
        except DesignError as error:
            refused = str(error)
        if refused:
            assert "only after training" in refused
            assert any(set(names[which]) & group and not group <= set(names[which]) for group in competed)
            return
        weights = rng.standard_normal(CONVOLUTIONAL.flat_size).astype(np.float32)
        try:
            alive = prune_by_magnitude(CONVOLUTIONAL, weights, alive, node.keep, node.scope, node.among)
        except ValueError:  # a layer of its own has fewer left, which a global round before had not said
            return
        assert kept(node) == sum(bits_by_layer(alive).values())
        if together:
            competed.append(set(names[which] or CONVOLUTIONAL.prunable()))
        dense = train(CONVOLUTIONAL, DIGITS, CONV_DENSE.recipe, mask=node)


def test_a_ladder_among_convolutions_is_exact():
    """Three rounds of 20 % over the convolutions leave round-half-up of .8^k of them and every other weight."""
    dense = CONV_DENSE
    for k in range(1, 4):
        node = prune(dense, keep=Fraction(4, 5) ** k, scope="global", among=CONVS)
        dense = train(CONVOLUTIONAL, DIGITS, CONV_DENSE.recipe, mask=node)
        assert kept(dense) == half_up(270, Fraction(4, 5) ** k) + 2200
