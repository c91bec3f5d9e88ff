"""Networks of one's own: what is found out about a torch module, and what is refused.

Also tests `networks._torch` and `networks._watching`.
"""

import pickle
import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from harness import (
    DIGITS,
    SGD,
    Init,
    Network,
    Recipe,
    TargetedDropout,
    prune,
    random_mask,
    saliency,
    shuffle,
    train,
)
from harness.errors import DesignError
from harness.expression import describe
from harness.networks._initial import initial_values
from harness.networks._layers import BatchNorm, Image, Linear, Relu
from harness.networks._modules import NETWORKS, network
from harness.networks._network import mlp
from harness.streams import Replicate
from tests.modules import MODULES, encoder, perceptron, recurrent, sequence

REPLICATE = Replicate(7, 0)


@pytest.fixture(autouse=True)
def registered():
    """What a test registers is forgotten after it."""
    before = set(NETWORKS)
    yield
    for name in set(NETWORKS) - before:
        NETWORKS.remove(name)


# --- what is found out -------------------------------------------------------------------------------------------


def test_tensors_are_torch_s_parameters():
    """Names as torch has them, weights of linear layers turned, norms and positions never pruned."""
    net = MODULES["encoder"]
    (positions, into, _, out, *_) = net.tensors()
    assert (positions.name, positions.shape, positions.prunable) == ("positions", (4, 16), False)
    assert (into.name, into.shape, into.turned) == ("block.self_attn.in_proj_weight", (16, 48), True)
    assert (out.name, out.shape, out.turned) == ("block.self_attn.out_proj.weight", (16, 16), True)
    assert list(net.prunable()) == [
        "block.self_attn.in_proj_weight",
        "block.self_attn.out_proj",
        "block.linear1",
        "block.linear2",
        "output",
    ]
    assert (net.inputs, net.outputs, net.parameters) == (64, 10, sum(t.size for t in net.tensors()))
    assert net.label == f"tests/encoder(inputs=(4, 16)) (glorot-normal; {net.weights:,} weights)"


@pytest.mark.parametrize("name", ["perceptron", "convolution in one dimension"])
def test_multiply_adds_are_those_that_torch_counts(name):
    """Half of the operations of one forward pass of one example, where all products are with weights."""
    net = MODULES[name]
    layer = net.layers[0]
    module = layer.built("cpu", lambda rate: nn.Identity())
    with FlopCounterMode(display=False) as counted:
        functional_call(module, dict(module.named_parameters()), (torch.zeros(1, *layer.shape),))
    assert 2 * net.multiply_adds() == counted.get_total_flops()
    first = next(iter(net.prunable()))
    assert net.multiply_adds() - net.multiply_adds({first: 0}) == dict(layer.products(()))[f"{first}.weight"]


@settings(max_examples=20, deadline=None)
@given(
    hidden=st.lists(st.integers(1, 70), min_size=1, max_size=3).map(tuple),
    init=st.sampled_from(Init),
    draw=st.integers(0, 3),
)
def test_a_perceptron_has_the_tensors_and_first_values_of_mlp(hidden, init, draw):
    """Whatever the widths and the distribution: places, counts, what is drawn and what it costs are the same."""
    own, ours = replace(perceptron(64, hidden=hidden), init=init), mlp(64, *hidden, 10, init=init)
    one, other = ([(t.shape, t.offset, t.prunable) for t in net.tensors()] for net in (own, ours))
    assert one == other
    assert (own.weights, own.parameters, own.flat_size) == (ours.weights, ours.parameters, ours.flat_size)
    assert own.multiply_adds() == ours.multiply_adds()
    one, other = (initial_values(net, REPLICATE, "reinit", draw) for net in (own, ours))
    np.testing.assert_array_equal(one, other)


def test_a_weight_counts_at_each_place():
    """Shared projections and recurrent weights have one product a token or step, a convolution one a place."""
    assert MODULES["perceptron"].multiply_adds() == mlp(64, 33, 17, 10).multiply_adds()
    assert sequence(inputs=(1, 64), width=7).multiply_adds() == 7 * 5 * 60 + 7 * 60 * 10
    assert MODULES["recurrent"].multiply_adds() == 8 * 3 * 11 * (8 + 11) + 110
    assert recurrent(inputs=(8, 8), kind="LSTM").multiply_adds() == 8 * 4 * 11 * (8 + 11) + 110
    assert MODULES["encoder"].multiply_adds() == 4 * 16 * (48 + 16 + 33 + 33) + 160


def test_arguments_name_and_version_are_the_key():
    """Another argument, default or version is another training; how arguments are given is not."""

    def key(net):
        return train(net, DIGITS, Recipe(optimiser=SGD(0.1), steps=20, batch=20)).key

    assert key(perceptron(64)) == key(perceptron(inputs=64, hidden=(33, 17)))
    assert key(perceptron(64)) != key(perceptron(64, hidden=(33, 18)))

    def same(inputs):
        return nn.Linear(inputs, 10)

    keys = {key(network("tests/linear", version=v)(same)(64)) for v in (1, 2)}
    assert len(keys) == 2
    assert describe(train(perceptron(64), DIGITS, Recipe(optimiser=SGD(0.1), steps=20, batch=20)))["network"] == {
        "is": "Network",
        "layers": [
            {
                "is": "Module",
                "name": "tests/perceptron",
                "arguments": [["dropout", 0.0], ["hidden", [33, 17]], ["inputs", 64]],
            }
        ],
    }


def test_a_network_goes_to_a_worker_by_its_name():
    """What is sent is name and arguments: no function and no module."""
    net = perceptron(64)
    _ = net.weights, net.flat_size
    text = pickle.dumps(net)
    assert b"tests.modules" not in text
    assert pickle.loads(text) == net


def test_initial_values_are_the_streams():
    """Weights by the network's distribution of their fans, norms 1, biases 0, and what a rule says."""
    net = replace(encoder(inputs=(4, 16)), init=Init.KAIMING_UNIFORM)
    flat = initial_values(net, REPLICATE, "init", 0)
    by_name = {t.name: flat[t.slice].reshape(t.shape) for t in net.tensors()}
    assert 0 < np.abs(by_name["positions"]).max() < 0.1
    assert (by_name["block.norm1.weight"] == 1).all()
    assert not by_name["block.norm1.bias"].any()
    assert not by_name["block.self_attn.in_proj_bias"].any()
    for name, fan in (("block.linear1.weight", 16), ("block.linear2.weight", 33), ("output.weight", 16)):
        bound = (6 / fan) ** 0.5
        assert 0.9 * bound < np.abs(by_name[name]).max() <= bound
    np.testing.assert_array_equal(flat, initial_values(net, REPLICATE, "init", 0))
    assert (flat != initial_values(net, REPLICATE, "reinit", 0)).any()


def test_a_rule_sees_torch_s_shapes():
    """A rule gives weights of (outputs, inputs), which lie turned."""

    def rows(name, shape, random):
        return np.arange(np.prod(shape)).reshape(shape) if name == "weight" else 0.5

    @network("tests/rows", initial=rows)
    def linear(inputs):
        return nn.Linear(inputs, 3)

    weight, bias = linear(inputs=4).tensors()
    flat = initial_values(linear(inputs=4), REPLICATE, "init", 0)
    assert flat[weight.slice].reshape(4, 3)[:, 1].tolist() == [4, 5, 6, 7]
    assert set(flat[bias.slice]) == {0.5}


def test_what_may_be_pruned_can_be_said():
    """A function of name and shape decides, also about parameters of one's own."""

    @network("tests/chosen", prunable=lambda name, shape: name == "2.weight")
    def chosen(inputs):
        return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, 10))

    assert list(chosen(inputs=64).prunable()) == ["2"]
    half = random_mask(chosen(inputs=64), keep=Fraction(1, 2))
    assert half.kept_in(frozenset({"2"})) == 40


def test_a_norm_of_images_is_not_pruned():
    """LayerNorm's weights of three dimensions are scales, which start at 1."""

    @network("tests/normed")
    def normed(inputs):
        return nn.Sequential(nn.LayerNorm(inputs), nn.Flatten(), nn.Linear(64, 10))

    net = normed(inputs=(1, 8, 8))
    assert list(net.prunable()) == ["2"]
    assert set(initial_values(net, REPLICATE, "init", 0)[net.tensors()[0].slice]) == {1.0}


def test_a_module_is_a_layer_among_others():
    """It stands behind layers of the harness's, such as BatchNorm, which a module may not have."""
    inner = perceptron(30, hidden=(20,)).layers
    net = Network((Linear("fc1", 64, 30, bias=False), BatchNorm("bn1", 30), Relu(), *inner))
    assert (net.batch_norms, net.outputs, list(net.prunable())) == (1, 10, ["fc1", "0", "3"])
    with pytest.raises(DesignError, match=r"cannot follow what gives shape \(1, 8, 8\)"):
        Network((Image(1, 8, 8), *inner))


class Causal(nn.Module):
    """Attention of one head, to tokens before alone, by a mask that is a buffer; deep in squashed layers."""

    def __init__(self, tokens, features):
        super().__init__()
        self.query, self.key = nn.Linear(features, features), nn.Linear(features, features)
        self.deep = nn.Sequential(*(nn.Sequential(nn.Linear(features, features), nn.Tanh()) for _ in range(8)))
        self.output = nn.Linear(features, 10)
        self.register_buffer("later", torch.ones(tokens, tokens).triu(1).bool())
        self.sizes = {"tokens": [tokens], "names": {"query"}, "scale": np.ones(3)}

    def forward(self, x):
        """Return a row of logits an example."""
        scores = (self.query(x) @ self.key(x).mT).masked_fill(self.later, -torch.inf)
        return self.output(self.deep(scores.softmax(-1) @ x)[:, -1])


def test_constants_are_those_that_the_function_builds():
    """A mask of attention hides what it hides: with all of it hidden, each example would seem to be mixed."""
    net = network("tests/causal")(lambda inputs: Causal(*inputs))(inputs=(4, 16))
    assert net.outputs == 10


class Chosen(nn.Module):
    """A perceptron of some inputs, by their numbers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("places", torch.arange(0, 64, 2))
        self.output = nn.Linear(32, 10)

    def forward(self, x):
        """Return a row of logits an example."""
        return self.output(x[:, self.places])


def test_places_may_be_chosen_by_number():
    """How many there are is known beforehand, and nothing waits for it."""
    assert network("tests/chosen")(lambda inputs: Chosen())(inputs=64).outputs == 10


class Mixed(nn.Module):
    """One layer of a kind, and a linear one that reads what it gives."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.a = {
            "Linear": lambda: nn.Linear(8, 8),
            "grouped": lambda: nn.Conv1d(8, 8, 3, padding=1, groups=4),
            "transposed": lambda: nn.ConvTranspose1d(8, 8, 3, padding=1),
            "transposed, grouped": lambda: nn.ConvTranspose1d(8, 8, 3, padding=1, groups=2),
            "LSTM": lambda: nn.LSTM(8, 8, batch_first=True),
            "attention": lambda: nn.MultiheadAttention(8, 2, batch_first=True),
            "Bilinear": lambda: nn.Bilinear(8, 8, 8),
            "normed": lambda: nn.LayerNorm(8),
        }[kind]()
        self.output = nn.Linear(64, 10)

    def forward(self, x):
        """Return a row of logits an example."""
        given = (x, x, x) if self.kind == "attention" else (x, x) if self.kind == "Bilinear" else (x,)
        made = self.a(*given)
        return self.output((made[0] if isinstance(made, tuple) else made).flatten(1))


@network("tests/mixed")
def mixed(inputs, kind):
    """One layer of a kind."""
    return Mixed(kind)


def some(name, shape, random):
    """What all but the output starts from."""
    return None if name.startswith("output") else 0.1 * random.standard_normal(shape)


@pytest.mark.parametrize("kind", ["Linear", "grouped", "transposed", "transposed, grouped", "normed"])
def test_torch_s_default_is_how_torch_starts_a_layer(kind):
    """The largest of what each parameter starts from is what torch's own layer has, to a few parts in a hundred."""
    net = replace(mixed(inputs=(8, 8), kind=kind), init=Init.TORCH_DEFAULT)
    torch.manual_seed(0)
    theirs = [dict(Mixed(kind).named_parameters()) for _ in range(40)]
    ours = [initial_values(net, REPLICATE, "reinit", draw) for draw in range(40)]
    for tensor in net.tensors():
        most = max(float(np.abs(flat[tensor.slice]).max()) for flat in ours)
        assert most == pytest.approx(max(float(each[tensor.name].detach().abs().max()) for each in theirs), rel=0.05)


@pytest.mark.parametrize(
    ("kind", "name"), [("LSTM", "a.weight_ih_l0"), ("attention", "a.in_proj_weight"), ("Bilinear", "a.weight")]
)
def test_torch_s_default_is_refused_where_torch_starts_otherwise(kind, name):
    """Layers that are no linear ones and no convolutions, but where a rule says what they start from."""
    net = mixed(inputs=(8, 8), kind=kind)
    with pytest.raises(DesignError, match=rf"{name}, of .*, would not as in torch.* Next: @network\(..., initial=\)"):
        replace(net, init=Init.TORCH_DEFAULT)
    assert replace(net, inits=(("output", Init.TORCH_DEFAULT),)).outputs == 10
    ruled = network(f"tests/mixed, {kind} by rule", initial=some)(lambda inputs: Mixed(kind))(inputs=(8, 8))
    assert replace(ruled, init=Init.TORCH_DEFAULT).outputs == 10


def test_a_bias_without_weights_that_may_be_pruned_is_not_torch_s_default():
    """It would start at 0: its range is that of its layer's weights."""
    alone = network("tests/alone", prunable=lambda name, shape: name == "2.weight")(
        lambda inputs: nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, 10))
    )
    with pytest.raises(DesignError, match=r"0\.bias, of Linear, would not as in torch"):
        replace(alone(inputs=64), init=Init.TORCH_DEFAULT)
    root = network("tests/root")(lambda inputs: nn.Linear(inputs, 10))
    with pytest.raises(DesignError, match="bias, of Linear, would not as in torch"):
        replace(root(inputs=64), init=Init.TORCH_DEFAULT)


def test_words_that_go_by_outputs_are_refused_where_inputs_lie_there():
    """Weights of a transposed convolution are (inputs, outputs, kernel): its inputs would be taken for its outputs."""
    net, recipe = mixed(inputs=(8, 8), kind="transposed"), Recipe(optimiser=SGD(0.1), steps=20, batch=20)
    dense, half = train(net, DIGITS, recipe), Fraction(1, 2)
    told = "the weights of a, a transposed convolution, have inputs where"
    for by, also in (("per output", {}), ("filters", {}), ("n of m", {"m": 4})):
        with pytest.raises(DesignError, match=f"{told}.* Next: another word"):
            prune(dense, keep=half, by=by, also=also)
        assert prune(dense, keep=half, by=by, also=also, among=("output",)).kept_in(frozenset({"output"})) == 320
        with pytest.raises(DesignError, match=f"{told}.* Next: leave it out"):
            prune(dense, keep=half, by=by, also=also, among=("a",))
    with pytest.raises(DesignError, match=told):
        shuffle(random_mask(net, keep=half), within="unit")
    with pytest.raises(DesignError, match=f"TargetedDropout goes by .*{told}"):
        train(net, DIGITS, recipe, learn=TargetedDropout(half, half))
    assert shuffle(prune(dense, keep=half)).kept_in(frozenset({"a"})) == 96
    straight = train(mixed(inputs=(8, 8), kind="grouped"), DIGITS, recipe, learn=TargetedDropout(half, half))
    assert prune(straight, keep=half, by="filters").kept_in(frozenset({"a"})) == 24


# --- what is refused ---------------------------------------------------------------------------------------------


SEEN = (
    "a changing buffer",
    "a buffer put anew",
    "a buffer put anew, as it was",
    "a buffer written, as it was",
    "a buffer changed unseen",
)


class Wrong(nn.Module):
    """A perceptron with something in it that does not fit."""

    def __init__(self, how):
        super().__init__()
        self.a, self.b, self.how = nn.Linear(64, 64), nn.Linear(64, 10), how
        if how == "a shared layer":
            self.c = self.a
        elif how == "a tied weight":
            self.c = nn.Linear(64, 64)
            self.c.weight = self.a.weight
        elif how == "BatchNorm":
            self.c = nn.BatchNorm1d(64)
        elif how == "BatchNorm without running statistics":
            self.c = nn.BatchNorm1d(64, track_running_stats=False)
        elif how == "an unused layer":
            self.c = nn.Linear(3, 3)
        elif how == "a frozen weight":
            self.a.weight.requires_grad_(False)
        elif how == "doubles":
            self.a.double()
        elif how == "a lazy layer":
            self.c = nn.LazyLinear(3)
        elif how == "a parameter of its own":
            self.gain = nn.Parameter(torch.ones(64))
        elif how in SEEN:
            self.register_buffer("seen", torch.zeros(()))
        elif how == "a constant that is no buffer":
            self.projection = torch.ones(64)
        elif how in ("a counter", "a counter inside"):
            self.inside = nn.Identity()
            self.count = self.inside.count = 0
        elif how == "a list":
            self.given = []
        elif how == "a random buffer":
            self.register_buffer("projection", torch.randn(64))

    def forward(self, x):
        h = self.a(x)
        match self.how:
            case "a changing buffer":
                self.seen += 1
            case "a buffer put anew":
                h, self.seen = h / (1 + self.seen), 0.5 * self.seen + h.detach().mean()
            case "a buffer changed unseen":
                self.seen.data.add_(1)
            case "a buffer put anew, as it was":
                self.seen = self.seen.clone()
            case "a buffer written, as it was":
                self.seen.mul_(1)
            case "a new buffer":
                self.register_buffer("late", torch.ones(3))
            case "a parameter changed unseen":
                self.a.bias.data.clamp_(0, 1)
            case "a counter":
                self.count += 1
                h = h / self.count
            case "a counter inside":
                self.inside.count += 1
            case "a list":
                self.given.append(3)
            case "what it was given":
                self.given = x.detach()
            case "numpy's noise":
                h = h + np.random.rand()
            case "a detached mean":
                h = h - h.detach().mean(0, keepdim=True)
            case "a detached largest":
                h = h / h.detach().abs().max()
            case "a mean in gradients alone":
                h = h + (h.mean(0) - h.mean(0).detach())
            case "a mean of many" if len(x) > 2:
                h = h - h.detach().mean(0, keepdim=True)
            case "its input written over":
                x.mul_(0)
            case "places by bits":
                h = h[:, torch.arange(64) < 64]
            case "how many there are":
                h = h / len(h)
            case "a random buffer" | "a constant that is no buffer":
                h = h * self.projection
            case "a parameter of its own":
                h = h * self.gain
            case "functional dropout":
                h = nn.functional.dropout(h, 0.3)
            case "noise":
                h = h + torch.randn_like(h)
            case "a choice by values" if h.sum() > 0:
                h = 2 * h
            case "two outputs":
                return self.b(h), h
            case "images":
                return self.b(h).view(-1, 1, 10)
            case "softmax over the batch":
                return self.b(h).softmax(0)
            case "no batch":
                return self.b(h).sum(0)
        return self.b(h)


@network("tests/wrong")
def wrong(inputs, how):
    """A perceptron with something in it that does not fit."""
    return 3 if how == "a number" else Wrong(how)


REFUSED = {
    "a shared layer": "shares one parameter as a.weight and c.weight",
    "a tied weight": "shares one parameter as a.weight and c.weight",
    "BatchNorm": "has BatchNorm1d at c, whose statistics .* Next: use nn.GroupNorm or nn.LayerNorm",
    "BatchNorm without running statistics": "has BatchNorm1d at c",
    "an unused layer": "leaves c.weight out of its forward pass",
    "a frozen weight": "a parameter a.weight that is not trained",
    "doubles": "a parameter a.weight that is torch.float64",
    "a lazy layer": "a lazy parameter c.weight",
    "a parameter of its own": r"what gain starts from is said nowhere.* Next: @network\(..., initial=\)",
    "a changing buffer": "changes its seen in its forward pass",
    "a buffer put anew": "changes its seen in its forward pass",
    "a buffer put anew, as it was": "changes its seen in its forward pass",
    "a buffer written, as it was": "changes its seen in its forward pass",
    "a buffer changed unseen": "changes its seen in its forward pass",
    "a new buffer": "changes its _buffers in its forward pass",
    "a parameter changed unseen": "changes its a.bias in its forward pass",
    "a counter": "changes its count in its forward pass.* Next: let buffers be constants",
    "a counter inside": "changes its inside.count in its forward pass",
    "a list": "changes its given in its forward pass",
    "what it was given": "changes its given in its forward pass",
    "numpy's noise": "gives something else for the same batch the second time.* Next: .*nn.Dropout",
    "a detached mean": "mixes the examples of a batch",
    "a detached largest": "mixes the examples of a batch",
    "a mean in gradients alone": "mixes the examples of a batch",
    "how many there are": "mixes the examples of a batch",
    "a mean of many": "mixes the examples of a batch",
    "its input written over": "has no gradients: .*modified by an inplace operation.* Next: let it change nothing",
    "places by bits": r"reads values in its forward pass \(index\)",
    "a random buffer": "draws its buffer projection at random",
    "functional dropout": r"draws at random in its forward pass \(bernoulli_\).* Next: use nn.Dropout",
    "noise": r"draws at random in its forward pass \(randn_like\)",
    "a constant that is no buffer": "whose constants have to be buffers",
    "a choice by values": r"reads values in its forward pass \(_local_scalar_dense\)",
    "two outputs": r"gives a tuple for a batch of shape \(2, 64\)",
    "images": r"gives shape \(1, 10\) for one example, expected \(classes,\)",
    "softmax over the batch": "mixes the examples of a batch.* Next: .*batch_first=True",
    "no batch": r"gives shape \(10,\) for a batch of shape \(2, 64\)",
    "a number": "is of type int",
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_module_that_does_not_fit_is_refused(how):
    """When the network is made, with what to do instead."""
    with pytest.raises(DesignError, match=REFUSED[how]) as refusal:
        wrong(inputs=64, how=how)
    assert re.search(r"^network 'tests/wrong'.* Next: ", str(refusal.value))


def test_shapes_that_do_not_fit_are_told():
    """The batch's shape, what torch says, and for a task what it has."""
    with pytest.raises(DesignError, match=r"fails on a batch of shape \(2, 65\): .*2x65 and 64x64"):
        wrong(inputs=65, how="")
    with pytest.raises(DesignError, match=r"could not be built .*must be divisible by num_groups"):
        network("tests/unbuilt")(lambda inputs: nn.Sequential(nn.Linear(inputs, 9), nn.GroupNorm(2, 9)))(64)
    with pytest.raises(DesignError, match=r"a network of 32 inputs and 10 outputs on task digits, which has 64 and 10"):
        train(sequence(inputs=(1, 32)), DIGITS, Recipe(optimiser=SGD(0.1), steps=20, batch=20))


def test_functions_that_name_no_module_are_refused():
    """Without inputs, with arguments that have no name or that no key holds, of one name with another one."""
    with pytest.raises(DesignError, match=r"takes width, and no inputs"):
        network("tests/none")(lambda width: nn.Linear(width, 10))
    with pytest.raises(DesignError, match=r"takes \*hidden, which has no name in a key"):
        network("tests/none")(lambda inputs, *hidden: nn.Linear(inputs, 10))
    with pytest.raises(DesignError, match=r"hidden=\[3, 4\] cannot be part of a key"):
        perceptron(64, hidden=[3, 4])
    with pytest.raises(DesignError, match="twice a network"):
        network("tests/perceptron")(lambda inputs: nn.Linear(inputs, 10))
    assert "tests/none" not in NETWORKS


def test_rules_that_do_not_fit_are_refused():
    """Values of another shape, a vector to be pruned, nothing to be pruned, another module each time."""
    with pytest.raises(
        DesignError, match=r"gives weight values of shape \(2,\), expected finite ones of shape \(10, 64\)"
    ):
        network("tests/a", initial=lambda name, shape, random: np.zeros(2))(lambda inputs: nn.Linear(inputs, 10))(64)
    with pytest.raises(DesignError, match=r"has bias of shape \(10,\), which prunable= names"):
        network("tests/b", prunable=lambda name, shape: True)(lambda inputs: nn.Linear(inputs, 10))(64)
    with pytest.raises(DesignError, match="has no weight that may be pruned"):
        network("tests/c", prunable=lambda name, shape: False)(lambda inputs: nn.Linear(inputs, 10))(64)
    sizes = iter((1, 2))
    with pytest.raises(DesignError, match="has other parameters each time it is built"):
        network("tests/d")(lambda inputs: nn.Sequential(nn.Linear(inputs, n := next(sizes)), nn.Linear(n, 10)))(64)


def test_masks_of_modules_are_held_to_what_others_are():
    """An unknown layer, a layer left empty, units, and SynFlow are refused with the nearest or the next."""
    net = MODULES["encoder"]
    dense = train(net, DIGITS, Recipe(optimiser=SGD(0.1), steps=20, batch=20))
    with pytest.raises(DesignError, match=r"among= names 'block.linear3'.*did you mean block.linear"):
        prune(dense, keep=Fraction(1, 2), among=("block.linear3",))
    with pytest.raises(DesignError, match=r"no weight is kept in .*output.* Next: raise keep="):
        prune(dense, keep=Fraction(1, 1000))
    with pytest.raises(DesignError, match="is no multilayer perceptron"):
        prune(dense, keep=Fraction(1, 2), scope="unit")
    with pytest.raises(
        DesignError, match="synflow of a network with attention, LayerNorm, an embedding, an LSTM or a torch module"
    ):
        saliency(net, DIGITS, by="synflow", keep=Fraction(1, 2))
