"""Paths through a masked network against a search of its graph, neighbours against loops."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harness.expression._connections import Paths, is_followed, neighbours
from harness.networks._architectures import resnet20
from harness.networks._layers import Conv, Dropout, Flatten, Image, Linear, MaxPool, Relu, Residual
from harness.networks._network import Network, mlp

SIDE = 4  # of the image that the convolutional net sees
CONVOLUTIONAL = Network(
    (
        Image(2, SIDE, SIDE),
        Conv("a", 2, 3),
        Relu(),
        MaxPool(2),
        Residual((Conv("b", 3, 2, kernel=1, padding=0), Relu(), Conv("c", 2, 3)), ()),
        Residual((Conv("d", 3, 2),), (Conv("e", 3, 2, kernel=1, padding=0),)),
        Flatten(),
        Dropout(0.5),
        Linear("f", 2 * 2 * 2, 2),
    )
)


def found(edges, begin):
    """Every node that a search of these edges reaches from some nodes, these included."""
    seen, left = set(begin), list(begin)
    while left:
        here = left.pop()
        for one, other in edges:
            if one == here and other not in seen:
                seen.add(other)
                left.append(other)
    return seen


def edges_of_mlp(network, layers):
    """An edge for every weight that is kept, between units named (depth, place)."""
    return [
        ((depth, i), (depth + 1, o))
        for depth, name in enumerate(network.prunable())
        for i, o in itertools.product(*map(range, layers[name].shape))
        if layers[name][i, o]
    ]


def edges_of_convolutional(layers):
    """The same of the net above, by hand: a pixel leads to its channel, a residual block to its sum."""
    edges = [(("in", pixel), ("image", pixel // SIDE**2)) for pixel in range(2 * SIDE**2)]
    for name, before, after in (
        ("a", "image", "a"), ("b", "a", "b"), ("c", "b", "sum"), ("d", "sum", "d"), ("e", "sum", "d")
    ):  # fmt: skip
        outputs, inputs, *_ = layers[name].shape
        edges += [
            ((before, i), (after, o))
            for o, i in itertools.product(range(outputs), range(inputs))
            if any(layers[name][o, i].reshape(-1))
        ]
    edges += [(("a", i), ("sum", i)) for i in range(3)]
    edges += [(("d", place // 4), ("f", o)) for place in range(8) for o in range(2) if layers["f"][place, o]]
    return edges


def masked(network):
    """Masks of a network's layers, at any density."""
    return st.integers(0, 2**32 - 1).flatmap(
        lambda seed: st.floats(0, 0.6).map(
            lambda share: {
                name: np.random.default_rng(seed).random(tensor.shape) < share
                for name, tensor in network.prunable().items()
            }
        )
    )


NET = mlp(5, 4, 3, 2)


@given(masked(NET))
def test_paths_of_a_perceptron_are_those_a_search_finds(layers):
    """Whether there is one, which inputs begin one, and which hidden units lie on one."""
    edges, paths = edges_of_mlp(NET, layers), Paths.of(NET, layers)
    forth = found(edges, {(0, i) for i in range(5)})
    back = found([(b, a) for a, b in edges], {(3, o) for o in range(2)})
    assert paths.exists == any((3, o) in forth for o in range(2))
    assert paths.inputs.tolist() == [(0, i) in back for i in range(5)]
    hidden = [(depth, unit) for depth, width in ((1, 4), (2, 3)) for unit in range(width)]
    assert paths.connected().tolist() == [unit in forth & back for unit in hidden]


@given(masked(CONVOLUTIONAL))
def test_paths_of_a_residual_network_are_those_a_search_finds(layers):
    """Through channels, sums, pools and the places of a flattened image."""
    edges, paths = edges_of_convolutional(layers), Paths.of(CONVOLUTIONAL, layers)
    forth = found(edges, {("in", i) for i in range(2 * SIDE**2)})
    back = found([(b, a) for a, b in edges], {("f", o) for o in range(2)})
    assert paths.exists == any(("f", o) in forth for o in range(2))
    assert paths.inputs.tolist() == [("in", i) in back for i in range(2 * SIDE**2)]
    assert paths.from_input["b"].tolist() == [("b", i) in forth for i in range(2)]
    assert paths.to_output["a"].tolist() == [("a", i) in back for i in range(3)]


def test_a_path_may_be_gone_where_no_layer_is_empty():
    """The unit that is reached leads nowhere, and what leads to an output is not reached."""
    layers = {"fc1": np.zeros((5, 4), bool), "fc2": np.zeros((4, 3), bool), "output": np.ones((3, 2), bool)}
    layers["fc1"][0, 0] = layers["fc2"][1, 1] = True
    paths = Paths.of(NET, layers)
    assert not paths.exists
    assert not paths.connected().any()
    layers["fc2"][0, 2] = True
    assert Paths.of(NET, layers).connected().tolist() == [True, False, False, False, False, False, True]


def test_outputs_are_no_hidden_units():
    """Of a block at the end neither branch's are; of one that adds what comes in, that is hidden all the same."""
    first = (Linear("fc1", 6, 3), Relu())
    for body, hidden in {
        Residual((Linear("b", 3, 3),), (Linear("s", 3, 3),)): 3,
        Residual((Linear("b", 3, 3),), ()): 3,
        Residual((Linear("a", 3, 5), Relu(), Linear("b", 5, 3)), (Linear("s", 3, 3),)): 8,
    }.items():
        net = Network((*first, body))
        kept = {name: np.ones(t.shape, bool) for name, t in net.prunable().items()}
        assert Paths.of(net, kept).connected().sum() == hidden


def test_networks_of_known_layers_are_followed():
    """Those of papers are; one with a layer of another kind is not, nor one without layers."""
    assert is_followed(resnet20())
    assert not is_followed(object())
    dense = resnet20()
    assert Paths.of(dense, {name: np.ones(t.shape, bool) for name, t in dense.prunable().items()}).connected().all()


@pytest.mark.parametrize("image", [(1, 1, 12), (1, 3, 4), (3, 2, 2), (2, 3, 2)])
@given(data=st.data())
def test_neighbours_are_counted_by_a_double_loop(image, data):
    """Runs in rows and columns of one channel, of every unit; a run never goes on in the next row."""
    kept = data.draw(arrays(np.bool_, (12, 3)))
    channels, height, width = image
    for count in (2, 3):
        expected = 0
        for unit in range(3):
            for channel in range(channels):
                at = [[kept[(channel * height + y) * width + x, unit] for x in range(width)] for y in range(height)]
                for y, x in itertools.product(range(height), range(width)):
                    expected += x + count <= width and all(at[y][x + i] for i in range(count))
                    expected += y + count <= height and all(at[y + i][x] for i in range(count))
        assert neighbours(kept, image, count) == expected
