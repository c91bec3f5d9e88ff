"""LSTM, embedding and causal attention are torch's own modules, forward and backward, member by member.

Also tests `networks._sequences`.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from harness.data._tasks import DIGITS, SHAKESPEARE
from harness.engine import _recurrent
from harness.engine._course import compute
from harness.engine._feed import Feed
from harness.engine._nn import forward
from harness.engine._plain import plain_module, put
from harness.errors import DesignError
from harness.expression import saliency, train
from harness.expression._masks import ones, prune_by_magnitude, random_bits
from harness.networks._architectures import lstm_net, text_transformer
from harness.networks._initial import initial_values
from harness.networks._layers import Attention, AveragePool, Linear, Residual
from harness.networks._network import Network, mlp
from harness.networks._recipe import SGD, Recipe
from harness.networks._sequences import LSTM, Embedding, Positions
from harness.population import _memory
from harness.population._population import Program
from harness.streams import Replicate
from tests.members import begun, population

TOKENS, PLACES, MEMBERS, BATCH = 11, 9, 3, 4
RECIPE = Recipe(optimiser=SGD(0.5), steps=5, batch=8, validate_every=5)
FEW = replace(SHAKESPEARE, train_images=600, validation_images=30, test_images=30)
NETS = {
    "lstm": lstm_net(TOKENS, places=PLACES, features=5, hidden=7),
    "two": lstm_net(TOKENS, places=PLACES, features=5, hidden=8, layers=2),
    "transformer": text_transformer(TOKENS, places=PLACES, features=8, heads=2, hidden=12),
}


class Torchs(nn.Module):
    """A language model of torch's own modules, as somebody would write it by hand."""

    def __init__(self, layers, features, hidden):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, features)
        self.lstm = nn.LSTM(features, hidden, layers, batch_first=True)
        self.output = nn.Linear(hidden, TOKENS)

    def forward(self, x):
        return self.output(self.lstm(self.embedding(x))[0])

    def take(self, params, member):
        """Give it a member's parameters of our LSTM nets."""
        with torch.no_grad():
            self.embedding.weight.copy_(params["embedding.weight"][member])
            for layer in range(self.lstm.num_layers):
                for ours, theirs in (("input.weight", "weight_ih"), ("hidden.weight", "weight_hh")):
                    getattr(self.lstm, f"{theirs}_l{layer}").copy_(params[f"lstm{layer + 1}.{ours}"][member].T)
                getattr(self.lstm, f"bias_ih_l{layer}").copy_(params[f"lstm{layer + 1}.input.bias"][member])
                getattr(self.lstm, f"bias_hh_l{layer}").zero_()
            self.output.weight.copy_(params["output.weight"][member].T)
            self.output.bias.copy_(params["output.bias"][member])


def stacks(net, dtype=torch.float64):
    """Parameters of three members, each under another mask."""
    flats = []
    for i in range(MEMBERS):
        replicate = Replicate(3, i)
        flats.append(initial_values(net, replicate, "init", 0) * random_bits(net, Fraction(3, 5), replicate, 0))
    flat = torch.from_numpy(np.stack(flats)).to(dtype)
    views = {t.name: flat[:, t.slice].reshape(-1, *t.shape).clone().requires_grad_() for t in net.tensors()}
    return views, flats


def tokens():
    return torch.randint(0, TOKENS, (MEMBERS, BATCH, PLACES), generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["loop", "together"])
def way(request, monkeypatch):
    """Each way to compute an LSTM, a CPU's and a GPU's."""
    monkeypatch.setitem(_recurrent.RECURRENCE, "cpu", request.param)
    return request.param


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize(("name", "hidden"), [("lstm", 7), ("two", 8)])
def test_forward_and_gradients_are_those_of_torchs_lstm(name, hidden, dtype, within):
    """Of embedding, both weights, biases and output, under masks, for each member: to rounding."""
    net, x = NETS[name], tokens()
    params, _ = stacks(net, dtype)
    logits = forward(net, params, x)
    assert logits.shape == (MEMBERS, BATCH * PLACES, TOKENS)
    weights = torch.randn(logits.shape, dtype=dtype, generator=torch.Generator().manual_seed(1))
    (logits * weights).sum().backward()
    for member in range(MEMBERS):
        module = Torchs(int(name == "two") + 1, 5, hidden).to(dtype)
        module.take(params, member)
        given = module(x[member]).flatten(0, 1)
        (given * weights[member]).sum().backward()
        assert float((given - logits[member]).detach().abs().max()) < within
        lstm, gradient = module.lstm, {key: value.grad[member] for key, value in params.items()}
        pairs = [
            (gradient["embedding.weight"], module.embedding.weight.grad),
            (gradient["output.weight"], module.output.weight.grad.T),
        ]
        for layer in range(lstm.num_layers):
            for ours, theirs in (("input.weight", "weight_ih"), ("hidden.weight", "weight_hh")):
                pairs.append((gradient[f"lstm{layer + 1}.{ours}"], getattr(lstm, f"{theirs}_l{layer}").grad.T))
            pairs.append((gradient[f"lstm{layer + 1}.input.bias"], getattr(lstm, f"bias_ih_l{layer}").grad))
        for one, other in pairs:
            assert float((one - other).abs().max()) < within * max(1.0, float(other.abs().max()))
            assert float(other.abs().max()) > 0


@pytest.mark.parametrize("name", NETS)
def test_the_plain_module_is_the_same_net(name):
    """Torch's modules with a member's parameters answer at each token as it does, in float32."""
    net, x = NETS[name], tokens()
    params, flats = stacks(net, torch.float32)
    with torch.no_grad():
        logits = forward(net, params, x)
        for member in range(MEMBERS):
            module = plain_module(net)
            put(module, net, flats[member])
            given = module(x[member])
            assert given.shape == (BATCH, PLACES, TOKENS)
            torch.testing.assert_close(given.flatten(0, 1), logits[member], rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", NETS)
def test_no_answer_depends_on_what_comes_later_or_on_another_window(name):
    """Another last token changes the last answer alone; another window or member changes none of the others."""
    net, x = NETS[name], tokens()
    params, _ = stacks(net)
    before = forward(net, params, x).view(MEMBERS, BATCH, PLACES, TOKENS)
    x[1, 2, 5] = (x[1, 2, 5] + 1) % TOKENS
    changed = (forward(net, params, x).view(before.shape) != before).any(3)
    expected = torch.zeros_like(changed)
    expected[1, 2, 5:] = True
    assert torch.equal(changed, expected)


@pytest.mark.usefixtures("way")
def test_state_is_zero_before_the_first_token():
    """A window's first answer is that of the token alone, whatever was read before: nothing is carried over."""
    net = NETS["lstm"]
    params, _ = stacks(net)
    short = replace(net, layers=(replace(net.layers[0], places=1), *net.layers[1:]))
    x = tokens()
    first = forward(net, params, x).view(MEMBERS, BATCH, PLACES, TOKENS)[:, :, 0]
    forward(net, params, x.flip(2))
    torch.testing.assert_close(forward(short, params, x[:, :, :1]), first, rtol=1e-12, atol=0)


def test_answers_are_the_tokens_that_follow():
    """Of the harness's own windows: each answer is the next token, and the loss the mean over all of them."""
    program = Program(lstm_net(62, places=32, features=4, hidden=6), SHAKESPEARE, RECIPE)
    made = population(program, range(2))
    feed = Feed(made, torch.device("cpu"))
    batch = feed.batches(0, 1)
    inputs = feed.inputs(batch.images[:, 0])
    assert torch.equal(inputs[:, :, 1:].long(), batch.answers[:, 0, :, :-1].long())
    updates = begun(made)
    stack, leaves = updates.stack, updates.stack.leaves()
    logits = forward(program.network, leaves, inputs)
    loss = nn.functional.cross_entropy(logits[1], batch.answers[1, 0].flatten().long())
    next(iter(updates.run()))
    torch.testing.assert_close(updates.loss_R[1], loss.detach())
    assert stack is updates.stack


def test_test_loss_and_accuracy_are_over_all_tokens(monkeypatch):
    """What is measured in passes of seven windows is recomputed by the plain module, one window after the other."""
    monkeypatch.setattr(_memory, "PASSES", (7,))
    program = Program(lstm_net(62, places=32, features=4, hidden=6), FEW, RECIPE)
    computed = compute(population(program, range(2), snapshots=(5,))).members
    feed = Feed(population(program, range(2)), torch.device("cpu"))
    images, answers = feed.held_out("test")
    for member, result in enumerate(computed):
        module = plain_module(program.network)
        put(module, program.network, result.arrays["end"])
        with torch.no_grad():
            losses, right = [], []
            for window, following in zip(feed.inputs(images)[member], answers[member], strict=True):
                logits = module(window[None].long())[0]
                losses += nn.functional.cross_entropy(logits, following, reduction="none").tolist()
                right += (logits.argmax(1) == following).tolist()
        rows = {row.metric: row.value for row in result.rows}
        assert len(right) == FEW.test_images * 32
        np.testing.assert_allclose(rows["test_loss"], np.mean(losses), rtol=1e-5)
        np.testing.assert_allclose(rows["test_accuracy"], np.mean(right), atol=1 / len(right))
        assert "correct" not in result.arrays


def test_rows_of_tokens_that_no_batch_has_stay_and_compete():
    """They move in no update, and magnitude pruning keeps the largest of all rows, seen or not, to the exact count."""
    net = Network((Embedding("embedding", 80, 4, 32), LSTM("lstm1", 4, 6), Linear("output", 6, 62)))
    program = Program(net, SHAKESPEARE, RECIPE)
    alone = population(program, [0])
    start, end = alone.members[0].start, compute(alone).members[0].arrays["end"]
    rows, before = (flat[net.tensors()[0].slice].reshape(80, 4) for flat in (end, start))
    np.testing.assert_array_equal(rows[62:], before[62:])
    assert (rows[:60] != before[:60]).any()
    kept = prune_by_magnitude(net, end, ones(net), Fraction(1, 2), "global")[net.tensors()[0].slice].reshape(80, 4)
    weights = np.concatenate([np.abs(end[t.slice]) for t in net.prunable().values()])
    threshold = np.sort(weights)[len(weights) // 2]
    np.testing.assert_array_equal(kept, np.abs(rows) >= threshold)
    assert 0 < kept[62:].sum() < kept[62:].size


@pytest.mark.parametrize(
    ("by", "net", "why"),
    [("grasp", "lstm", "BatchNorm or an LSTM"), ("synflow", "lstm", "an embedding, an LSTM")],
)
def test_scores_that_an_lstm_has_not_are_refused(by, net, why):
    """With what to do."""
    with pytest.raises(DesignError, match=why):
        saliency(lstm_net(62, places=32), SHAKESPEARE, by=by, keep=Fraction(1, 2))


FORESEEING = replace(
    text_transformer(62, places=32, blocks=1),
    layers=tuple(
        replace(layer, body=tuple(replace(x, causal=False) if isinstance(x, Attention) else x for x in layer.body))
        if isinstance(layer, Residual)
        else layer
        for layer in text_transformer(62, places=32, blocks=1).layers
    ),
)
READ = Embedding("embedding", 62, 4, 32)


@pytest.mark.parametrize(
    ("net", "task", "why"),
    [
        (FORESEEING, SHAKESPEARE, r"block1.attention sees the tokens that are to be told. Next: causal=True"),
        (Network((replace(READ, tokens=61), Linear("output", 4, 62))), SHAKESPEARE, r"a text of 62 tokens"),
        (Network((READ, AveragePool(), Linear("output", 4, 62))), SHAKESPEARE, "is answered at each of its 32 places"),
        (mlp(32, 20, 62), SHAKESPEARE, r"begin with Embedding\(name, 62, features, 32\)"),
        (Network((Embedding("embedding", 17, 8, 64), AveragePool(), Linear("output", 8, 10))), DIGITS, "are no text"),
        (Network((Embedding("embedding", 17, 8, 64), Linear("output", 8, 10))), DIGITS, "are no text"),
    ],
)
def test_a_network_that_does_not_read_its_task_is_refused(net, task, why):
    """One that sees ahead, reads other members' rows, answers once, or reads pixels as tokens."""
    with pytest.raises(DesignError, match=why):
        train(net, task, RECIPE)


def test_an_lstm_is_computed_in_float32_under_bfloat16():
    """What is around it is not: the loss is another one by a little."""
    program = Program(lstm_net(62, places=32, features=8, hidden=12), FEW, RECIPE)
    lower = replace(program, recipe=replace(RECIPE, numerics="bfloat16"))
    one, other = (
        next(row.value for row in compute(population(p, [0])).members[0].rows if row.metric == "test_loss")
        for p in (program, lower)
    )
    assert 0 < abs(one - other) < 0.05


@pytest.mark.parametrize("make", [lambda: LSTM("lstm1", 4, 1), lambda: Embedding("embedding", 62, 1, 32)])
def test_widths_of_one_are_refused(make):
    """Their products would be others alone than in a population."""
    with pytest.raises(DesignError, match=r"has too few (outputs|features): 1. Next"):
        make()


def test_an_embedding_without_places_is_refused():
    """Where it is written."""
    with pytest.raises(DesignError, match=r"embedding reads 0 tokens. Next"):
        lstm_net(62, places=0)


def test_layers_that_do_not_fit_are_refused():
    """Positions of another number of tokens, and an LSTM of other inputs."""
    read = Embedding("embedding", 62, 4, 32)
    for other in (Positions("positions", 31, 4), LSTM("lstm1", 5, 6)):
        with pytest.raises(DesignError, match="cannot follow"):
            Network((read, other))
