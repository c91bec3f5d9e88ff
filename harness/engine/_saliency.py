"""Masks from gradients before training: SNIP, GraSP and SynFlow, in one round or in several.

Tensors are named by shape: R members, B examples, I inputs, C classes, P flat parameters, N prunable weights.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.engine._nn import forward
from harness.engine._noise import Noise
from harness.engine._stack import MaskStack, cross_entropy, learner, top
from harness.expression import Salience, Saliency, largest, prunable_bits
from harness.networks import round_half_up
from harness.population import Arrays, Population

Scores = TypeVar("Scores", Tensor, NDArray[np.float32])


@learner(Saliency)
class SaliencyStack(MaskStack):
    """Weights that stay while rounds of pruning take those of the lowest scores away, of all layers together."""

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        learn, recipe = population.program.learn, population.program.recipe
        assert isinstance(learn, Saliency)
        assert recipe is not None
        self._learn, self._weights = learn, {t.name: t for t in self.network.prunable().values()}
        self._prunable_P = torch.from_numpy(prunable_bits(self.network)).to(device)
        self._score_RP = torch.zeros_like(self.learned_RP)
        self._score = self.views(self._score_RP)
        if learn.by is Salience.SYNFLOW:
            self._absolute_RP = self.learned_RP.double().abs_()
            self._linear = {name: self._seen_alone(name, view) for name, view in self.views(self._absolute_RP).items()}
        total, keep = self.network.weights, learn.keep
        counts = [int(total * float(keep) ** (k / recipe.steps) + 0.5) for k in range(1, recipe.steps)]
        self._count_S = torch.tensor([*counts, round_half_up(total * keep)], device=device)

    def _seen_alone(self, name: str, absolute: Tensor) -> Tensor:
        """Return what SynFlow sees of a parameter: a weight's magnitude, or what adds nothing and scales by 1."""
        if name in self._weights:
            return absolute.detach().requires_grad_()
        return torch.ones_like(absolute) if name.endswith(".scale") else torch.zeros_like(absolute)

    def restore_state(self, state: Arrays) -> None:
        """Go on from these masks."""
        super().restore_state(state)
        if self._learn.by is Salience.SYNFLOW:
            self._absolute_RP.copy_(self.learned_RP).abs_()

    def seen(self, inputs_RBI: Tensor) -> Tensor:
        """Return the batch; for SynFlow one input of ones."""
        return torch.ones_like(inputs_RBI[:, :1]) if self._learn.by is Salience.SYNFLOW else inputs_RBI

    def forward(self, leaves: dict[str, Tensor], inputs_RBI: Tensor, noise: Noise | None, step_1: Tensor) -> Tensor:
        """Return the logits, nothing dropped; for SynFlow through absolute weights alone, in float64.

        Nothing is added then, and BatchNorm leaves everything as it is.
        """
        if self._learn.by is Salience.GRASP:
            with sdpa_kernel(SDPBackend.MATH):  # torch's fused attention has no second derivative
                return forward(self.network, leaves, inputs_RBI)
        if self._learn.by is Salience.SNIP:
            return forward(self.network, leaves, inputs_RBI)
        nothing = torch.zeros((), device=self.device), torch.ones((), device=self.device)
        moments = [nothing] * self.network.batch_norms
        return forward(self.network, self._linear, inputs_RBI.double(), moments=moments)

    def _scored(self, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights that gradients are taken of, by name."""
        seen = self._linear if self._learn.by is Salience.SYNFLOW else leaves
        return {name: seen[name] for name in self._weights}

    def objective(self, logits_RBC: Tensor, answers_RB: Tensor) -> Tensor:
        """Return what is differentiated: the loss of the batch; for SynFlow the sum of all outputs."""
        if self._learn.by is Salience.SYNFLOW:
            return logits_RBC.sum((1, 2))
        return cross_entropy(logits_RBC / self._learn.temperature, answers_RB).mean(1)

    def gradients(self, loss_R: Tensor, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the gradients of the weights; for GraSP the Hessian's product with those of what is left."""
        twice = self._learn.by is Salience.GRASP
        asked = list(self._scored(leaves).values())
        found = torch.autograd.grad(loss_R.sum(), asked, create_graph=twice)
        if twice:
            left = [gradient * self._mask[name] for name, gradient in zip(self._weights, found, strict=True)]
            flow = torch.stack([(gradient * gradient.detach()).sum() for gradient in left]).sum()
            found = torch.autograd.grad(flow, asked)
        return dict(zip(self._weights, found, strict=True))

    def changes(self, step: int) -> bool:
        """Each step is a round, and no weight moves."""
        return True

    def change(self, gradients: dict[str, Tensor], step_1: Tensor) -> None:
        """Keep the highest scores of what is left, or the lowest, ties to the lower place; others go for good."""
        keep = self._keep_by_rows if self.device.type == "cpu" else self._keep_unasked
        keep(gradients, self._count_S.index_select(0, step_1))

    def _keep_by_rows(self, gradients: dict[str, Tensor], count_1: Tensor) -> None:
        """Do it member by member: what is made of each stays in the cache."""
        (count,) = count_1.tolist()
        score_RP, mask_RP, prunable_P = (x.numpy() for x in (self._scores(gradients), self.mask_RP, self._prunable_P))
        changed = [values_RP.numpy() for values_RP in self._masked()]
        for row, score_P in enumerate(score_RP):
            there_P = (mask_RP[row] != 0) & prunable_P
            kept_P = largest(self._ranked(score_P), there_P, min(count, int(np.count_nonzero(there_P))))
            gone = np.flatnonzero(there_P & ~kept_P)
            for values_RP in changed:
                values_RP[row, gone] = 0

    def _keep_unasked(self, gradients: dict[str, Tensor], count_1: Tensor) -> None:
        """Do it for all members at once, without asking the device."""
        there_RP = self.mask_RP.bool() & self._prunable_P
        kept_RP = top(self._ranked(self._scores(gradients)), count_1, there_RP)
        gone_RP = there_RP & ~kept_RP
        for values_RP in self._masked():
            values_RP.masked_fill_(gone_RP, 0)

    def _masked(self) -> list[Tensor]:
        """Return all that is zero where a weight is gone; shapes (R, P)."""
        absolute = [self._absolute_RP] if self._learn.by is Salience.SYNFLOW else []
        return [self.mask_RP, self.learned_RP, *absolute]

    def _scores(self, gradients: dict[str, Tensor]) -> Tensor:
        """Return each weight's gradient times itself, shape (R, P): in an array that is there once."""
        weights = self._scored(self._leaves)
        for name, gradient in gradients.items():
            torch.mul(gradient, weights[name].detach(), out=self._score[name])
        return self._score_RP

    def _ranked(self, score: Scores) -> Scores:
        """Return how much speaks for each weight's staying, of gradient times weight."""
        score = score if self._learn.by is Salience.GRASP else abs(score)
        return -score if self._learn.inverted else score
