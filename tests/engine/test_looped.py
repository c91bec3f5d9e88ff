"""Torch modules as networks are trained, packed, pruned, resumed and measured as stacked layers are."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from harness import DIGITS, evaluate, graft, magnitudes, mlp, prune, saliency, train
from harness.compute._plan import Plan, Wanted
from harness.compute._run import run_plan
from harness.engine._course import compute
from harness.engine._looped import called
from harness.engine._nn import forward
from harness.engine._noise import Noise
from harness.errors import StoppedError
from harness.expression import Rewire, Scores, TargetedDropout
from harness.networks._layers import Dropout, Linear
from harness.networks._modules import NETWORKS, network
from harness.networks._network import Network
from harness.population._population import Program
from harness.store import _checkpoints
from harness.store._checkpoints import CheckpointSaver
from harness.store._store import Store
from harness.streams import Replicate
from tests.engine.test_packing import assert_same
from tests.inline import Inline
from tests.members import ADAM, MOMENTUM, OWN, SHORT_ADAM, population
from tests.modules import MODULES, Encoder, Recurrent, perceptron
from tests.networks.test_layers import stacks, values
from tests.store.test_checkpoints import after

HALF = Fraction(1, 2)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def registered():
    """What a test registers is forgotten after it."""
    before = set(NETWORKS)
    yield
    for name in set(NETWORKS) - before:
        NETWORKS.remove(name)


@pytest.mark.parametrize("name", OWN)
def test_packed_equals_alone(name):
    """First, a masked one and last of 5 members have what they have alone, bit for bit, dropout included."""
    program = OWN[name]
    packed = compute(population(program, range(5), snapshots=(6,))).members
    for i in (0, 2, 4):
        assert_same(packed[i], compute(population(program, [i], snapshots=(6,))).members[0])


@pytest.mark.parametrize("learn", [Scores(HALF), Rewire("gradient", every=3), TargetedDropout(HALF, rate=HALF)])
def test_what_learns_otherwise_packs_too(learn):
    """Scores, masks that move and targeted dropout of a module's weights: packed equals alone."""
    program = Program(MODULES["convolution in one dimension"], DIGITS, SHORT_ADAM, learn=learn)
    packed = compute(population(program, range(3))).members
    for i in (0, 2):
        assert_same(packed[i], compute(population(program, [i])).members[0])


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("recipe", [ADAM, MOMENTUM], ids=["adam", "momentum"])
def test_a_perceptron_is_what_mlp_describes(recipe, dropout):
    """The same tensors, draws of dropout, masks and batches: after 50 steps weights agree to rounding."""
    name = "dropout" if dropout else "perceptron"
    own, ours = MODULES[name], mlp(64, 33, 17, 10, dropout=dropout)
    assert [(t.shape, t.offset, t.prunable) for t in own.tensors()] == [
        (t.shape, t.offset, t.prunable) for t in ours.tensors()
    ]
    one, other = (compute(population(Program(net, DIGITS, recipe), range(3))).members for net in (own, ours))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.arrays["end"], b.arrays["end"], rtol=1e-4, atol=1e-5)
        assert [(row.metric, row.step) for row in a.rows] == [(row.metric, row.step) for row in b.rows]


def test_layers_behind_a_module_drop_otherwise():
    """Dropout of a module, and of layers behind it, are told apart as those of layers are."""
    inner = perceptron(64, hidden=(64,), dropout=0.5).layers[0]
    net = Network((inner, Dropout(0.5), Linear("output", 10, 10)))
    noise = Noise(torch.tensor([5, 6]), torch.tensor(3))
    x = torch.ones(2, 4, 64)
    leaves = {name: torch.ones_like(leaf) for name, leaf in stacks(net, values(net, 2)).items()}
    called(inner, leaves, x, noise)
    other = Noise(torch.tensor([5, 6]), torch.tensor(3))
    other.dropped(x, 0.5)
    torch.testing.assert_close(noise.dropped(x, 0.5), other.dropped(x, 0.5), rtol=0, atol=0)


TORCH = {
    "recurrent": lambda: Recurrent(8, 11),
    "long short-term memory": lambda: Recurrent(8, 11, "LSTM"),
    "encoder": lambda: Encoder(4, 16),
}


@pytest.mark.parametrize("name", TORCH)
def test_logits_and_gradients_are_the_module_s_own(name):
    """Each of three members has the logits and gradients of the module by itself, given the member's values."""
    net = MODULES[name]
    flat = values(net, 3)
    leaves = stacks(net, flat)
    x = torch.randn(3, 6, 64, generator=torch.Generator().manual_seed(0))
    answers = torch.arange(6)
    logits = forward(net, leaves, x)
    functional.cross_entropy(logits.flatten(0, 1), answers.repeat(3), reduction="sum").backward()
    for i in range(3):
        module = TORCH[name]()
        with torch.no_grad():
            for t, parameter in zip(net.tensors(), module.parameters(), strict=True):
                mine = torch.from_numpy(flat[i, t.slice].reshape(t.shape))
                parameter.copy_(mine.T if t.turned else mine)
        alone = module(x[i].view(6, *net.layers[0].shape))
        torch.testing.assert_close(logits[i], alone)
        functional.cross_entropy(alone, answers, reduction="sum").backward()
        for t, parameter in zip(net.tensors(), module.parameters(), strict=True):
            mine = leaves[t.name].grad[i]
            torch.testing.assert_close(mine.T if t.turned else mine, parameter.grad, rtol=1e-4, atol=1e-5)


def test_torch_s_generator_has_no_part(registered):
    """Neither what is drawn nor torch's own generator changes by a training, whatever its seed was."""

    @network("tests/another perceptron")
    def another(inputs):
        return nn.Sequential(nn.Linear(inputs, 12), nn.Tanh(), nn.Linear(12, 10))

    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        program = Program(another(inputs=64), DIGITS, SHORT_ADAM)
        ends.append(compute(population(program, [0])).members[0].arrays["end"])
        assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(*ends)


def test_another_function_takes_the_place_of_a_removed_one(registered):
    """What was built for a name is not used for another function of it."""

    def trained(activation):
        @network("tests/replaced")
        def replaced(inputs):
            return nn.Sequential(nn.Linear(inputs, 12), activation, nn.Linear(12, 10))

        end = compute(population(Program(replaced(inputs=64), DIGITS, SHORT_ADAM), [0])).members[0].arrays["end"]
        NETWORKS.remove("tests/replaced")
        return end

    assert np.abs(trained(nn.Tanh()) - trained(nn.ReLU())).max() > 1e-3


@pytest.mark.parametrize("name", ["dropout", "encoder"])
def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path, name, monkeypatch):
    """Ended after some steps and gone on with, a module's training has the same rows and weights, bit for bit."""
    made = population(Program(MODULES[name], DIGITS, SHORT_ADAM), range(3), snapshots=(6,))
    monkeypatch.setattr(_checkpoints, "LOOK_S", 0.0)
    with pytest.raises(StoppedError, match="stopped after step"):
        compute(made, saver=CheckpointSaver(tmp_path, after(7)))
    resumed = compute(made, saver=CheckpointSaver(tmp_path)).members
    for one, other in zip(resumed, compute(made).members, strict=True):
        assert_same(one, other)


def test_what_is_said_of_networks_is_said_of_modules(tmp_path):
    """Rounds of pruning, criteria, grafts, saliency, evaluation and magnitudes, through plan and store."""
    net = MODULES["encoder"]
    dense = train(net, DIGITS, SHORT_ADAM)
    first = prune(dense, keep=HALF)
    ticket = train(net, DIGITS, SHORT_ADAM, mask=first, start=dense.at(0))
    second = prune(ticket, keep=HALF**2, scope="global", by="movement", also={"initial": dense.at(0)})
    rewound = graft(dense.at(0), dense, layers=("output", "block.self_attn.in_proj_weight"))
    last = train(net, DIGITS, SHORT_ADAM, mask=prune(dense, keep=HALF, by="per output"), start=rewound)
    snip = saliency(net, DIGITS, by="snip", keep=HALF)
    nodes = (
        train(net, DIGITS, SHORT_ADAM, mask=second),
        last,
        train(net, DIGITS, SHORT_ADAM, mask=snip.learned_mask()),
    )
    measured = (evaluate(net, DIGITS, weights=last.at("end")), magnitudes(net, DIGITS, mask=first))
    plan = Plan([Wanted("tests/modules", (*nodes, *measured), (Replicate(11, 0),))], Store(tmp_path))
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})
    assert not plan.due()
    end = plan.store.array(plan.entry(last, Replicate(11, 0)), "end", net.flat_size)
    columns = np.count_nonzero(end[net.prunable()["block.linear1"].slice].reshape(16, 33), axis=0)
    assert set(columns) == {8}  # of the 16 inputs of each output, not of the outputs of each input
    starts = plan.store.array(plan.entry(nodes[0], Replicate(11, 0)), "end", net.flat_size)
    kept = sum(np.count_nonzero(starts[t.slice]) for t in net.prunable().values())
    assert kept == round(net.weights / 4)
