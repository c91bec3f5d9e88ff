"""A trained network as torch's own modules, for use without the harness.

A network is an `nn.Sequential` of torch's layers, so that what is saved of it loads into one that is written by hand.
Linear weights are (outputs, inputs) there, and BatchNorm has the moments of the calibration inputs as running ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from harness.engine._feed import Feed
from harness.engine._machine import precision
from harness.engine._nn import BATCH_NORM_EPS, Moments, forward
from harness.engine._stack import stacked
from harness.errors import DesignError
from harness.expression import Bits, Flat
from harness.networks import (
    AveragePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Image,
    Layer,
    Linear,
    MaxPool,
    Network,
    Relu,
    Residual,
)
from harness.population import Population

Named = dict[str, NDArray[np.generic]]  # by the names of the module's state

PASS = 1000  # examples of one evaluation pass


@dataclass(frozen=True)
class Plain:
    """What a trained member is as a plain module: arrays by name, all in torch's shapes.

    `state` is everything that the module loads, `start` its parameters at the first step, and `mask` says which weights
    are kept. `layers` has the network's name of each module that has weights, and `module` the module in torch's words.
    It answers `right` of `of` test examples as they should be.
    """

    state: Named
    start: Named
    mask: Named
    layers: Mapping[str, str]
    module: str
    right: int
    of: int


class Sum(nn.Module):
    """The sum of two branches from one input."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum."""
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


def plain_module(network: Network) -> nn.Sequential:
    """Return `network` with torch's layers, from flat inputs (B, I) to logits; parameters in the network's order.

    Its parameters are torch's own first ones: it is there to load what `harness export` has saved.

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
    return nn.Sequential(*_layers(network.layers, image=False))


def _layers(layers: Sequence[Layer], *, image: bool) -> Iterator[nn.Module]:
    """Yield torch's layer for each of `layers`, from an image (B, C, H, W) or from a vector."""
    for layer in layers:
        match layer:
            case Image(channels, height, width):
                image = True
                yield nn.Unflatten(1, (channels, height, width))
            case Linear():
                yield nn.Linear(layer.inputs, layer.outputs, bias=layer.bias)
            case Conv():
                yield nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding, bias=layer.bias)
            case BatchNorm(features=features):
                yield (nn.BatchNorm2d if image else nn.BatchNorm1d)(features, eps=BATCH_NORM_EPS)
            case Relu():
                yield nn.ReLU(inplace=True)
            case Dropout(rate):
                yield nn.Dropout(rate)
            case MaxPool(size):
                yield nn.MaxPool2d(size)
            case AveragePool():
                image = False
                yield nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            case Flatten():
                image = False
                yield nn.Flatten()
            case Residual(body, shortcut):
                yield Sum(*(nn.Sequential(*_layers(branch, image=image)) for branch in (body, shortcut)))
            case _:
                raise DesignError(f"torch has no layer like {layer}. Next: export an arm of a network without it")


def put(net: nn.Module, network: Network, flat: Flat) -> None:
    """Give the module a member's flat parameters, shape (flat_size,)."""
    with torch.no_grad():
        for parameter, values in zip(net.parameters(), unflattened(network, flat), strict=True):
            parameter.copy_(values)


def unflattened(network: Network, flat: NDArray[np.generic]) -> Iterator[Tensor]:
    """Yield each tensor's part of `flat` as torch keeps it: linear weights are (outputs, inputs) there."""
    for tensor in network.tensors():
        yield _as_torch(torch.from_numpy(flat[tensor.slice].reshape(tensor.shape)), prunable=tensor.prunable)


def _as_torch(values: Tensor, *, prunable: bool) -> Tensor:
    return values.T if prunable and values.dim() == 2 else values


@torch.no_grad()
def as_plain(population: Population, end: Flat, mask: Bits) -> Plain:
    """Return a population's only member as a plain module, with the parameters `end` that training has left, on a CPU.

    Of learned scores the weights are those that they choose, scaled as they are used. `end` and `mask` have shape
    (flat_size,).
    """
    network, device = population.program.network, torch.device("cpu")
    (member,) = population.members
    with precision("float32"):
        stack, feed = stacked(population, device), Feed(population, device)
        stack.learned_RP.copy_(torch.from_numpy(end))
        leaves = stack.leaves()
        net = plain_module(network).eval()
        for parameter, tensor in zip(net.parameters(), network.tensors(), strict=True):
            parameter.copy_(_as_torch(leaves[tensor.name][0], prunable=tensor.prunable))
        if network.batch_norms:
            moments: list[Moments] = []
            forward(network, leaves, feed.inputs(feed.held_out("calibration")[0]), collect=moments)
            _put_moments(net, moments)
        images_RNK, answers_RN = feed.held_out("test")
        parts = zip(torch.split(images_RNK, PASS, 1), torch.split(answers_RN, PASS, 1), strict=True)
        right = sum(int((net(feed.inputs(x)[0]).argmax(1) == y[0]).sum()) for x, y in parts)
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
        of=answers_RN.shape[1],
    )


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
