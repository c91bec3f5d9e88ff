"""A trained network as torch's own modules, for use without the harness.

A network is an `nn.Sequential` of torch's layers, so that what is saved of it loads into one that is written by hand.
Linear weights are (outputs, inputs) there, and BatchNorm has the moments of the calibration inputs as running ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from harness.engine._batch_norm import BATCH_NORM_EPS, Moments
from harness.engine._feed import Feed
from harness.engine._machine import precision
from harness.engine._nn import forward
from harness.engine._stack import stacked
from harness.errors import DesignError, RunError
from harness.expression import Bits, Flat
from harness.networks import (
    LSTM,
    Attention,
    AveragePool,
    BatchNorm,
    Conv,
    Dropout,
    Embedding,
    Flatten,
    Gelu,
    Image,
    Layer,
    LayerNorm,
    Linear,
    MaxPool,
    Module,
    Network,
    Positions,
    Relu,
    Residual,
    Tokens,
)
from harness.networks import Tensor as Parameters
from harness.population import Population

Named = dict[str, NDArray[np.generic]]  # by the names of the module's state

PASS = 1000  # examples of one evaluation pass
STATES = 100  # in which a policy and its module are compared


@dataclass(frozen=True)
class Plain:
    """What a trained member is as a plain module: arrays by name, all in torch's shapes.

    `state` is everything that the module loads, `start` its parameters at the first step, and `mask` says which weights
    are kept. `layers` has the network's name of each module that has weights, and `module` the module in torch's words.
    It answers `right` of `of` test examples as they should be, tokens of a text one by one; a policy has none.
    """

    state: Named
    start: Named
    mask: Named
    layers: Mapping[str, str]
    module: str
    right: int
    of: int


class Places(nn.Module):
    """Tokens, or an image's places as tokens, each with a learned vector for its place added."""

    def __init__(self, places: int, features: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(places, features))

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, T, F) of such, or of an image (B, F, H, W)."""
        return (x.flatten(2).mT if x.dim() == 4 else x) + self.positions


class SelfAttention(nn.Module):
    """Self-attention of tokens with four projections of their own, `causal` without a look at later ones."""

    def __init__(self, features: int, heads: int, causal: bool = False) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query, self.key, self.value, self.output = (nn.Linear(features, features) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Return what each token, of (B, T, F), takes from the others."""
        parts = (self.query, self.key, self.value)
        query, key, value = (part(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        taken: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return taken


class Recurrent(nn.Module):
    """What nn.LSTM gives at each token, its state zero before the first; its two biases are one here, the first."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.input = nn.Linear(inputs, 4 * outputs)
        self.hidden = nn.Linear(outputs, 4 * outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, T, H) of (B, T, F)."""
        weights = self.input.weight, self.hidden.weight, self.input.bias, torch.zeros_like(self.input.bias)
        state = x.new_zeros(1, len(x), self.hidden.in_features)
        given: Tensor = torch.lstm(x, (state, state), weights, True, 1, 0.0, False, False, True)[0]
        return given


class MeanOfTokens(nn.Module):
    """The mean over tokens."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, F) of (B, T, F)."""
        return x.mean(1)


class Sum(nn.Module):
    """The sum of two branches from one input."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum."""
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


def plain_module(network: Network) -> nn.Module:
    """Return `network` with torch's layers, from flat inputs (B, I) to logits; parameters in the network's order.

    Of a network that is a torch module it is that module, which takes inputs in its own shape. Its parameters are
    torch's own first ones: it is there to load what `harness export` has saved.

    Args:
        network: The network, as a claim's study.py has it.

    Returns:
        The module.

    Raises:
        DesignError: For a layer that torch has no like of.

    Example:
        >>> from harness import mlp
        >>> list(plain_module(mlp(64, 30, 10)).state_dict())
        ['0.weight', '0.bias', '2.weight', '2.bias']
    """
    only = network.layers[0]
    if isinstance(only, Module) and len(network.layers) == 1:
        return only.built("cpu", nn.Dropout)
    return nn.Sequential(*_layers(network.layers, "vector"))


NEW = (Linear, Conv, BatchNorm)  # behind which a ReLU may write in place: nobody else reads what they give
Form = Literal["vector", "image", "tokens"]  # (B, F), (B, C, H, W), (B, T, F)


def _layers(layers: Sequence[Layer], form: Form) -> Iterator[nn.Module]:
    """Yield torch's layer for each of `layers`, from inputs of this form."""
    before: Layer | None = None
    for layer in layers:
        match layer:
            case Image(channels, height, width):
                yield nn.Unflatten(1, (channels, height, width))
            case Linear():
                yield nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
            case Conv():
                yield nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding, bias=layer.bias)
            case BatchNorm(features=features):
                yield (nn.BatchNorm2d if form == "image" else nn.BatchNorm1d)(features, eps=BATCH_NORM_EPS)
            case LayerNorm(features=features):
                yield nn.LayerNorm(features)
            case Relu():
                yield nn.ReLU(inplace=isinstance(before, NEW))
            case Gelu():
                yield nn.GELU()
            case Tokens():
                yield Places(layer.places, layer.features)
            case Attention():
                yield SelfAttention(layer.features, layer.heads, layer.causal)
            case Embedding():
                yield nn.Embedding(layer.tokens, layer.features)
            case Positions():
                yield Places(layer.places, layer.features)
            case LSTM():
                yield Recurrent(layer.inputs, layer.outputs)
            case Dropout(rate):
                yield nn.Dropout(rate)
            case MaxPool(size):
                yield nn.MaxPool2d(size)
            case AveragePool():
                yield MeanOfTokens() if form == "tokens" else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            case Flatten():
                yield nn.Flatten()
            case Module():
                raise DesignError(
                    f"torch module {layer.name!r} stands beside layers, and only one that is the whole network is "
                    "exported. Next: export an arm of such a network"
                )
            case Residual(body, shortcut):
                yield Sum(*(nn.Sequential(*_layers(branch, form)) for branch in (body, shortcut)))
            case _:
                raise DesignError(f"torch has no layer like {layer}. Next: export an arm of a network without it")
        before, form = layer, _form_after(layer, form)


def _form_after(layer: Layer, form: Form) -> Form:
    """Return the form of what a layer gives, from inputs of this form."""
    match layer:
        case Image():
            return "image"
        case Tokens() | Embedding():
            return "tokens"
        case AveragePool() | Flatten():
            return "vector"
        case Residual(body, shortcut):
            return reduce(lambda found, each: _form_after(each, found), body or shortcut, form)
        case _:
            return form


def put(net: nn.Module, network: Network, flat: Flat) -> None:
    """Give the module a member's flat parameters, shape (flat_size,)."""
    with torch.no_grad():
        for parameter, values in zip(net.parameters(), unflattened(network, flat), strict=True):
            parameter.copy_(values)


def unflattened(network: Network, flat: NDArray[np.generic]) -> Iterator[Tensor]:
    """Yield each tensor's part of `flat` as torch keeps it: linear weights are (outputs, inputs) there."""
    for tensor in network.tensors():
        yield _as_torch(torch.from_numpy(flat[tensor.slice].reshape(tensor.shape)), tensor)


def _as_torch(values: Tensor, tensor: Parameters) -> Tensor:
    return values.T if tensor.turned else values


@torch.no_grad()
def as_plain(population: Population, end: Flat, mask: Bits) -> Plain:
    """Return a population's only member as a plain module, with the parameters `end` that training has left, on a CPU.

    Of learned scores the weights are those that they choose, scaled as they are used. `end` and `mask` have shape
    (flat_size,). Raises RunError for a policy that acts otherwise than the module: it has no examples that could tell.
    """
    network, device = population.program.network, torch.device("cpu")
    (member,) = population.members
    with precision("float32"):
        stack, feed = stacked(population, device), Feed(population, device)
        stack.put_back(torch.from_numpy(end)[None], torch.from_numpy(mask)[None])
        leaves = stack.leaves()
        net = plain_module(network).eval()
        for parameter, tensor in zip(net.parameters(), network.tensors(), strict=True):
            parameter.copy_(_as_torch(leaves[tensor.name][0], tensor))
        if network.batch_norms:
            moments: list[Moments] = []
            forward(network, leaves, feed.inputs(feed.held_out("calibration")[0]), collect=moments)
            _put_moments(net, moments)
        right, of = 0, 0
        if population.program.task.is_played:
            _check_policy(net, network, leaves)
        else:
            right, of = _answered(net, network, feed)
    names = [name for name, _ in net.named_parameters()]
    weights = {
        name.rpartition(".")[0]: tensor.name.rpartition(".")[0]
        for name, tensor in zip(names, network.tensors(), strict=True)
    }
    kept = dict(zip(names, unflattened(network, mask), strict=True))
    return Plain(
        state={name: value.numpy() for name, value in net.state_dict().items()},
        start={n: v.contiguous().numpy() for n, v in zip(names, unflattened(network, member.start), strict=True)},
        mask={n: kept[n].contiguous().numpy() for n, t in zip(names, network.tensors(), strict=True) if t.prunable},
        layers=weights,
        module=repr(net),
        right=right,
        of=of,
    )


def _check_policy(net: nn.Module, network: Network, leaves: Mapping[str, Tensor]) -> None:
    """Raise RunError where a module gives other logits than the member, of states drawn at random."""
    state_BI = torch.randn(STATES, network.inputs, generator=torch.Generator().manual_seed(0))
    given, expected = net(state_BI), forward(network, leaves, state_BI[None])[0]
    if not torch.allclose(given, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()), equal_nan=True):
        raise RunError(
            f"as plain layers the policy gives other logits, by {float((given - expected).abs().max()):.2g}: it is "
            "another net. Next: report this, with the network"
        )


def _answered(net: nn.Module, network: Network, feed: Feed) -> tuple[int, int]:
    """Return how many test examples a module answers right, of how many."""
    images_RNK, answers_RN = feed.held_out("test")
    only = network.layers[0]
    shape = only.shape if isinstance(only, Module) and len(network.layers) == 1 else (network.inputs,)
    right = 0
    for images_RBK, answers_RB in zip(torch.split(images_RNK, PASS, 1), torch.split(answers_RN, PASS, 1), strict=True):
        x = feed.inputs(images_RBK)[0].view(-1, *shape)
        given = net(x.long() if feed.task.reads_tokens else x)
        right += int((given.argmax(-1) == answers_RB[0]).sum())
    return right, answers_RN[0].numel()


def _put_moments(net: nn.Module, moments: Sequence[Moments]) -> None:
    """Give each BatchNorm the moments with which a trained net is evaluated: mean, and one over the deviation."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm, (mean_R1F, rstd_R1F) in zip(norms, moments, strict=True):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(mean_R1F.flatten())
        norm.running_var.copy_(rstd_R1F.flatten().double().pow(-2) - BATCH_NORM_EPS)


def save_state(state: Named, path: Path) -> None:
    """Write a module's state as torch reads it: ``net.load_state_dict(torch.load(path))``."""
    torch.save({name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}, path)
