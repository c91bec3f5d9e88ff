"""The optimisers of flat parameters, whose learning rates are tensors: torch's fused ones where there are such.

Tensors are named by shape: R members, P flat parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from harness import networks
from harness.networks import SGD, Adam, AdamW, Optimiser


class RMSprop(torch.optim.Optimizer):
    """What torch.optim.RMSprop computes, without reading the learning rate on the host, which a GPU would wait for."""

    def __init__(self, groups: list[dict[str, object]], settings: networks.RMSprop) -> None:
        super().__init__(groups, {})
        self._settings = settings

    @torch.no_grad()
    # torch overloads it for closures, which the engine has none of
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make one update."""
        alpha, eps, decay = self._settings.alpha, self._settings.eps, self._settings.weight_decay
        for group in self.param_groups:
            (rows_RP,) = group["params"]
            state, gradient_RP = self.state[rows_RP], rows_RP.grad
            if not state:
                names = ("square_avg", "momentum_buffer") if self._settings.momentum else ("square_avg",)
                state.update({name: torch.zeros_like(rows_RP) for name in names})
            if decay:
                gradient_RP = gradient_RP.add(rows_RP, alpha=decay)
            square_RP = state["square_avg"].mul_(alpha).addcmul_(gradient_RP, gradient_RP, value=1 - alpha)
            direction_RP = gradient_RP / square_RP.sqrt().add_(eps)
            if self._settings.momentum:
                direction_RP = state["momentum_buffer"].mul_(self._settings.momentum).add_(direction_RP)
            rows_RP.sub_(direction_RP * group["lr"])


def optimiser(settings: Optimiser, rows: list[Tensor], rates: list[Tensor]) -> torch.optim.Optimizer:
    """Return the optimiser of flat parameters (R, P), a group of members a learning rate."""
    groups = [{"params": [rows_RP], "lr": rate} for rows_RP, rate in zip(rows, rates, strict=True)]
    captured = rates[0].device.type != "cpu"
    match settings:
        case networks.RMSprop():
            return RMSprop(groups, settings)
        case Adam():
            kind: Callable[..., torch.optim.Optimizer] = torch.optim.Adam
            if isinstance(settings, AdamW):
                kind = partial(torch.optim.AdamW, weight_decay=settings.weight_decay)
            betas = (settings.beta1, settings.beta2)
            return kind(groups, lr=rates[0], betas=betas, eps=settings.eps, fused=True, capturable=captured)
        case SGD():
            return torch.optim.SGD(
                groups,
                lr=rates[0],
                momentum=settings.momentum,
                nesterov=settings.nesterov,
                weight_decay=settings.weight_decay,
                fused=True,
            )
