"""Torch modules registered as networks, for tests of these."""

import torch
from torch import nn

from harness.networks import network


@network("tests/perceptron")
def perceptron(inputs, hidden=(33, 17), dropout=0.0):
    """What `mlp` describes."""
    layers = []
    for before, after in zip((inputs, *hidden), hidden, strict=False):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], 10))


@network("tests/sequence")
def sequence(inputs, width=5):
    """A convolution in one dimension, with what torch computes as vectors and rests: odd widths, GELU, GroupNorm."""
    layers = nn.Conv1d(inputs[0], width, 5), nn.GELU(), nn.GroupNorm(1, width), nn.Flatten(), nn.Dropout(0.2)
    return nn.Sequential(*layers, nn.Linear(width * (inputs[1] - 4), 10))


class Recurrent(nn.Module):
    """A GRU or LSTM that reads an input row by row."""

    def __init__(self, inputs, hidden, kind="GRU"):
        super().__init__()
        self.rnn, self.output = getattr(nn, kind)(inputs, hidden, batch_first=True), nn.Linear(hidden, 10)

    def forward(self, x):
        return self.output(self.rnn(x)[0][:, -1])


@network("tests/recurrent")
def recurrent(inputs, hidden=11, kind="GRU"):
    """A GRU or LSTM."""
    return Recurrent(inputs[1], hidden, kind)


class Encoder(nn.Module):
    """A block of torch's own transformer on tokens with learned positions and a constant pattern."""

    def __init__(self, tokens, features):
        super().__init__()
        self.positions = nn.Parameter(torch.empty(tokens, features))
        self.register_buffer("pattern", torch.arange(float(tokens))[:, None] / tokens)
        self.block = nn.TransformerEncoderLayer(features, 4, 33, dropout=0.0, batch_first=True, norm_first=True)
        self.output = nn.Linear(features, 10)

    def forward(self, x):
        return self.output(self.block(x + self.positions + self.pattern).mean(1))


def small(name, shape, random):
    """Positions start near zero."""
    return 0.02 * random.standard_normal(shape) if name == "positions" else None


@network("tests/encoder", initial=small)
def encoder(inputs):
    """A transformer of one block."""
    return Encoder(*inputs)


MODULES = {
    "perceptron": perceptron(64),
    "dropout": perceptron(64, dropout=0.3),
    "convolution in one dimension": sequence(inputs=(1, 64)),
    "recurrent": recurrent(inputs=(8, 8)),
    "long short-term memory": recurrent(inputs=(8, 8), kind="LSTM"),
    "encoder": encoder(inputs=(4, 16)),
}
