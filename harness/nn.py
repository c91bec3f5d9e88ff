"""Population layers: one forward pass of many members at once.

Tensors are stacked with replicas first and named by shape:
R members, B examples, I inputs, O outputs, F features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.network import BatchNorm, Linear, Network, Relu

BATCH_NORM_EPS = 1e-5  # torch's default

Moments = tuple[Tensor, Tensor]  # mean_R1F, one over the standard deviation_R1F


class Normalise(torch.autograd.Function):
    """BatchNorm by the batch's own moments (Ioffe & Szegedy 2015), forward and backward in as few passes as it takes.

    Autograd over the plain formula makes about three times as many passes over the activations, which cost more than
    the matrix products at these widths.
    """

    @staticmethod
    def forward(ctx: Any, x_RBF: Tensor, scale_R1F: Tensor, shift_R1F: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the normalised activations, their mean, and one over their standard deviation."""
        mean_R1F = x_RBF.mean(1, keepdim=True)
        unit_RBF = x_RBF - mean_R1F
        rstd_R1F = torch.rsqrt(unit_RBF.square().mean(1, keepdim=True) + BATCH_NORM_EPS)
        unit_RBF *= rstd_R1F
        ctx.save_for_backward(unit_RBF, rstd_R1F, scale_R1F)
        ctx.mark_non_differentiable(mean_R1F, rstd_R1F)
        return torch.addcmul(shift_R1F, unit_RBF, scale_R1F), mean_R1F, rstd_R1F

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of activations, scale and shift."""
        unit_RBF, rstd_R1F, scale_R1F = ctx.saved_tensors
        dy_RBF = gradients[0]
        batch = dy_RBF.shape[1]
        dshift_R1F = dy_RBF.sum(1, keepdim=True)
        dscale_R1F = (dy_RBF * unit_RBF).sum(1, keepdim=True)
        dx_RBF = torch.addcmul(dy_RBF, unit_RBF, dscale_R1F, value=-1 / batch)
        dx_RBF -= dshift_R1F / batch
        dx_RBF *= scale_R1F * rstd_R1F
        return dx_RBF, dscale_R1F, dshift_R1F


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
                x = x.float()  # moments of bfloat16 activations lose too much
                scale_R1F = params[f"{layer.name}.scale"].unsqueeze(1)
                shift_R1F = params[f"{layer.name}.shift"].unsqueeze(1)
                if moments is not None:
                    mean_R1F, rstd_R1F = next(given)
                    x = torch.addcmul(shift_R1F, x - mean_R1F, rstd_R1F * scale_R1F)
                else:
                    x, mean_R1F, rstd_R1F = Normalise.apply(x, scale_R1F, shift_R1F)
                    if collect is not None:
                        collect.append((mean_R1F, rstd_R1F))
            case Relu():
                x = torch.relu(x)
    return x.float()
