"""The updates of a population: one step for all members at once, on tensors that stay where they are.

What a step reads (its batch, its learning rate) lies in device tensors filled for many steps ahead, and a counter on
the device says which step it is; so a step never waits for the host and can be captured.

Tensors are named by shape: R members, P flat parameters, B examples, K images an input, C classes, G groups of
members that share their learning rates.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator
from functools import partial

import torch
from torch import Tensor

from harness.engine._by_hand import ByHand, stands_in
from harness.engine._capture import Captured
from harness.engine._feed import Feed
from harness.engine._machine import arithmetic
from harness.engine._noise import Noise
from harness.engine._optimisers import optimiser
from harness.engine._stack import Stack
from harness.engine._supply import Supply
from harness.engine._teacher import Teacher
from harness.population import Population, Report
from harness.population import chunks as chunks_of
from harness.streams import word

AHEAD = 2  # chunks that are drawn while a GPU is busy


class Updates:
    """Makes a program's updates in place, with an optimiser that starts empty; `loss_R` are the last batch's losses."""

    def __init__(self, population: Population, stack: Stack, feed: Feed) -> None:
        program, device = population.program, stack.device
        assert program.recipe is not None
        self.population, self.stack, self.feed = population, stack, feed
        self.loss_R = torch.zeros(len(population.members), device=device)
        self._numerics = program.recipe.numerics
        self._penalties, self._clip = (program.recipe.l1, program.recipe.l2), program.recipe.clip
        runs = [
            (recipe, len(list(same)))
            for recipe, same in itertools.groupby(member.recipe or program.recipe for member in population.members)
        ]
        ends = list(itertools.accumulate((count for _, count in runs), initial=0))
        rows = [_rows(stack.learned_RP, first, last) for first, last in itertools.pairwise(ends)]
        # torch's fused updates read a rate on a GPU as float32, on a CPU as float64
        self._rate_type = torch.float64 if device.type == "cpu" else torch.float32
        self._rates = [torch.zeros((), dtype=self._rate_type, device=device) for _ in runs]
        self._recipes = [recipe for recipe, _ in runs]
        self._mask_rows = [stack.mask_RP[first:last] for first, last in itertools.pairwise(ends)]
        self.optimiser = optimiser(program.recipe.optimiser, rows, self._rates)
        self._at, self._first = (torch.zeros(1, dtype=torch.int64, device=device) for _ in range(2))
        words = [word(m.replicate, "dropout", m.dropout_draw) for m in population.members]
        self._teacher = None if program.teacher is None else Teacher(population, feed)
        self._keys_R = torch.tensor(words, device=device) if program.network.dropouts else None
        self._by_hand: ByHand | None = None  # made where there are batches
        self._steps = {change: Captured(device) for change in (False, True)}  # of which one may never be called

    def run(self, report: Report = lambda steps: None, *, at: int | None = None) -> Generator[int]:
        """Make the updates from the program's first step, or from a later one, `at`; yield how many are made so far."""
        program, last = self.population.program, self.population.last_step
        begin = program.first_step if at is None else at
        reported, told = begin, time.monotonic()
        chunks = list(chunks_of(program, begin, last))
        most = max((count for _, count in chunks), default=0)
        supply = Supply(self.feed, most, ahead=0 if self.stack.device.type == "cpu" else AHEAD)
        self._batches = supply.now
        self._table = torch.zeros((most, len(self._recipes)), dtype=self._rate_type, device=self.stack.device)
        self._by_hand = self._written_out() if stands_in(self.population, self.stack, self.feed) else None
        for first, count in supply.chunks(chunks):
            self._begin(first, count)
            for step in range(first, first + count):
                if change := self.stack.changes(step):
                    self.stack.prepare(step)
                self._steps[change](partial(self._update, change=change))
                if time.monotonic() - told > 0.5:
                    report(step + 1 - reported)
                    reported, told = step + 1, time.monotonic()
                yield step + 1
        report(last - reported)

    def _update(self, *, change: bool) -> None:
        """Make one update and count it: nothing here waits for the device or reads the host."""
        if self._by_hand is not None:
            self._by_hand()
            return
        images_RBK, answers_RB, crops_RBK = (
            None if of_steps is None else of_steps.index_select(1, self._at)[:, 0] for of_steps in self._batches
        )
        assert images_RBK is not None
        assert answers_RB is not None
        answers_RB = answers_RB.flatten(1).long()  # one a token, where an example has several
        rates_G = self._table.index_select(0, self._at)[0]
        for rate, now in zip(self._rates, rates_G, strict=True):
            rate.copy_(now)
        step_1 = self._first + self._at
        noise = None if self._keys_R is None else Noise(self._keys_R, step_1)
        leaves = self.stack.leaves()
        inputs_RBI = self.stack.seen(self.feed.inputs(images_RBK, crops_RBK))
        with arithmetic(self.stack.device, self._numerics):
            logits_RBC = self.stack.forward(leaves, inputs_RBI, noise, step_1)
        loss_R = self.stack.objective(logits_RBC, answers_RB)
        if self._teacher is not None:
            loss_R = self._teacher.distilled(loss_R, logits_RBC, inputs_RBI)
        gradients = self.stack.gradients(loss_R, leaves)
        if change:
            self.stack.change(gradients, step_1)
            self._forget()
        else:
            self.stack.put_gradients(gradients)
            self.stack.penalise(*self._penalties)
            if self._clip:
                self.stack.clip(self._clip)
            self.optimiser.step()
            self.stack.after_step()
        self.loss_R.copy_(loss_R.detach())
        self._at += 1

    def _written_out(self) -> ByHand:
        """Return the update by hand, on the tensors that steps read and leave behind here."""
        return ByHand(
            self.population,
            self.stack,
            self.feed,
            self.optimiser,
            batches=self._batches,
            rates_SG=self._table,
            at_1=self._at,
            loss_R=self.loss_R,
        )

    def _forget(self) -> None:
        """Set to zero what the optimiser has of weights that are masked now: where they grow again, they begin anew."""
        for group, mask_RP in zip(self.optimiser.param_groups, self._mask_rows, strict=True):
            for value in self.optimiser.state[group["params"][0]].values():
                if torch.is_tensor(value) and value.shape == mask_RP.shape:
                    value.mul_(mask_RP)

    def _begin(self, first: int, count: int) -> None:
        """Say from which step on steps are made, and with which rates."""
        rates = [[recipe.learning_rate(step) for recipe in self._recipes] for step in range(first, first + count)]
        self._table[:count].copy_(torch.tensor(rates, dtype=self._rate_type))
        self._first.fill_(first)
        self._at.zero_()


def _rows(learned_RP: Tensor, first: int, last: int) -> Tensor:
    """Return members `first` to `last - 1` as a parameter of their own, with their part of the gradient."""
    rows_RP = learned_RP[first:last].detach()
    assert learned_RP.grad is not None
    rows_RP.grad = learned_RP.grad[first:last]
    return rows_RP
