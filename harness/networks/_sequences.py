"""The layers of networks that read tokens given by number: of a text, one after the other. Knows no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError
from harness.networks._layers import Layer, Parameter, Shape


@dataclass(frozen=True)
class Embedding(Layer):
    """Tokens given by number as vectors: each number has a row of weights, which are prunable.

    An input is `places` numbers from 0 to `tokens` - 1. Rows start from N(0, 1), as torch's nn.Embedding does; that of
    a token that no batch has stays as it started, and competes with the others where weights are pruned. Raises
    DesignError for fewer than two tokens or features, or no place.

    >>> from harness import Linear, Network
    >>> Network((Embedding("embedding", 65, 32, places=16), Linear("output", 32, 65))).weights
    4160
    """

    flows: ClassVar[bool] = False

    name: str
    tokens: int
    features: int
    places: int

    def __post_init__(self) -> None:
        _check_widths(self.name, tokens=self.tokens, features=self.features)
        if self.places < 1:
            raise DesignError(f"{self.name} reads {self.places} tokens. Next: give it one place or more in study.py")

    @property
    def takes(self) -> int:
        """The number of tokens of an input."""
        return self.places

    def after(self, shape: Shape) -> Shape | None:
        """Return tokens and features."""
        return (self.places, self.features) if shape == (self.places,) else None

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the rows; a look-up is no product, and an embedding adds none."""
        return (Parameter(f"{self.name}.weight", (self.tokens, self.features), prunable=True),)

    def initial(self, parameter: str, shape: Shape, random: np.random.Generator) -> NDArray[np.float32]:
        """Return rows as they are drawn."""
        return random.standard_normal(shape).astype(np.float32)


@dataclass(frozen=True)
class Positions(Layer):
    """A learned vector for each place, added to the token there; never pruned, from N(0, 0.02^2) at first.

    >>> from harness import Linear, Network
    >>> read = (Embedding("embedding", 65, 32, places=16), Positions("positions", 16, 32))
    >>> Network((*read, Linear("output", 32, 65))).parameters
    4737
    """

    name: str
    places: int
    features: int

    def after(self, shape: Shape) -> Shape | None:
        """Return the shape as it is."""
        return shape if shape == (self.places, self.features) else None

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the vectors."""
        return (Parameter(f"{self.name}.positions", (self.places, self.features)),)

    def initial(self, parameter: str, shape: Shape, random: np.random.Generator) -> NDArray[np.float32]:
        """Return vectors as they are drawn."""
        return (0.02 * random.standard_normal(shape)).astype(np.float32)


@dataclass(frozen=True)
class LSTM(Layer):
    """Long short-term memory over the tokens of an input (Hochreiter & Schmidhuber 1997), as torch's nn.LSTM has it.

    Its state is zero before the first token of every input: nothing is carried from one input to the next. Weights from
    inputs and from the state before are layers of their own to pruning, ``name.input`` and ``name.hidden``, each with
    columns for the input gate, the forget gate, the candidate and the output gate, in torch's order. Biases, one vector
    where torch adds two, are not pruned. All start from U(-1, 1) / sqrt(outputs), as torch's do.

    >>> from harness import Linear, Network
    >>> read = (Embedding("embedding", 65, 32, places=16), LSTM("lstm", 32, 96))
    >>> list(Network((*read, Linear("output", 96, 65))).prunable())
    ['embedding', 'lstm.input', 'lstm.hidden', 'output']
    """

    flows: ClassVar[bool] = False
    twice: ClassVar[bool] = False

    name: str
    inputs: int
    outputs: int

    def __post_init__(self) -> None:
        _check_widths(self.name, inputs=self.inputs, outputs=self.outputs)

    def after(self, shape: Shape) -> Shape | None:
        """Return its outputs at each token."""
        return (shape[0], self.outputs) if len(shape) == 2 and shape[1] == self.inputs else None

    def parameters(self) -> tuple[Parameter, ...]:
        """Return weights (inputs, 4 outputs), biases, and weights (outputs, 4 outputs)."""
        gates = 4 * self.outputs
        return (
            Parameter(f"{self.name}.input.weight", (self.inputs, gates), prunable=True, turned=True),
            Parameter(f"{self.name}.input.bias", (gates,)),
            Parameter(f"{self.name}.hidden.weight", (self.outputs, gates), prunable=True, turned=True),
        )

    def products(self, shape: Shape) -> dict[str, int]:
        """Return one product a weight and token."""
        into = {"input": self.inputs, "hidden": self.outputs}
        return {f"{self.name}.{part}.weight": 4 * width * math.prod(shape) for part, width in into.items()}

    def sizes(self, shape: Shape) -> tuple[int, ...]:
        """Return those of the gates, the state and what it gives."""
        return (4 * math.prod(shape),) + (math.prod(shape),) * 3

    def initial(self, parameter: str, shape: Shape, random: np.random.Generator) -> NDArray[np.float32]:
        """Return weights and biases as they are drawn."""
        return ((2 * random.random(shape) - 1) / math.sqrt(self.outputs)).astype(np.float32)


def _check_widths(name: str, **widths: int) -> None:
    """Raise DesignError for a width of one: of tokens its product is computed otherwise alone than in a population."""
    for what, width in widths.items():
        if width < 2:
            raise DesignError(f"{name} has too few {what}: {width}. Next: give it two or more in study.py")
