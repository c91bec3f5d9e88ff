"""A perceptron of random weights that stay, each behind a gate that is learnt."""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, relu

from harness import combination, criterion, network


class Gated(nn.Module):
    """Layers of constant weights times gates, cut to 0 to 1; no biases."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.gates = nn.ParameterList()
        for k, (i, o) in enumerate(pairwise(widths)):
            signs = torch.randint(0, 2, (i, o), generator=generator) * 2 - 1
            self.register_buffer(f"weights_{k}", signs * (2 / i) ** 0.5)
            self.gates.append(nn.Parameter(torch.empty(i, o)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of images, shape (examples, inputs)."""
        for k, gates in enumerate(self.gates):
            x = (relu(x) if k else x) @ (getattr(self, f"weights_{k}") * gates.clamp(0, 1))
        return x


def _initial(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[Any]:
    """Return gates of about a half."""
    return rng.uniform(0.4, 0.6, shape)


@network("tsayag2026/gated", prunable=lambda name, shape: name.startswith("gates"), initial=_initial)
def gated(inputs: int, widths: tuple[int, ...]) -> nn.Module:
    """Return the gated perceptron."""
    return Gated(inputs, *widths)


@criterion("tsayag2026/most open")
def most_open(weights: NDArray[Any], alive: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the gates: the most open ones stay."""
    return weights


@combination("tsayag2026/open")
def opened(gates: NDArray[Any]) -> NDArray[Any]:
    """Return open gates."""
    return np.ones_like(gates)
