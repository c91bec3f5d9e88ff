"""What is counted of masks: numbers against plain loops, masks that empty a layer, metrics of a user's own.

These are tested here with `design._own_metrics`.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness import (
    DIGIT_DIFFERENCE,
    DIGITS,
    compare_masks,
    density,
    mask_metric,
    mlp,
    prune,
    random_mask,
    shuffle,
    structure,
)
from harness.compute._plan import Plan, Wanted
from harness.compute._run import run_plan
from harness.data import permuted
from harness.design._metrics import METRICS, metric
from harness.errors import DesignError, RunError
from harness.expression import MASK_METRICS, fresh, kept_in
from harness.expression._masks import ones, shuffled_within_units
from harness.expression._structures import layers_of, overlap_values, structure_values
from harness.networks._architectures import conv_net, vision_transformer
from harness.networks._layers import Image
from harness.population._population import Row, unit_name
from harness.store._store import Store
from harness.streams import Replicate
from tests.inline import Inline

NET = mlp(64, 6, 4, 10)
REPLICATES = tuple(Replicate(11, i) for i in range(2))
FIFTH = Fraction(1, 5)


@dataclass(frozen=True)
class Made:
    """A replicate of which nothing is stored: its masks are made from the network's initial weights."""

    replicate: Replicate = REPLICATES[0]

    def array(self, taken: Any) -> NDArray[Any]:
        raise AssertionError(taken)

    def bits(self, mask: Any) -> NDArray[np.bool_]:
        return mask.bits(self)


def bits(mask):
    return mask.bits(Made())


def measured(path, node, replicates=REPLICATES):
    """What is stored of a node, by replicate and metric."""
    plan = Plan([Wanted("tests/structure", (node,), replicates)], Store(path))
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})
    entries = [plan.store.entries[unit_name(node, replicate)] for replicate in replicates]
    return [{row.metric: row.value for row in plan.store.rows(entry)} for entry in entries]


def test_what_is_stored_is_what_loops_count(tmp_path):
    """Layers, the smallest of them, and the pairs and triples that units of the first layer keep of 8 x 8 pixels."""
    mask = random_mask(NET, keep=(("fc1", FIFTH), ("fc2", Fraction(1, 2)), ("output", Fraction(3, 4))))
    first, second = measured(tmp_path, structure(mask, DIGITS))
    kept = bits(mask)[NET.prunable()["fc1"].slice].reshape(64, 6)
    assert first["layer_density/fc1"] == kept.mean() == round(64 * 6 / 5) / (64 * 6)
    assert first["layer_density/output"] == 0.75
    assert first["smallest_layer"] == first["layer_density/fc1"]
    assert first["empty_layers"] == 0
    pairs = triples = 0
    for unit in range(6):
        at = {(place // 8, place % 8) for place in range(64) if kept[place, unit]}
        pairs += sum((y, x + 1) in at for y, x in at) + sum((y + 1, x) in at for y, x in at)
        triples += sum((y, x + 1) in at and (y, x + 2) in at for y, x in at)
        triples += sum((y + 1, x) in at and (y + 2, x) in at for y, x in at)
    assert first["adjacent_pairs/fc1"] == pytest.approx(100 * pairs / kept.sum())
    assert first["adjacent_triples/fc1"] == pytest.approx(100 * triples / kept.sum())
    assert first["has_path"] == 1
    assert 0 < first["connected_units"] <= 1
    assert first != second  # another replicate, other places


def test_a_mask_that_empties_a_layer_is_measured(tmp_path):
    """All layers compete for few weights: what is left without any is the outcome, and so is that no path is left."""
    deep = mlp(64, 30, 30, 30, 10)
    keep = Fraction(4, deep.weights)
    mask = prune(fresh(), keep=keep, scope="global", network=deep)
    node = structure(mask, DIGITS)
    assert density(node) == keep
    for found in measured(tmp_path, node):
        empty = [name for name in deep.prunable() if not found[f"layer_density/{name}"]]
        assert found["empty_layers"] == len(empty) > 0
        assert (found["smallest_layer"], found["has_path"], found["connected_units"]) == (0, 0, 0)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_overlap_is_what_loops_count(seed, one, other):
    """Over weights and not over biases; against chance with the layers' own counts."""
    rng = np.random.default_rng(seed)
    a, b = (rng.random(NET.flat_size) < share for share in (one, other))
    both = either = apart = 0
    chance, total = 0.0, [0, 0]
    for tensor in NET.prunable().values():
        kept = [0, 0]
        for place in range(tensor.offset, tensor.offset + tensor.size):
            both += a[place] and b[place]
            either += a[place] or b[place]
            apart += a[place] != b[place]
            kept = [kept[0] + a[place], kept[1] + b[place]]
        chance += kept[0] * kept[1] / tensor.size
        total = [total[0] + kept[0], total[1] + kept[1]]
    found = dict(overlap_values(NET, a, b))
    smaller = max(1, min(total))
    assert found["overlap"] == pytest.approx(both / smaller)
    assert found["overlap_above_chance"] == pytest.approx((both - chance) / smaller)
    assert found["jaccard"] == pytest.approx(both / max(1, either))
    assert found["mask_distance"] == pytest.approx(apart / NET.weights)
    assert dict(overlap_values(NET, b, a)) == pytest.approx(found)


def test_two_masks_are_compared_by_a_worker(tmp_path):
    """A mask with itself is all its own; pruned further it lies within; draws apart meet by chance."""
    dense, half = (prune(fresh(), keep=keep, network=NET) for keep in (Fraction(1, 2), Fraction(1, 4)))
    one = random_mask(NET, keep=Fraction(1, 2))
    same, within, draws = (
        measured(tmp_path / str(i), compare_masks(*pair, DIGITS))[0]
        for i, pair in enumerate(((dense, dense), (half, dense), (one, random_mask(NET, keep=Fraction(1, 2), draw=1))))
    )
    assert (same["overlap"], same["jaccard"], same["mask_distance"]) == (1, 1, 0)
    assert within["overlap"] == 1
    assert within["jaccard"] == pytest.approx(0.5, abs=0.01)
    assert within["mask_distance"] == pytest.approx(0.25, abs=0.01)
    assert draws["overlap_above_chance"] == pytest.approx(0, abs=0.08)
    assert density(compare_masks(half, dense, DIGITS)) == density(half)


def test_members_are_counted_alone_or_together(tmp_path):
    """What is stored does not depend on what else was computed with it."""
    node = structure(random_mask(NET, keep=FIFTH), DIGITS)
    together = measured(tmp_path / "together", node)
    assert [measured(tmp_path / str(r.index), node, (r,))[0] for r in REPLICATES] == together


# --- places permuted within units -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "rows"),
    [(NET, lambda kept: kept.sum(0)), (conv_net(2, image=Image(1, 8, 8), width=Fraction(1, 8)), None)],
    ids=["linear", "convolutional"],
)
def test_a_unit_keeps_as_many_inputs_at_other_places(net, rows):
    """Columns of linear layers, filters of convolutions; another draw has other places, the same draw the same."""
    mask = random_mask(net, keep=FIFTH)
    before = layers_of(net, bits(mask))
    after, again, other = (layers_of(net, bits(shuffle(mask, within="unit", draw=draw))) for draw in (0, 0, 1))
    for name, kept in before.items():
        counts = rows or (lambda each: each.sum(0) if each.ndim == 2 else each.sum((1, 2, 3)))
        assert (counts(after[name]) == counts(kept)).all()
        assert (after[name] == again[name]).all()
    assert any((after[name] != before[name]).any() for name in before)
    assert any((after[name] != other[name]).any() for name in before)
    biases = ones(net) & ~np.isin(np.arange(net.flat_size), np.flatnonzero(prunable(net)))
    assert (bits(shuffle(mask, within="unit"))[biases]).all()


def prunable(net):
    flags = np.zeros(net.flat_size, np.bool_)
    for tensor in net.prunable().values():
        flags[tensor.slice] = True
    return flags


def test_units_of_one_size_have_places_of_their_own():
    """In one layer and in layers of one shape: no two are permuted alike."""
    net = mlp(64, 64, 64, 10)
    mask = ones(net)
    for name in ("fc1", "fc2"):
        mask[net.prunable()[name].slice] = (np.arange(64 * 64) // 64) < 32
    moved = layers_of(net, shuffled_within_units(net, mask, REPLICATES[0], 0))
    columns = [tuple(moved[name][:, o]) for name in ("fc1", "fc2") for o in range(64)]
    assert len(set(columns)) == 128


def test_places_change_over_all_layers():
    """Their sum stays and biases are kept; a layer gets its share of places, whatever it had; draws differ."""
    net = mlp(64, 300, 10)
    mask = random_mask(net, keep=(("fc1", Fraction(1, 100)), ("output", Fraction(1))))
    before, after, other = (
        bits(mask),
        bits(shuffle(mask, within="global")),
        bits(shuffle(mask, within="global", draw=1)),
    )
    assert before.sum() == after.sum() == other.sum()
    assert (after != other).any()
    first, last = (tensor.slice for tensor in net.prunable().values())
    share = (192 + 3000) / net.weights
    assert abs(after[last].mean() - share) < 5 * (share * (1 - share) / 3000) ** 0.5
    assert abs(after[first].mean() - share) < 5 * (share * (1 - share) / 19_200) ** 0.5
    assert after[[tensor.offset for tensor in net.tensors() if not tensor.prunable]].all()
    assert density(shuffle(mask, within="global")) == density(mask)
    assert kept_in(shuffle(mask, within="global"), net, frozenset({"fc1"})) is None


def test_keys_of_masks_shuffled_within_layers_stay():
    """What the word meant before is its default, and is not in the key."""
    mask = random_mask(NET, keep=FIFTH)
    assert shuffle(mask, within="layer") == shuffle(mask) != shuffle(mask, within="unit")


# --- metrics of one's own ---------------------------------------------------------------------------------------------


@pytest.fixture
def own():
    """A metric that counts units without an input, forgotten afterwards."""

    @mask_metric("idle_units", "units without an input", bounds=(1.0, 0.5), unit="units", version=2)
    def idle_units(layers):
        return sum(int((~kept.any(0)).sum()) for kept in layers.values() if kept.ndim == 2)

    yield idle_units
    METRICS.remove("idle_units@2")
    MASK_METRICS.remove("idle_units@2")


def test_a_metric_of_ones_own_is_one_function(tmp_path, own):
    """Named by the node, whose key has its version; read by a part in its unit."""
    mask = random_mask(NET, keep=Fraction(1, 30))
    node = structure(mask, DIGITS, also=("idle_units",))
    assert node.also == ("idle_units@2",)
    assert node != structure(mask, DIGITS)
    assert node.measures(metric("idle_units@2").source)
    (found, _) = measured(tmp_path, node)
    assert found["idle_units@2"] == own(layers_of(NET, bits(mask))) > 0
    read = metric("idle_units@2")
    assert (read.unit, read.bounds) == ("units", (1.0, 0.5))
    assert 100 * read.read({"idle_units@2": Row("idle_units@2", 0, 7.0)}).value == pytest.approx(7)


@pytest.mark.parametrize("value", [float("nan"), None, "many"])
def test_a_metric_that_gives_no_number_is_refused(tmp_path, own, value):
    """With the name of what has to be corrected."""
    MASK_METRICS._things["idle_units@2"] = lambda layers: value
    node = structure(random_mask(NET, keep=FIFTH), DIGITS, also=("idle_units",))
    with pytest.raises((DesignError, RunError), match=r"metric 'idle_units@2' gave .* Next: correct the function"):
        measured(tmp_path, node)


def test_a_metric_cannot_change_the_mask(own):
    """Its arrays are not to be written to."""
    MASK_METRICS._things["idle_units@2"] = lambda layers: layers["fc1"].fill(True)
    with pytest.raises(
        DesignError, match=r"idle_units@2.*read-only, at .*test_structures.py.*Next: correct the function"
    ):
        list(structure_values(NET, DIGITS, ones(NET), ("idle_units@2",)))


# --- what is refused --------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused():
    """Masks of two networks, a task of other inputs, a metric that nobody registered, another way to shuffle."""
    mask = random_mask(NET, keep=FIFTH)
    other = random_mask(mlp(64, 5, 10), keep=FIFTH)
    with pytest.raises(
        DesignError, match=r"compare_masks\(\) of MLP 64-6-4-10 .* with a mask of a network .* Next: carry"
    ):
        compare_masks(mask, other, DIGITS)
    for make in (lambda: structure(mask, DIGIT_DIFFERENCE), lambda: compare_masks(mask, mask, DIGIT_DIFFERENCE)):
        with pytest.raises(DesignError, match=r"has 64 inputs, and digit-difference has 128. Next: name the task"):
            make()
    with pytest.raises(DesignError, match="unknown metric of masks 'idle'"):
        structure(mask, DIGITS, also=("idle",))
    with pytest.raises(DesignError, match=r"shuffle\(within='net'\): expected 'layer', 'global', 'unit'. Next"):
        shuffle(mask, within="net")


def test_a_node_says_what_it_measures():
    """Neighbours of the first layer alone, where it sees the inputs themselves; no layer that is not there."""
    node = structure(random_mask(NET, keep=FIFTH), DIGITS)
    assert node.measures("adjacent_pairs/fc1")
    assert not any(map(node.measures, ("adjacent_pairs/fc2", "layer_density/fc9", "overlap", "test_accuracy")))
    seen = conv_net(2, image=Image(1, 8, 8), width=Fraction(1, 8))
    assert not structure(random_mask(seen, keep=FIFTH), DIGITS).measures("adjacent_pairs/")


def test_what_no_mask_says_is_not_measured(tmp_path):
    """Attention connects tokens by what it sees: layers are counted, paths are not."""
    net = vision_transformer(image=Image(1, 8, 8), patch=4, features=8, blocks=1, classes=10)
    node = structure(random_mask(net, keep=FIFTH), DIGITS)
    (found, _) = measured(tmp_path, node)
    assert found["smallest_layer"] == pytest.approx(0.2, abs=0.02)
    assert not any(node.measures(name) or name in found for name in ("has_path", "used_inputs", "connected_units"))


def test_neighbours_are_those_of_the_image_that_is_shown(tmp_path):
    """Of a task in another order the same mask has the same pairs: which pixels of the data they are is not asked."""
    mask = random_mask(NET, keep=FIFTH)
    as_it_is, moved = (measured(tmp_path / task.name, structure(mask, task)) for task in (DIGITS, permuted(DIGITS)))
    assert [each["adjacent_pairs/fc1"] for each in as_it_is] == [each["adjacent_pairs/fc1"] for each in moved]
