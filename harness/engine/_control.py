"""Policies that learn by playing: every update plays a few steps in many environments, and learns from them.

Tensors are named by shape: R members, E environments, S numbers of a state, N steps played, A actions, L last episodes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.data import DataSet
from harness.engine._environments import ENVIRONMENTS
from harness.engine._nn import forward
from harness.engine._noise import Noise
from harness.engine._stack import Stack, learner
from harness.expression import ActorCritic
from harness.population import Arrays, Population
from harness.streams import word

LAST = 100  # episodes whose returns are measured


@learner(ActorCritic)
class ActorCriticStack(Stack):
    """A policy and its critic, and where each of their environments is: all of it goes on from update to update."""

    def __init__(self, population: Population, device: torch.device) -> None:
        super().__init__(population, device)
        learn, members = population.program.learn, population.members
        assert isinstance(learn, ActorCritic)
        self._learn, self._environment = learn, ENVIRONMENTS[DataSet(population.program.task.source)]
        words = [word(m.replicate, "order", m.order_draw) for m in members]
        self._keys_R = torch.tensor(words, device=device)
        first = torch.tensor([population.program.first_step], device=device)
        shape = (len(members), learn.environments)
        self._state_RES = self._drawn(Noise(~self._keys_R, first))
        self._age_RE = torch.zeros(shape, dtype=torch.int64, device=device)
        self._return_RE = torch.zeros(shape, dtype=torch.float64, device=device)
        self._last_RL = torch.zeros((len(members), LAST + 1), dtype=torch.float64, device=device)  # one for none
        self._ended_R = torch.zeros(len(members), dtype=torch.int64, device=device)

    def _drawn(self, noise: Noise) -> Tensor:
        """Return first states, a draw for every environment."""
        uniform = _uniform(noise.words(4 * self._learn.environments))
        return ((2 * uniform - 1) * self._environment.spread).view(len(self._keys_R), self._learn.environments, 4)

    def forward(self, leaves: dict[str, Tensor], inputs_RBI: Tensor, noise: Noise | None, step_1: Tensor) -> Tensor:
        """Play some steps, and return what the policy said of each state: logits and value, (R, N * E, A + 1)."""
        drawn = Noise(self._keys_R, step_1)
        said, actions, rewards, over = [], [], [], []
        for _ in range(self._learn.steps):
            said_REC = forward(self.network, leaves, self._observed())
            action_RE = _chosen(said_REC.detach()[..., :-1], _uniform(drawn.words(self._learn.environments)))
            reward_RE, over_RE = self._played(action_RE, self._drawn(drawn))
            said.append(said_REC)
            actions.append(action_RE)
            rewards.append(reward_RE)
            over.append(over_RE)
        with torch.no_grad():
            beyond_RE = forward(self.network, leaves, self._observed())[..., -1]
        self._gain_RNE = gains(
            torch.stack(rewards, 1) * self._learn.reward, torch.stack(over, 1), beyond_RE, self._learn
        )
        self._action_RNE = torch.stack(actions, 1)
        return torch.stack(said, 1).flatten(1, 2)

    def _observed(self) -> Tensor:
        return self._environment.observe(self._state_RES).float()

    def _played(self, action_RE: Tensor, fresh_RES: Tensor) -> tuple[Tensor, Tensor]:
        """Play a step and return rewards and ends; episodes that are over, or whose time is up, begin anew."""
        state_RES, reward_RE, over_RE = self._environment.advance(self._state_RES, action_RE)
        self._age_RE += 1
        self._return_RE += reward_RE
        over_RE = over_RE | (self._age_RE >= self._environment.limit)
        count_RE = over_RE.cumsum(1)
        last_RE = over_RE & (count_RE > count_RE[:, -1:] - LAST)  # more may end at once than have places
        place_RE = (self._ended_R[:, None] + count_RE - 1) % LAST
        self._last_RL.scatter_(1, torch.where(last_RE, place_RE, LAST), self._return_RE)
        self._ended_R += count_RE[:, -1]
        self._state_RES.copy_(torch.where(over_RE[..., None], fresh_RES, state_RES))
        self._age_RE.masked_fill_(over_RE, 0)
        self._return_RE.masked_fill_(over_RE, 0)
        return reward_RE, over_RE

    def objective(self, logits_RBC: Tensor, answers_RB: Tensor) -> Tensor:
        """Return each member's loss over the steps that were just played."""
        said_RNEC = logits_RBC.view(*self._gain_RNE.shape, -1)
        log_RNEA, value_RNE = said_RNEC[..., :-1].log_softmax(-1), said_RNEC[..., -1]
        taken_RNE = log_RNEA.gather(-1, self._action_RNE[..., None])[..., 0]
        missed_RNE = self._gain_RNE - value_RNE
        entropy_RNE = -(log_RNEA.exp() * log_RNEA).sum(-1)
        learn = self._learn
        loss_RNE = learn.value * missed_RNE.square() - taken_RNE * missed_RNE.detach() - learn.entropy * entropy_RNE
        return loss_RNE.flatten(1).mean(1)

    def played(self) -> Tensor:
        """Return each member's mean return over its last episodes; the least there is where none has ended."""
        there_RL = torch.arange(LAST, device=self.device) < self._ended_R[:, None]
        mean_R = (self._last_RL[:, :LAST] * there_RL).sum(1) / self._ended_R.clamp(1, LAST)
        return torch.where((self._ended_R > 0) & self.finite(), mean_R, self._environment.least)

    def state(self) -> Arrays:
        """Return where each environment is, and how the last episodes came out."""
        return {name: getattr(self, f"_{name}").cpu().numpy().copy() for name in MOVES}

    def restore_state(self, state: Arrays) -> None:
        """Go on from there."""
        for name in MOVES:
            getattr(self, f"_{name}").copy_(torch.from_numpy(state[name]))


MOVES = ("state_RES", "age_RE", "return_RE", "last_RL", "ended_R")


def gains(reward_RNE: Tensor, over_RNE: Tensor, beyond_RE: Tensor, learn: ActorCritic) -> Tensor:
    """Return the discounted sum of the rewards from each step on, none of them after an end; (R, N, E), float32.

    `beyond_RE` is what is still to come where playing stopped.
    """
    gain_RE, found = beyond_RE.double(), []
    for reward_RE, over_RE in zip(reversed(reward_RNE.unbind(1)), reversed(over_RNE.unbind(1)), strict=True):
        gain_RE = reward_RE + learn.discount * gain_RE.masked_fill(over_RE, 0)
        found.append(gain_RE)
    return torch.stack(found[::-1], 1).float()


def _chosen(logits_REA: Tensor, uniform_RE: Tensor) -> Tensor:
    """Return the action in whose part of the probabilities a number from 0 to 1 lies."""
    ends_REA = logits_REA.double().softmax(-1).cumsum(-1)[..., :-1]
    return (uniform_RE[..., None] >= ends_REA).sum(-1)


def _uniform(words: Tensor) -> Tensor:
    """Return numbers from 0 to 1, without 1, of 53 bits of each word."""
    return (words >> 11).double() / 2**53 + 0.5
