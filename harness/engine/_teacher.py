"""Distillation: a second network, which stays, says how likely it takes each class to be (Hinton et al. 2015).

Tensors are named by shape: R members, B examples, I inputs, C classes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.engine._batch_norm import Moments
from harness.engine._feed import Feed
from harness.engine._machine import arithmetic
from harness.engine._nn import forward
from harness.population import Population


class Teacher:
    """Each member's teacher, evaluated on the batches that its student sees."""

    def __init__(self, population: Population, feed: Feed) -> None:
        program = population.program
        assert program.recipe is not None
        assert program.teacher is not None
        self._network, self._recipe, self._device = program.teacher, program.recipe, feed.device
        flat_RP = torch.from_numpy(np.stack([m.end for m in population.members if m.end is not None])).to(feed.device)
        self._params = {t.name: flat_RP[:, t.slice].view(-1, *t.shape) for t in self._network.tensors()}
        self._moments: list[Moments] = []
        if self._network.batch_norms:
            with torch.no_grad():
                inputs_RBI = feed.inputs(feed.held_out("calibration")[0])
                forward(self._network, self._params, inputs_RBI, collect=self._moments)

    def distilled(self, loss_R: Tensor, logits_RBC: Tensor, inputs_RBI: Tensor) -> Tensor:
        """Return each member's loss with its share of learning from the teacher, at the recipe's temperature; (R,)."""
        share, temperature = self._recipe.distil, self._recipe.temperature
        with torch.no_grad(), arithmetic(self._device, self._recipe.numerics):
            taught_RBC = forward(self._network, self._params, inputs_RBI, moments=self._moments) / temperature
        log_RBC = functional.log_softmax(logits_RBC / temperature, 2)
        away_RBC = functional.kl_div(log_RBC, taught_RBC.log_softmax(2), reduction="none", log_target=True)
        return (1 - share) * loss_R + share * temperature**2 * away_RBC.sum(2).mean(1)
