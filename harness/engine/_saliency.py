"""Masks from gradients before training: SNIP, GraSP and SynFlow, in one round or in several.

Tensors are named by shape: R members, B examples, I inputs, C classes, P flat parameters, N prunable weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.engine._nn import forward
from harness.engine._noise import Noise
from harness.engine._stack import MaskStack, cross_entropy, learner, numbers, top
from harness.expression import Salience, Saliency, prunable_bits
from harness.networks import round_half_up
from harness.population import Population


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
        self._others_RP = self.mask_RP * ~self._prunable_P
        self._score_RP = torch.zeros_like(self.learned_RP)
        self._score = self.views(self._score_RP)
        total, keep = self.network.weights, learn.keep
        counts = [int(total * float(keep) ** (k / recipe.steps) + 0.5) for k in range(1, recipe.steps)]
        self._count_S = torch.tensor([*counts, round_half_up(total * keep)], device=device)

    def seen(self, inputs_RBI: Tensor) -> Tensor:
        """Return the batch; for SynFlow one input of ones."""
        return torch.ones_like(inputs_RBI[:, :1]) if self._learn.by is Salience.SYNFLOW else inputs_RBI

    def forward(self, leaves: dict[str, Tensor], inputs_RBI: Tensor, noise: Noise | None, step_1: Tensor) -> Tensor:
        """Return the logits, nothing dropped; for SynFlow through absolute weights alone, in float64.

        Nothing is added then, and BatchNorm leaves everything as it is.
        """
        if self._learn.by is not Salience.SYNFLOW:
            self._asked = [leaves[name] for name in self._weights]
            return forward(self.network, leaves, inputs_RBI)
        params, absolute = {}, self.views(self.learned_RP.double().abs_())
        for name, leaf in leaves.items():
            other = torch.ones_like if name.endswith(".scale") else torch.zeros_like
            of_weights = name in self._weights
            params[name] = absolute[name].requires_grad_() if of_weights else other(leaf.detach(), dtype=torch.float64)
        self._asked = [params[name] for name in self._weights]
        nothing = torch.zeros((), device=self.device), torch.ones((), device=self.device)
        moments = [nothing] * self.network.batch_norms
        return forward(self.network, params, inputs_RBI.double(), moments=moments)

    def objective(self, logits_RBC: Tensor, answers_RB: Tensor) -> Tensor:
        """Return what is differentiated: the loss of the batch; for SynFlow the sum of all outputs."""
        if self._learn.by is Salience.SYNFLOW:
            return logits_RBC.sum((1, 2))
        return cross_entropy(logits_RBC / self._learn.temperature, answers_RB).mean(1)

    def gradients(self, loss_R: Tensor, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the gradients of the weights; for GraSP the Hessian's product with those of what is left."""
        twice = self._learn.by is Salience.GRASP
        found = torch.autograd.grad(loss_R.sum(), self._asked, create_graph=twice)
        if twice:
            left = [gradient * self._mask[name] for name, gradient in zip(self._weights, found, strict=True)]
            flow = torch.stack([(gradient * gradient.detach()).sum() for gradient in left]).sum()
            found = torch.autograd.grad(flow, self._asked)
        return dict(zip(self._weights, found, strict=True))

    def changes(self, step: int) -> bool:
        """Each step is a round, and no weight moves."""
        return True

    def change(self, gradients: dict[str, Tensor], step_1: Tensor) -> None:
        """Keep the highest scores of what is left, or the lowest, ties to the lower place; others go for good."""
        for name, gradient in gradients.items():
            torch.mul(gradient, self._leaves[name].detach(), out=self._score[name])
        score_RP = self._score_RP if self._learn.by is Salience.GRASP else self._score_RP.abs_()
        if self._learn.inverted:
            score_RP = score_RP.neg_()
        there_RP = self.mask_RP.bool() & self._prunable_P
        kept_RP = top(score_RP, self._count_S.index_select(0, step_1), there_RP)
        torch.add(self._others_RP, numbers(kept_RP), out=self.mask_RP)
        self.learned_RP.mul_(self.mask_RP)
