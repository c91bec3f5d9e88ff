"""Saliency: masks from gradients before training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar

from harness.data import Task
from harness.errors import DesignError, nearest
from harness.expression._densities import check_keep
from harness.expression._nodes import Learn, Mask, Start
from harness.expression._trainings import INITIAL, Training, check_examples, train
from harness.networks import SGD, Network, Recipe, round_half_up


class Salience(StrEnum):
    """Scores of weights before training, from their gradients; of all layers together the largest stay."""

    SNIP = "snip"  # |g w|, g the gradient of the loss (Lee et al. 2019)
    GRASP = "grasp"  # w (H g), H the loss's Hessian (Wang et al. 2020), who remove the largest of -w (H g)
    SYNFLOW = "synflow"  # dR/dw w, R what ones give through absolute weights (Tanaka et al. 2020)


@dataclass(frozen=True)
class Saliency(Learn):
    """A mask from gradients at the start: weights stay, and each step of the recipe is a round of pruning.

    After round k of n, round-half-up(N * keep^(k/n)) of all N prunable weights stay, those of the highest scores of
    all layers together. Each round scores anew what is left, on the batch of that step. `temperature` divides the
    logits whose loss GraSP takes. `inverted` keeps the lowest scores instead.
    """

    words: ClassVar[str] = "saliency"

    by: Salience
    keep: Fraction
    temperature: float = 1.0
    inverted: bool = False

    def multiply_adds(self, batch: int, every: int, of_first: int) -> int:
        """Return those of a round: SynFlow sees one input, and GraSP differentiates twice, by six more products."""
        if self.by is Salience.SYNFLOW:
            return super().multiply_adds(1, every, of_first)
        twice = batch * (6 * every - 4 * of_first) if self.by is Salience.GRASP else 0
        return super().multiply_adds(batch, every, of_first) + twice

    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int | None:
        """Return the count of all layers together; of some of them only scoring tells."""
        if layers != frozenset(network.prunable()):
            return None
        return round_half_up(network.weights * self.keep)

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> Saliency:
        """Return itself, where the mask leaves as many weights as it is to keep."""
        if mask is not None:
            left, asked = mask.kept_in(frozenset(network.prunable())), round_half_up(network.weights * self.keep)
            if left is not None and left < asked:
                raise DesignError(
                    f"saliency would keep {asked} weights, of which the mask leaves {left}: pruning cannot bring "
                    "weights back. Next: lower keep="
                )
        return self


def saliency(
    network: Network,
    task: Task,
    *,
    by: str,
    keep: Fraction,
    rounds: int = 1,
    examples: int = 100,
    mask: Mask | None = None,
    start: Start = INITIAL,
    temperature: float = 1.0,
    order: int = 0,
    inverted: bool = False,
) -> Training:
    """Score weights before training, and prune them, in one round or in several: ``saliency(...).learned_mask()``.

    * ``"snip"``: |g w|, with g the gradient of the mean cross-entropy of one batch (Lee et al. 2019);
    * ``"grasp"``: w (H g), with H the Hessian of that loss over the weights (Wang et al. 2020);
    * ``"synflow"``: the gradient times the weight of R, the sum of what an input of ones gives through absolute weights
      without biases, BatchNorm left out (Tanaka et al. 2020). It sees no data.

    Of all layers together the largest scores stay. In round k of n, round-half-up(N * keep^(k/n)) of N weights do, and
    scores are of what is left then. A layer may lose all its weights: that is an outcome, and the net answers by
    chance.

    Args:
        network: Whose weights are scored.
        task: The data whose batches they are scored on.
        by: ``"snip"``, ``"grasp"`` or ``"synflow"``.
        keep: The fraction of all weights that stays in the end.
        rounds: In how many rounds.
        examples: The examples of a round's batch.
        mask: The weights that are there at first; all of them without it.
        start: The weights that are scored: the initial ones, or those of a training.
        temperature: What divides the logits in the loss of ``"grasp"``; the paper has 200.
        order: Which draw of the ``order`` stream gives the batches.
        inverted: Whether the lowest scores stay, the control of Frankle et al. 2021: a score that says which weights
            matter leaves the worst of them.

    Returns:
        A node that measures the untrained net under the mask; `.learned_mask()` is the mask.

    Raises:
        DesignError: For an unknown score, a density outside (0, 1], more weights than the mask leaves, a temperature
            that is none or of another score, and GraSP with BatchNorm or an LSTM, whose second derivatives the engine
            does not have.

    >>> from harness import DIGITS, density, mlp
    >>> density(saliency(mlp(64, 30, 10), DIGITS, by="snip", keep=Fraction(1, 20)).learned_mask())
    Fraction(1, 20)
    """
    if by not in list(Salience):
        raise DesignError(f"unknown saliency {by!r}{nearest(by, list(Salience))} There are {', '.join(Salience)}")
    check_keep(network, keep)
    if not isinstance(keep, Fraction):
        raise DesignError("saliency(keep=) takes one fraction: all layers compete. Next: keep=Fraction(1, 5)")
    check_examples(task, "what saliency() scores on")
    if by == Salience.SYNFLOW and not network.flows:
        raise DesignError(
            "saliency by synflow of a network with attention, LayerNorm, an embedding, an LSTM or a torch module: what "
            "flows through these is no sum over paths. Next: another score"
        )
    if by == Salience.GRASP and not network.twice:
        raise DesignError(
            "saliency by grasp of a network with BatchNorm or an LSTM, whose second derivative is not there. "
            "Next: another score, or a network without these"
        )
    if not 0 < temperature < math.inf or (temperature != 1.0 and by != Salience.GRASP):
        raise DesignError(
            f"saliency by {by} at temperature {temperature}: GraSP's logits alone are divided by it, a number above 0. "
            "Next: correct temperature=, or leave it out"
        )
    recipe = Recipe(optimiser=SGD(1.0), steps=rounds, batch=examples, validate_every=rounds)
    learn = Saliency(Salience(by), keep, temperature, inverted)
    return train(network, task, recipe, mask=mask, start=start, learn=learn, streams={"order": order})
