"""Measuring a population: loss and answers on held-out examples, and where its validation loss was lowest.

What is measured stays on the device until somebody asks for it. Tensors are named by shape: R members, N examples,
B examples of one pass, C classes, P flat parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from harness.engine._batch_norm import Moments
from harness.engine._capture import Captured
from harness.engine._feed import Feed
from harness.engine._machine import arithmetic
from harness.engine._nn import forward
from harness.engine._stack import Stack
from harness.population import Arrays, Population, Row, examples_a_pass


class Evaluator:
    """Evaluates a population on one `split`; its results are each answer's loss, `loss_RN`, and whether it is right.

    With `logits`, also `logits_RNC`.
    """

    def __init__(self, population: Population, stack: Stack, feed: Feed, split: str, *, logits: bool = False) -> None:
        self._stack, self._feed = stack, feed
        self._chance = population.program.task.chance
        self._images, answers = feed.held_out(split)
        self._answers = answers.flatten(1)  # one a token, where an example has several
        self._each = self._answers.shape[1] // answers.shape[1]
        self._calibration = feed.held_out("calibration")[0] if stack.network.batch_norms else None
        self._numerics = "float32" if population.program.recipe is None else population.program.recipe.numerics
        self._size = examples_a_pass(stack.network)
        self.loss_RN = torch.zeros(self._answers.shape, device=stack.device)
        self.right_RN = torch.zeros(self._answers.shape, dtype=torch.bool, device=stack.device)
        shape = (*self._answers.shape, population.program.task.classes)
        self.logits_RNC = torch.zeros(shape, device=stack.device) if logits else None
        self._pass = Captured(stack.device)

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Return each member's mean loss, float64, and whether its answers are right; shapes (R,), (R, N)."""
        self._pass(self._evaluate)
        return _mean(self.loss_RN), self.right_RN

    def answers(self) -> tuple[Tensor, Tensor]:
        """Return the logits, in float64, and the answers; shapes (R, N, C) and (R, N). Asked for by `logits`."""
        assert self.logits_RNC is not None
        return self.logits_RNC.double(), self._answers

    def outcome(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return losses, accuracies, whether a member has diverged (each (R,)), and its right answers (R, N).

        One whose loss or learned parameters are not finite has diverged: its accuracy is the task's chance accuracy.
        """
        loss_R, right_RN = self()
        bad_R = ~torch.isfinite(loss_R) | ~self._stack.finite()
        accuracy_R = right_RN.sum(1).double() / right_RN.shape[1]
        return loss_R, torch.where(bad_R, self._chance, accuracy_R), bad_R, right_RN

    @torch.no_grad()
    def _evaluate(self) -> None:
        """Evaluate every example; BatchNorm uses the moments of the fixed calibration inputs."""
        network, params = self._stack.network, self._stack.leaves()
        moments: list[Moments] = []
        if self._calibration is not None:
            with arithmetic(self._stack.device, self._numerics):
                forward(network, params, self._feed.inputs(self._calibration), collect=moments)
        for first in range(0, self._images.shape[1], self._size):
            images_RBK = self._images[:, first : first + self._size]
            part = slice(first * self._each, (first + self._size) * self._each)
            answers_RB = self._answers[:, part]
            with arithmetic(self._stack.device, self._numerics):
                logits_RBC = forward(network, params, self._feed.inputs(images_RBK), moments=moments)
            self.loss_RN[:, part] = self._stack.loss(logits_RBC, answers_RB)
            self.right_RN[:, part] = logits_RBC.argmax(2) == answers_RB
            if self.logits_RNC is not None:
                self.logits_RNC[:, part] = logits_RBC


def _mean(loss_RN: Tensor) -> Tensor:
    """Return each row's mean in float64; on a CPU by numpy, whose sum of a row does not depend on the other rows."""
    if loss_RN.device.type == "cpu":
        return torch.from_numpy(loss_RN.double().numpy().mean(1))
    return loss_RN.double().mean(1)


class EarlyStop:
    """What each member was at its lowest validation loss so far, and the step that was."""

    def __init__(self, stack: Stack) -> None:
        members = len(stack.learned_RP)
        self._stack = stack
        self._best_R = torch.full((members,), np.inf, dtype=torch.float64, device=stack.device)
        self._kept: list[Tensor] = []  # as what `Stack.moving` gives
        self.step_R = torch.zeros(members, dtype=torch.int64, device=stack.device)

    def see(self, loss_R: Tensor, step: int) -> None:
        """Take the members whose loss at `step` is the lowest so far; a loss that is nan never is."""
        better_R = loss_R < self._best_R
        self._best_R = torch.where(better_R, loss_R, self._best_R)
        taken_R = better_R | ~torch.isfinite(self._best_R)
        self.step_R = torch.where(taken_R, step, self.step_R)
        if not self._kept:
            self._kept = [moving_RP.clone() for moving_RP in self._stack.moving()]
        else:
            for moving_RP, kept_RP in zip(self._stack.moving(), self._kept, strict=True):
                torch.where(taken_R[:, None], moving_RP, kept_RP, out=kept_RP)

    def state(self) -> Arrays:
        """Return copies of all of it, for a checkpoint."""
        kept = {f"kept{i or ''}": kept_RP.cpu().numpy().copy() for i, kept_RP in enumerate(self._kept)}
        return {"best": self._best_R.cpu().numpy().copy(), "step": self.step_R.cpu().numpy().copy(), **kept}

    def restore_state(self, state: Arrays) -> None:
        """Go on from what `state` returned."""
        device = self._stack.device
        self._best_R = torch.from_numpy(state["best"]).to(device, copy=True)
        self.step_R = torch.from_numpy(state["step"]).to(device, copy=True)
        names = [f"kept{i or ''}" for i in range(len(self._stack.moving()))]
        self._kept = [torch.from_numpy(state[name]).to(device, copy=True) for name in names if name in state]

    def restore(self) -> None:
        """Put every member's early stop back in place."""
        for moving_RP, kept_RP in zip(self._stack.moving(), self._kept, strict=bool(self._kept)):
            moving_RP.copy_(kept_RP)


class Notes:
    """The numbers noted of every member, fetched from the device all at once when rows are asked for."""

    def __init__(self, members: int) -> None:
        self._rows: list[list[Row]] = [[] for _ in range(members)]
        self._noted: list[tuple[str, Tensor, Tensor]] = []

    def add(self, metric: str, step: int | Tensor, value_R: Tensor) -> None:
        """Note one number a member; a tensor of steps has one a member."""
        step_R = step if isinstance(step, Tensor) else torch.full(value_R.shape, step)
        self._noted.append((metric, step_R, value_R.clone()))

    def rows(self) -> list[list[Row]]:
        """Return the rows of each member, in the order in which they were noted."""
        for metric, step_R, value_R in self._noted:
            for member, step, value in zip(self._rows, step_R.tolist(), value_R.tolist(), strict=True):
                member.append(Row(metric, step, value))
        self._noted.clear()
        return self._rows

    def restore(self, rows: Sequence[Sequence[Row]]) -> None:
        """Go on from the rows of a checkpoint."""
        self._rows = [list(each) for each in rows]
