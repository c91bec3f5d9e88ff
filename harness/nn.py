"""Population layers: one forward pass of many members at once.

Tensors are stacked with replicas first and named by shape:
R members, B examples, I inputs, O outputs, F features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from harness.network import BatchNorm, Linear, Network, Relu

BATCH_NORM_EPS = 1e-5  # torch's default

Moments = tuple[Tensor, Tensor]  # mean_R1F, variance_R1F


def forward(
    network: Network,
    params: Mapping[str, Tensor],
    x_RBI: Tensor,
    *,
    moments: Sequence[Moments] | None = None,
    collect: list[Moments] | None = None,
) -> Tensor:
    """Return logits_RBO of all members for their own inputs.

    `params` maps a tensor's name to its stack (R, *shape). BatchNorm normalises by the batch's own moments, appended
    to `collect` if given, or by `moments` (one pair a BatchNorm layer, in order), as evaluation does.
    """
    x = x_RBI
    given = iter(moments or ())
    for layer in network.layers:
        match layer:
            case Linear():
                w_RIO = params[f"{layer.name}.weight"]
                if layer.bias:
                    x = torch.baddbmm(params[f"{layer.name}.bias"].unsqueeze(1), x, w_RIO)
                else:
                    x = torch.bmm(x, w_RIO)
            case BatchNorm():
                if moments is None:
                    var_R1F, mean_R1F = torch.var_mean(x, dim=1, keepdim=True, correction=0)
                    if collect is not None:
                        collect.append((mean_R1F, var_R1F))
                else:
                    mean_R1F, var_R1F = next(given)
                scale_R1F = params[f"{layer.name}.scale"].unsqueeze(1)
                shift_R1F = params[f"{layer.name}.shift"].unsqueeze(1)
                x = (x - mean_R1F) * (scale_R1F * torch.rsqrt(var_R1F + BATCH_NORM_EPS)) + shift_R1F
            case Relu():
                x = torch.relu(x)
    return x
