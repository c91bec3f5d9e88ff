"""Torch modules of a user's own, computed for one member after the other.

Tensors are named by shape: R members, B examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor, nn
from torch.func import functional_call

from harness.engine._noise import Noise
from harness.networks import Builder, Module


class _Dropped(nn.Module):
    """Dropout by the harness's noise, which is there in training; in place of nn.Dropout."""

    noise: Noise | None = None

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Return what is left of the values."""
        return x if self.noise is None else self.noise.dropped(x[None], self.rate)[0]


def called(layer: Module, params: Mapping[str, Tensor], x_RB: Tensor, noise: Noise | None) -> Tensor:
    """Return what each member's module makes of its own inputs; one member's does not depend on the others.

    An input is copied, so that it lies in memory as that of a member alone does.
    """
    module, dropouts = _ready(layer, layer.builder, x_RB.device)
    stacks = {each.name: params[each.name].mT if each.turned else params[each.name] for each in layer.parameters()}
    members = zip(*(stack.unbind() for stack in stacks.values()), strict=True)
    given, alone = [], None
    for number, (x_B, own) in enumerate(zip(x_RB.unbind(), members, strict=True)):
        alone = None if noise is None else noise.of(number)
        for dropout in dropouts:
            dropout.noise = alone
        inputs = x_B.clone().view(-1, *layer.shape)
        given.append(functional_call(module, dict(zip(stacks, own, strict=True)), (inputs,)))
    for dropout in dropouts:
        dropout.noise = None
    if noise is not None and alone is not None:
        noise.after(alone)
    return torch.stack(given)


@cache
def _ready(layer: Module, builder: Builder, device: torch.device) -> tuple[nn.Module, tuple[_Dropped, ...]]:
    """Return a module with its constants on the device and no parameters of its own, and what drops values in it.

    The builder is named too, as another function may have taken its place.
    """
    module = layer.built("cpu", _Dropped)
    for each in module.modules():
        for name, parameter in each.named_parameters(recurse=False):
            setattr(each, name, nn.Parameter(torch.empty_like(parameter, device="meta")))
        for name, buffer in each.named_buffers(recurse=False):
            setattr(each, name, buffer.to(device))
    return module, tuple(each for each in module.modules() if isinstance(each, _Dropped))
