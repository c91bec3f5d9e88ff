"""Networks as frozen specifications: layers, tensors, exact counts. Knows numpy, not torch."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

import numpy as np

from harness.errors import DesignError, nearest
from harness.networks._layers import (
    Attention,
    BatchNorm,
    Conv,
    Dropout,
    Gelu,
    Image,
    Layer,
    LayerNorm,
    Linear,
    Relu,
    Residual,
    Shape,
    trace,
)
from harness.networks._modules import Module
from harness.networks._sequences import LSTM, Embedding

ALIGN = 64  # floats; slices of a member's flat parameters start at multiples of this, see `population`


class Init(StrEnum):
    """Distributions of initial weights; normalisation starts at scale 1 and shift 0.

    Biases start at zero, but with ``TORCH_DEFAULT``, which is what PyTorch gives its linear layers and convolutions:
    weights and biases alike from U(-1, 1) / sqrt(fan_in), which it calls Kaiming uniform with a = sqrt(5). Layers of a
    module of one's own that PyTorch starts otherwise (LSTM, MultiheadAttention, Bilinear) are refused with it.

    >>> mlp(64, 30, 10, init=Init.KAIMING_NORMAL).init.value
    'kaiming-normal'
    """

    GLOROT_NORMAL = "glorot-normal"  # Glorot & Bengio 2010: N(0, 2 / (fan_in + fan_out)), not truncated
    KAIMING_NORMAL = "kaiming-normal"  # He et al. 2015: N(0, 2 / fan_in)
    KAIMING_UNIFORM = "kaiming-uniform"  # of the same variance: U(-1, 1) * sqrt(6 / fan_in)
    TORCH_DEFAULT = "torch-default"  # torch.nn.Linear.reset_parameters: U(-1, 1) / sqrt(fan_in)
    SIGNED_KAIMING_CONSTANT = "signed-kaiming-constant"  # Ramanujan et al. 2020, section 4.4: +-sqrt(2 / fan_in)


OF_ITS_LAYER = ("weight", "bias", "scale", "shift", "positions")  # last parts of names


@dataclass(frozen=True)
class Tensor:
    """One parameter tensor of a member: its place in the flat parameters, and whether it may be pruned.

    `turned` is as in `Parameter`: a torch module has its transpose. So is `transposed`.
    """

    name: str
    shape: tuple[int, ...]
    offset: int
    prunable: bool
    turned: bool = field(default=False, compare=False)
    transposed: bool = field(default=False, compare=False)

    @property
    def layer(self) -> str:
        """The name of its layer: its own without ``.weight``, ``.bias`` and the like, or else all of it."""
        return layer_of(self.name)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def fans(self) -> tuple[int, int]:
        """Inputs of one output and outputs of one input (Glorot & Bengio 2010): channels times places of the kernel."""
        if len(self.shape) == 2:
            return self.shape[0], self.shape[1]
        outputs, inputs, *kernel = self.shape
        return inputs * math.prod(kernel), outputs * math.prod(kernel)

    @property
    def slice(self) -> slice:
        """Where the values lie in the flat parameters."""
        return slice(self.offset, self.offset + self.size)


def layer_of(parameter: str) -> str:
    """Return the name of the layer that a parameter of this name is of.

    >>> layer_of("block1.fc1.weight"), layer_of("rnn.weight_ih_l0")
    ('block1.fc1', 'rnn.weight_ih_l0')
    """
    layer, _, last = parameter.rpartition(".")
    return layer if layer and last in OF_ITS_LAYER else parameter


@dataclass(frozen=True)
class Network:
    """A sequence of layers and the distribution its weights start from.

    Args:
        layers: From input to output; names are unique.
        init: The distribution of initial weights. An LSTM and an embedding have one of their own, and keep it where
            `inits` does not name them.
        inits: Layers whose weights have another one, each with it: ``(("output", Init.KAIMING_NORMAL),)``.

    Raises:
        DesignError: Where two layers have one name, a layer does not fit what comes before it, `inits` names a layer
            that is not there or has no weights, or ``TORCH_DEFAULT`` is not how PyTorch starts a layer of a module.

    >>> Network((Linear("fc1", 64, 30), Relu(), Linear("output", 30, 10))) == mlp(64, 30, 10)
    True
    """

    layers: tuple[Layer, ...]
    init: Init = Init.GLOROT_NORMAL
    inits: tuple[tuple[str, Init], ...] = ()

    def __post_init__(self) -> None:
        names = Counter(
            name for layer, _ in self.traced() for name in {layer_of(each.name) for each in layer.parameters()}
        )
        if names and (most := names.most_common(1)[0])[1] > 1:
            raise DesignError(
                f"{most[1]} layers are named {most[0]!r}: names must be unique. Next: give each a name of its own"
            )
        if unknown := [name for name, _ in self.inits if name not in names]:
            raise DesignError(f"inits= names {unknown[0]!r}, no layer with parameters{nearest(unknown[0], names)}")
        drawn = {
            layer_of(each.name)
            for layer, _ in self.traced()
            for each in layer.parameters()
            if each.prunable or isinstance(layer, Module)
        }
        if own := [name for name, _ in self.inits if name not in drawn]:
            raise DesignError(
                f"inits= names {own[0]!r}, which has no weights, and starts as its kind of layer does. "
                "Next: name a layer with weights"
            )
        if Init.TORCH_DEFAULT in (self.init, *dict(self.inits).values()):
            self._check_default()

    def _check_default(self) -> None:
        """Raise DesignError where a module's layer would start otherwise than torch starts it, which the word says."""
        inits, random = dict(self.inits), np.random.default_rng(0)
        for module in (layer for layer, _ in self.traced() if isinstance(layer, Module)):
            shapes = {each.name: each.shape for each in module.parameters()}
            for name, kind in module.facts.otherwise:
                asked = inits.get(layer_of(name), self.init) is Init.TORCH_DEFAULT
                if asked and module.initial(name, shapes[name], random) is None:
                    raise DesignError(
                        f"network {module.name!r} starts from {Init.TORCH_DEFAULT}, and {name}, of {kind}, would not "
                        "as in torch: only linear layers and convolutions whose weights may be pruned do. "
                        "Next: @network(..., initial=) that gives its first values, or another init="
                    )

    def traced(self) -> Iterator[tuple[Layer, Shape]]:
        """Yield every layer, those of residual blocks included, with the shape of its output for one example."""
        return trace(self.layers, (self.inputs,))

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the parameter tensors in order.

        Weights are (inputs, outputs) of linear layers, (outputs, inputs, kernel, kernel) of convolutions.
        """
        return self._laid_out

    @cached_property
    def _laid_out(self) -> tuple[Tensor, ...]:
        tensors, offset = [], 0
        for each in (parameter for layer, _ in self.traced() for parameter in layer.parameters()):
            tensors.append(Tensor(each.name, each.shape, offset, each.prunable, each.turned, each.transposed))
            offset += -(-math.prod(each.shape) // ALIGN) * ALIGN
        return tuple(tensors)

    @cached_property
    def flat_size(self) -> int:
        """Floats in one member's flat parameters, padding included."""
        last = self.tensors()[-1]
        return last.offset + -(-last.size // ALIGN) * ALIGN

    def prunable(self) -> dict[str, Tensor]:
        """Return the tensors that pruning may touch, by layer name."""
        return {t.layer: t for t in self.tensors() if t.prunable}

    def hidden(self) -> dict[str, Tensor]:
        """Return the weights into each hidden layer of a multilayer perceptron, by name; all layers but the last.

        Raises DesignError for other networks, whose units are not columns of one matrix: images, tokens, modules.
        """
        if not all(isinstance(layer, OF_PERCEPTRONS) for layer in self.layers):
            raise DesignError(
                f"{self.label} is no multilayer perceptron: its units are not one weight matrix's columns. "
                "Next: a network of Linear layers, as mlp() makes it, or weights one by one"
            )
        return dict(list(self.prunable().items())[:-1])

    @cached_property
    def weights(self) -> int:
        """Number of prunable weights, the paper's count."""
        return sum(t.size for t in self.tensors() if t.prunable)

    @cached_property
    def parameters(self) -> int:
        """Number of learned values: weights, biases, BatchNorm's scales and shifts."""
        return sum(t.size for t in self.tensors())

    @cached_property
    def convolutions(self) -> tuple[str, ...]:
        """Names of the convolutions, those in shortcuts left out."""
        shortcuts = [each.shortcut for each in self.layers if isinstance(each, Residual)]
        apart = {layer.name for shortcut in shortcuts for layer in shortcut if isinstance(layer, Conv)}
        names = (layer.name for layer, _ in self.traced() if isinstance(layer, Conv))
        return tuple(name for name in names if name not in apart)

    @cached_property
    def label(self) -> str:
        """A few words for reports: kind, input, widths, BatchNorm, biases, initialisation, weights."""
        if modules := [layer for layer, _ in self.traced() if isinstance(layer, Module)]:
            return f"{', '.join(module.label for module in modules)} ({self._starts}; {self.weights:,} weights)"
        linears = [layer for layer, _ in self.traced() if isinstance(layer, Linear)]
        if isinstance(read := self.layers[0], Embedding):
            return self._label_of_text(read)
        image = next((layer for layer in self.layers if isinstance(layer, Image)), None)
        if image is None:
            kind, widths = "MLP", [str(width) for width in (linears[0].inputs, *(layer.outputs for layer in linears))]
        else:
            residual = any(isinstance(layer, Residual) for layer in self.layers)
            kind = "residual network" if residual else "convolutional network"
            if any(isinstance(layer, Attention) for layer, _ in self.traced()):
                kind = "transformer"
            widths = [f"{image.channels}x{image.height}x{image.width}"]
            shown = (*self.convolutions, *(layer.name for layer in linears))
            layers = [layer for layer, _ in self.traced() if isinstance(layer, Conv | Linear)]
            for (_, width), same in itertools.groupby((type(x), x.outputs) for x in layers if x.name in shown):
                count = len(list(same))
                widths.append(f"{count}*{width}" if count > 1 else str(width))
        norm = ", BatchNorm" if self.batch_norms else ""
        norm += ", LayerNorm" if any(isinstance(layer, LayerNorm) for layer, _ in self.traced()) else ""
        bias = "" if not linears or linears[-1].bias else ", no biases"
        if self.dropouts:
            norm += f", dropout {', '.join(f'{rate:.3g}' for rate in dict.fromkeys(self.dropouts))}"
        return f"{kind} {'-'.join(widths)} ({self._starts}{norm}{bias}; {self.weights:,} weights)"

    def _label_of_text(self, read: Embedding) -> str:
        """A few words of a network that reads tokens: how, so many of so many kinds, widths, dropout, weights."""
        recurrent = [layer for layer, _ in self.traced() if isinstance(layer, LSTM)]
        blocks = sum(isinstance(layer, Attention) for layer, _ in self.traced())
        kind = "LSTM" if recurrent else "transformer" if blocks else "network of tokens"
        widths = "-".join(map(str, (read.features, *(layer.outputs for layer in recurrent))))
        told = [f"{kind} {widths}", f"{blocks} blocks" if blocks else "", f"{read.places} of {read.tokens:,} tokens"]
        if self.dropouts:
            told.append(f"dropout {', '.join(f'{rate:.3g}' for rate in dict.fromkeys(self.dropouts))}")
        return f"{', '.join(filter(None, told))} ({self._starts}; {self.weights:,} weights)"

    @property
    def _starts(self) -> str:
        return ", ".join([self.init, *(f"{layer} {init}" for layer, init in self.inits)])

    @cached_property
    def dropouts(self) -> tuple[float, ...]:
        """The rates of the dropout layers, input to output."""
        return tuple(rate for layer, _ in self.traced() for rate in layer.dropouts)

    def with_dropout(self, *rates: float) -> Network:
        """Return the same network with other rates, one a dropout layer from input to output, or one for all.

        Raises DesignError for another number of rates, and for dropout layers inside residual blocks.
        """
        here = [layer for layer in self.layers if isinstance(layer, Dropout)]
        given = rates * len(here) if len(rates) == 1 else rates
        if len(given) != len(here) or len(here) != len(self.dropouts):
            raise DesignError(f"{len(rates)} dropout rates for {len(self.dropouts)} dropout layers")
        left = iter(given)
        layers = tuple(Dropout(next(left)) if isinstance(layer, Dropout) else layer for layer in self.layers)
        return replace(self, layers=layers)

    @cached_property
    def batch_norms(self) -> int:
        """Number of BatchNorm layers."""
        return sum(isinstance(layer, BatchNorm) for layer, _ in self.traced())

    @cached_property
    def flows(self) -> bool:
        """Whether each layer gives more where it is given more, as SynFlow asks: see `Layer.flows`."""
        return all(layer.flows for layer, _ in self.traced())

    @cached_property
    def twice(self) -> bool:
        """Whether the engine has each layer's second derivative, as GraSP asks: see `Layer.twice`."""
        return all(layer.twice for layer, _ in self.traced())

    def multiply_adds(self, keep: Mapping[str, int] | None = None) -> int:
        """Return the multiply-adds of one forward pass of one example, from products with weights alone.

        A weight counts once for every place its output is computed at, padding included. `keep` says how many weights
        a layer keeps; layers it does not name are dense. Raises DesignError for a layer the network does not have.
        """
        kept = {name: tensor.size for name, tensor in self.prunable().items()}
        for name, count in (keep or {}).items():
            if name not in kept:
                raise DesignError(f"no layer {name!r} in the network{nearest(name, kept)}")
            kept[name] = count
        dense: dict[str, int] = {}
        for layer, shape in self.traced():
            dense |= {layer_of(name): count for name, count in layer.products(shape).items()}
        return sum(count * dense.get(name, 0) // self.prunable()[name].size for name, count in kept.items())

    @cached_property
    def activations(self) -> int:
        """Number of values that all layers give for one example."""
        return sum(size for layer, shape in self.traced() for size in layer.sizes(shape))

    @cached_property
    def widest(self) -> int:
        """Number of values that the widest layer, or the input, has for one example."""
        return max(self.inputs, *(size for layer, shape in self.traced() for size in layer.sizes(shape)))

    @cached_property
    def outputs(self) -> int:
        """Number of classes."""
        *_, (_, shape) = self.traced()
        return shape[-1]

    @property
    def inputs(self) -> int:
        """Length of an input vector."""
        for layer in self.layers:
            if layer.takes is not None:
                return layer.takes
        raise DesignError("a network needs an Image or a Linear layer, which says what its input is")


OF_PERCEPTRONS = (Linear, BatchNorm, Relu, Gelu, Dropout)  # LayerNorm would still see a dropped unit


def mlp(
    *widths: int, bias: bool = True, batch_norm: bool = False, dropout: float = 0.0, init: Init = Init.GLOROT_NORMAL
) -> Network:
    """Return a multilayer perceptron with ReLU: ``mlp(784, 300, 100, 10)`` is LeNet-300-100.

    Layers are named ``fc1``, ``fc2``, ... and ``output``. With `batch_norm`, each hidden layer is normalised before
    its ReLU and has no bias of its own; with `dropout`, each is followed by it.

    Args:
        *widths: Units from input to output.
        bias: Whether layers have biases.
        batch_norm: Whether hidden layers are normalised.
        dropout: The share of values dropped after each hidden layer; 0 for no such layers.
        init: The distribution of initial weights.

    Returns:
        The network.

    Raises:
        DesignError: For fewer than two widths, or a dropout rate outside [0, 1).

    >>> mlp(784, 300, 100, 10).weights
    266200
    """
    if len(widths) < 2 or min(widths) < 1:
        raise DesignError(f"mlp{widths}: at least an input and an output width are needed, all positive")
    layers: list[Layer] = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(widths[:-1]), start=1):
        layers.append(Linear(f"fc{i}", fan_in, fan_out, bias=bias and not batch_norm))
        if batch_norm:
            layers.append(BatchNorm(f"bn{i}", fan_out))
        layers += [Relu(), Dropout(dropout)] if dropout else [Relu()]
    layers.append(Linear("output", widths[-2], widths[-1], bias=bias))
    return Network(tuple(layers), init)
