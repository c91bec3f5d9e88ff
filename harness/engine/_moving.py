"""Masks that move while weights are trained: dropped and grown (SET, RigL), or pruned step by step.

Tensors are named by shape: R members, N weights of a layer, S steps.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from harness.engine._nn import forward
from harness.engine._noise import Noise
from harness.engine._stack import MaskStack, Stack, learner, numbers, top
from harness.expression import Gradual, Grow, Rewire, TargetedDropout
from harness.networks import Tensor as Parameters
from harness.networks import kept_counts
from harness.population import Population
from harness.streams import word


class MovingStack(MaskStack):
    """Weights under a mask that moves at some steps; what of it is left in the end is the member's learned mask.

    Counts lie on the device, a row a step, so that an update never asks the host.
    """

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        recipe = population.program.recipe
        assert recipe is not None
        self._recipe = recipe
        self._layers = [tensor.name for tensor in self.network.prunable().values()]

    def _put(self, name: str, kept_RN: Tensor) -> None:
        """Let these weights of a layer be what is left."""
        mask = self._mask[name]
        mask.copy_(numbers(kept_RN).view_as(mask))

    def _magnitude(self, name: str) -> tuple[Tensor, Tensor]:
        """Return a layer's magnitudes and which of its weights are there; shapes (R, N)."""
        return self._leaves[name].detach().abs().flatten(1), self._mask[name].flatten(1).bool()


@learner(Rewire)
class RewiredStack(MovingStack):
    """Each layer drops its smallest weights and grows as many of those that it has not: SET and RigL."""

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        learn = population.program.learn
        assert isinstance(learn, Rewire)
        self._learn = learn
        members = population.members
        alive_LR = [[int(count) for count in self._mask[name].flatten(1).sum(1)] for name in self._layers]
        end = math.ceil(learn.until * self._recipe.steps)
        shares = [
            float(learn.fraction) / 2 * (1 + math.cos(math.pi * min(step, end) / end))
            for step in range(self._recipe.steps)
        ]
        dropped = [[[math.floor(share * n) for n in alive_R] for alive_R in alive_LR] for share in shares]
        self._drop_SLR = torch.tensor(dropped, device=device)
        self._alive_LR = torch.tensor(alive_LR, device=device)
        words = [word(m.replicate, "mask", m.mask_draw) for m in members]
        self._keys_R = torch.tensor(words, device=device) if learn.grow == Grow.RANDOM else None

    def changes(self, step: int) -> bool:
        """At some steps, until the mask stays."""
        return self._learn.moves(step, self._recipe)

    def change(self, gradients: dict[str, Tensor], step_1: Tensor) -> None:
        """Drop and grow: what was dropped now may grow again; whatever grows begins at 0."""
        noise = None if self._keys_R is None else Noise(self._keys_R, step_1)
        drop_LR = self._drop_SLR.index_select(0, step_1)[0]
        for name, alive_R, drop_R in zip(self._layers, self._alive_LR, drop_LR, strict=True):
            magnitude_RN, there_RN = self._magnitude(name)
            kept_RN = top(magnitude_RN, alive_R - drop_R, there_RN)
            if noise is None:
                wish_RN = gradients[name].abs().flatten(1)
            else:
                wish_RN = (noise.words(magnitude_RN.shape[1]) >> 11).double()  # 53 bits, which float64 holds
            grown_RN = top(wish_RN, drop_R, ~kept_RN)
            weights = self._leaves[name].detach()
            weights.mul_(numbers(kept_RN).view_as(weights))
            self._put(name, kept_RN | grown_RN)


@learner(Gradual)
class GradualStack(MovingStack):
    """Each layer loses its smallest weights step by step."""

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        learn = population.program.learn
        assert isinstance(learn, Gradual)
        self._learn = learn
        sizes = self.network.prunable()
        counts = [
            list(kept_counts(self.network, dict.fromkeys(sizes, learn.density(step))).values())
            if learn.moves(step, self._recipe)
            else [tensor.size for tensor in sizes.values()]
            for step in range(self._recipe.steps)
        ]
        self._count_SL = torch.tensor(counts, device=device)

    def changes(self, step: int) -> bool:
        """At some steps on the way."""
        return self._learn.moves(step, self._recipe)

    def settled(self, step: int) -> bool:
        """After the last pruning."""
        return step > self._learn.end

    def change(self, gradients: dict[str, Tensor], step_1: Tensor) -> None:
        """Keep the largest weights of each layer."""
        for name, count in zip(self._layers, self._count_SL.index_select(0, step_1)[0], strict=True):
            magnitude_RN, there_RN = self._magnitude(name)
            self._put(name, top(magnitude_RN, count, there_RN))
        self.learned_RP.mul_(self.mask_RP)


@learner(TargetedDropout)
class TargetedStack(Stack):
    """Weights of which the small ones are left out at random, each update others."""

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        learn, recipe = population.program.learn, population.program.recipe
        assert isinstance(learn, TargetedDropout)
        assert recipe is not None
        self._learn = learn
        tensors = list(self.network.prunable().values())
        self._targets = {t.name: t for t in (tensors[:-1] if learn.units else tensors)}
        sizes = [outputs if learn.units else t.size // outputs for t, outputs in map(_outputs, self._targets.values())]
        counts = [[math.floor(learn.share(step) * n) for n in sizes] for step in range(recipe.steps)]
        self._count_SL = torch.tensor(counts, device=device)
        words = [word(m.replicate, "dropout", m.dropout_draw) for m in population.members]
        self._keys_R = torch.tensor(words, device=device)

    def forward(self, leaves: dict[str, Tensor], inputs_RBI: Tensor, noise: Noise | None, step_1: Tensor) -> Tensor:
        """Return the logits without what is left out."""
        drawn, seen = Noise(~self._keys_R, step_1), dict(leaves)  # apart from what layers of dropout draw
        counts = zip(self._targets.values(), self._count_SL.index_select(0, step_1)[0], strict=True)
        for tensor, count in counts:
            weights = leaves[tensor.name]
            rows_RON = weights.detach().transpose(1, 2) if len(tensor.shape) == 2 else weights.detach().flatten(2)
            size_RON = rows_RON.norm(dim=2)[:, None] if self._learn.units else rows_RON.abs()
            words_RN = drawn.words(size_RON[0].numel()) >> 11
            chance_RON = (words_RN.double() / 2**53 + 0.5).view(size_RON.shape)
            kept_RON = ~_smallest(size_RON, count) | (chance_RON >= float(self._learn.rate))
            if self._learn.units:
                kept_RON = kept_RON[:, 0, :, None]
            kept = kept_RON.transpose(1, 2) if len(tensor.shape) == 2 else kept_RON.expand_as(rows_RON).view_as(weights)
            seen[tensor.name] = weights * kept
        return forward(self.network, seen, inputs_RBI, noise=noise)


def _smallest(size_RON: Tensor, count: Tensor) -> Tensor:
    """Return which are among so many smallest of each row, ties to the lower place; on a GPU the count is not read."""
    return (_smallest_by_partition if size_RON.device.type == "cpu" else _smallest_unasked)(size_RON, count)


def _smallest_unasked(size_RON: Tensor, count: Tensor) -> Tensor:
    """Return the same by a sort, without asking the device how many are wanted."""
    order_RON = torch.argsort(size_RON, dim=2, stable=True)
    places_N = torch.arange(size_RON.shape[2], device=size_RON.device)
    return torch.empty_like(order_RON).scatter_(2, order_RON, places_N.expand_as(order_RON)) < count


def _smallest_by_partition(size_RON: Tensor, count: Tensor) -> Tensor:
    """Return the same, of numbers, without a sort: on a CPU that takes seven times as long as all else of a step."""
    if not (wanted := int(count)):
        return torch.zeros(size_RON.shape, dtype=torch.bool)
    threshold_RO1 = torch.from_numpy(np.partition(size_RON.numpy(), wanted - 1, axis=2)[..., wanted - 1 : wanted])
    below_RON, equal_RON = size_RON < threshold_RO1, size_RON == threshold_RO1
    wanted_RO1 = wanted - below_RON.sum(2, keepdim=True)
    return below_RON | (equal_RON & (equal_RON.cumsum(2, dtype=torch.int32) <= wanted_RO1))


def _outputs(tensor: Parameters) -> tuple[Parameters, int]:
    """Return a layer's weights with how many outputs they have."""
    return tensor, tensor.shape[1] if len(tensor.shape) == 2 else tensor.shape[0]
