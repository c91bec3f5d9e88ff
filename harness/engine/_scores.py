"""Scores in place of weights: edge-popup, and with unused weights drawn anew.

Tensors are named by shape: R members, P flat parameters, N weights of a layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from harness.engine._stack import Stack, learner, numbers, top
from harness.expression import (
    Bits,
    RedrawnScores,
    Scope,
    Scores,
    ScoresUnderMask,
    layer_keep,
    learned_bits,
    redrawn,
)
from harness.networks import kept_counts, round_half_up
from harness.population import Arrays, Population


@learner(Scores)
@learner(ScoresUnderMask)
class ScoreStack(Stack):
    """Edge-popup (Ramanujan et al. 2020, section 3): the weights stay, a score a weight is learned.

    The forward pass uses the weights whose |score| is among the top k of their layer (or of all), scaled by sqrt(1/k);
    one that a mask removed is never among them. The backward pass goes straight through the choice to |score|, and from
    there to the score by its sign.
    """

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        network, members, learn = self.network, population.members, population.program.learn
        assert isinstance(learn, Scores)
        scores = [m.scores for m in members if m.scores is not None]
        self._weights_RP = self.learned_RP
        self._learn_these(torch.from_numpy(np.stack(scores)).to(device), self.mask_RP)
        self._scores, self._weights = self.views(self.learned_RP), self.views(self._weights_RP)
        counts = kept_counts(network, layer_keep(network, learn.keep))
        self._count = {f"{layer}.weight": count for layer, count in counts.items()}
        self._scale = math.sqrt(1 / learn.keep)
        self._learn, self._members = learn, members
        self._all = round_half_up(network.weights * learn.keep)
        masked = any(m.mask is not None for m in members)
        self._there = {name: self._mask[name].flatten(1).bool() for name in self._count} if masked else {}

    def leaves(self) -> dict[str, Tensor]:
        """Return the weights that the scores choose, scaled, and zeros for the others."""
        leaves, chosen = {}, self._chosen()
        for name, weights in self._weights.items():
            if name in chosen:
                weights = weights * numbers(chosen[name]).view_as(weights) * self._scale
            leaves[name] = weights.detach().requires_grad_()
        return leaves

    def _chosen(self) -> dict[str, Tensor]:
        """Return which weights have the top scores, of each layer or of all together, by name; shape (R, N)."""
        magnitudes = {name: self._scores[name].abs().flatten(1) for name in self._count}
        if self._learn.scope == Scope.LAYER:
            return {name: top(scores, self._count[name], self._there.get(name)) for name, scores in magnitudes.items()}
        there_RN = torch.cat(list(self._there.values()), 1) if self._there else None
        every_RN = top(torch.cat(list(magnitudes.values()), 1), self._all, there_RN)
        sizes = [magnitude_RN.shape[1] for magnitude_RN in magnitudes.values()]
        return dict(zip(magnitudes, torch.split(every_RN, sizes, 1), strict=True))

    def put_gradients(self, gradients: dict[str, Tensor]) -> None:
        """Take the gradients of the chosen weights over to the scores of all of them."""
        for name in self._count:
            straight_through = gradients[name] * self._weights[name] * self._scale
            torch.mul(straight_through, self._scores[name].sign(), out=self._grad[name])

    def masks(self) -> Sequence[Bits]:
        """Return the masks of the top scores."""
        each = zip(self.learned_RP.cpu().numpy(), self._members, strict=True)
        keep, scope = self._learn.keep, self._learn.scope
        return [learned_bits(self.network, scores, keep, member.mask, scope) for scores, member in each]


@learner(RedrawnScores)
class RedrawnStack(ScoreStack):
    """Edge-popup that draws unused weights anew at some steps (Chijiwa et al. 2021, algorithm 1)."""

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        assert isinstance(self._learn, RedrawnScores)
        self._redrawn = self._learn
        self._anew_RP = torch.zeros_like(self._weights_RP)  # and which of them are drawn, if they are not used
        self._drawn_RP = torch.zeros_like(self._weights_RP, dtype=torch.bool)

    def changes(self, step: int) -> bool:
        """At some steps."""
        return self._redrawn.moves(step)

    def prepare(self, step: int) -> None:
        """Draw weights, and which of them are taken where they are not used."""
        drawn = [redrawn(self.network, m.replicate, m.mask_draw, step, self._redrawn.rate) for m in self._members]
        for place, arrays in zip((self._anew_RP, self._drawn_RP), zip(*drawn, strict=True), strict=True):
            place.copy_(torch.from_numpy(np.stack(arrays)))

    def change(self, gradients: dict[str, Tensor], step_1: Tensor) -> None:
        """Take the drawn weights where those that are there are not used."""
        anew, drawn = self.views(self._anew_RP), self.views(self._drawn_RP)
        for name, chosen_RN in self._chosen().items():
            weights = self._weights[name]
            taken = drawn[name] & ~chosen_RN.view_as(weights)
            weights.copy_(torch.where(taken, anew[name], weights) * self._mask[name])

    def moving(self) -> list[Tensor]:
        """Return the scores, and the weights."""
        return [self.learned_RP, self._weights_RP]

    def kept(self) -> Tensor:
        """Return the weights."""
        return self._weights_RP

    def put_back(self, kept_RP: Tensor, mask_RP: Tensor) -> None:
        """Take these weights, and scores that choose what the masks keep."""
        self._weights_RP.copy_(kept_RP)
        self.learned_RP.copy_(mask_RP)

    def state(self) -> Arrays:
        """Return the weights so far."""
        return {"weights": self._weights_RP.cpu().numpy().copy()}

    def restore_state(self, state: Arrays) -> None:
        """Go on from these weights."""
        self._weights_RP.copy_(torch.from_numpy(state["weights"]))
