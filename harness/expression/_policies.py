"""Policies that learn by playing: advantage actor-critic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from harness.errors import DesignError
from harness.expression._nodes import Learn, Mask, kept_in
from harness.networks import Network, Recipe

TOGETHER = 16  # environments are a multiple of it, so that a processor computes whole vectors


@dataclass(frozen=True)
class ActorCritic(Learn):
    """A policy and its critic, one network, learn by playing: synchronous advantage actor-critic (Mnih et al. 2016).

    Each step of the recipe plays `steps` steps in each of so many `environments` by the policy, whose actions are
    drawn, and makes one update. Of each state, G is the discounted sum of the rewards that follow, as far as they were
    played, plus the critic's value of where playing stopped; nothing follows the end of an episode, also where time was
    up. With A = G - V, a constant to the policy, what is minimised is the mean of ``-log p(action) A +
    value (G - V)^2 - entropy H(p)``. Outputs of the network are a logit an action, and V.

    Measured is the mean return of the last 100 episodes that ended, ``mean_return``. The ``order`` stream draws actions
    and first states.

    Args:
        environments: Played at a time, a multiple of 16.
        steps: Steps played between updates.
        discount: What a reward is worth a step later.
        value: The weight of the critic's error.
        entropy: The weight of the policy's entropy.
        reward: What rewards are multiplied by for learning; returns are measured in the environment's own.

    Raises:
        DesignError: For other numbers of environments or steps, a discount outside (0, 1], and weights that are no
            numbers. Where it is trained: for a recipe or network with what needs examples.

    >>> ActorCritic(steps=8).environments
    32
    """

    words: ClassVar[str] = "a policy that plays"
    moves_weights: ClassVar[bool] = True
    learns_mask: ClassVar[bool] = False
    plays: ClassVar[bool] = True

    environments: int = 32
    steps: int = 4
    discount: float = 0.99
    value: float = 0.5
    entropy: float = 1e-4
    reward: float = 1.0

    def __post_init__(self) -> None:
        whole = all(isinstance(count, int) and count > 0 for count in (self.environments, self.steps))
        shares = (self.discount, self.value, self.entropy, self.reward)
        fits = all(map(math.isfinite, shares)) and self.value >= 0 and self.reward > 0
        if not whole or self.environments % TOGETHER or not 0 < self.discount <= 1 or not fits:
            raise DesignError(
                f"actor-critic of {self.environments} environments, {self.steps} steps, discount {self.discount}, "
                f"value {self.value}, entropy {self.entropy} and reward {self.reward}: expected a multiple of "
                f"{TOGETHER}, at least one step, a discount in (0, 1] and finite weights, none of them "
                "negative. Next: correct ActorCritic"
            )

    def multiply_adds(self, batch: int, every: int, of_first: int) -> int:
        """Return those of an update: of all steps played, and of the value of where playing stopped."""
        return self.environments * (self.steps * (3 * every - of_first) + every)

    def kept_in(self, network: Network, mask: Mask | None, layers: frozenset[str]) -> int | None:
        """Return what the mask keeps: it stays."""
        return kept_in(mask, network, layers)

    def under(self, network: Network, recipe: Recipe, mask: Mask | None) -> ActorCritic:
        """Return itself, where nothing is asked for that playing leaves out: weights are trained under any mask."""
        left_out = {
            "a teacher": recipe.distil > 0,
            "smoothed answers": recipe.smoothing > 0,
            "another loss": recipe.loss != "cross-entropy",
            "dropout": bool(network.dropouts),
            "BatchNorm": network.batch_norms > 0,
        }
        if asked := [what for what, there in left_out.items() if there]:
            raise DesignError(
                f"a policy that plays learns without {asked[0]}: it has no examples. Next: leave that out of its "
                "recipe or network"
            )
        return self
