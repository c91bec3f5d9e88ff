"""The engine: trains and evaluates a population as one tensor program.

A member's parameters are one row of a flat tensor; the layers see views of it. The optimiser, the masks and the
snapshots work on whole rows. Nothing here depends on how many members there are or where in the stack one stands, and
a member's row starts at a multiple of 64 floats, so on a CPU a member packed with others equals the same member alone,
bit for bit.

Tensors are named by shape: R members, P flat parameters, N examples.
"""

from __future__ import annotations

import gc
import math
import time
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data import load_set
from harness.engine import _control, _moving, _saliency, _scores, _switches  # noqa: F401, which register what they know
from harness.engine import _untrained as untrained
from harness.engine._feed import Feed
from harness.engine._machine import computer, device_name, matmul_flops, precision, settings, versions
from harness.engine._measuring import EarlyStop, Evaluator, Notes
from harness.engine._stack import stacked
from harness.engine._updates import Updates
from harness.kernels import out_of_memory
from harness.population import Arrays, Checkpoint, Computed, MemberResult, Population, Program, Report, Saver

_peaks: dict[tuple[Program, torch.device], tuple[int, int]] = {}  # bytes that one and two members took

Slots = dict[str, NDArray[np.float32] | NDArray[np.bool_]]

MEMORY_SHARE = 0.8  # of a GPU's free memory that populations may take


def compute(
    population: Population, *, device: str = "cpu", report: Report = lambda steps: None, saver: Saver | None = None
) -> Computed:
    """Train every member of `population`, or measure what its program asks for without training.

    Of a training it returns the validation curve, test accuracy after the last step and at the early stop (minimum
    validation loss), snapshots, and end parameters. A member whose loss or parameters are no longer finite has
    diverged: its accuracies are the task's chance accuracy. With a `saver`, a long training is saved every few minutes
    and goes on from where an earlier one stood; raises StoppedError where the saver says that the run is to end.
    """
    recipe = population.program.recipe
    numerics = "float32" if recipe is None else recipe.numerics
    with precision(numerics):
        if recipe is None:
            return _without_training(population, torch.device(device))
        course = _Course(population, torch.device(device))
        course.train(report, saver)
        return course.finish(matmul_flops(torch.device(device), numerics))


def _without_training(population: Population, device: torch.device) -> Computed:
    data = load_set(population.program.task.source).digest
    rate, started = matmul_flops(device, "float32"), time.perf_counter()
    results = untrained.measure(population, device)
    return _computed(results, time.perf_counter() - started, device, rate, data)


def _computed(
    results: tuple[MemberResult, ...], wall_s: float, device: torch.device, rate: float, data: str
) -> Computed:
    return Computed(results, wall_s, device_name(device), versions(device), settings(), rate, computer(device), data)


class _Course:
    """One population on its way: its stack, what was noted and kept of it so far."""

    def __init__(self, population: Population, device: torch.device) -> None:
        self.data = load_set(population.program.task.source).digest  # before time is taken: it is read once a process
        self.started = time.perf_counter()
        self.population = population
        self.stack = stacked(population, device)
        self.feed = Feed(population, device)
        self.early = EarlyStop(self.stack)
        self.notes = Notes(len(population.members))
        self.slots: list[Slots] = [{} for _ in population.members]
        self.diverged_R = torch.zeros(len(population.members), dtype=torch.bool, device=device)

    def train(self, report: Report, saver: Saver | None) -> None:
        """Make the updates, with what is noted and kept on the way."""
        population, recipe = self.population, self.population.program.recipe
        assert recipe is not None
        updates = Updates(population, self.stack, self.feed)
        validate = Evaluator(population, self.stack, self.feed, "validation")
        device = self.stack.device
        made_with = {"device": device_name(device), "data": self.data, **versions(device), **settings()}
        at, last = population.program.first_step, population.last_step
        if saver is not None and (saved := saver.load(population, made_with)) is not None:
            self._restore(saved, updates)
            at = saved.step
            report(at - population.program.first_step)
        elif at in population.snapshots:
            self._keep(str(at))
        for step in updates.run(report, at=at):
            if population.trace_every and step % population.trace_every == 0:
                self.notes.add("train_loss", step, updates.loss_R)
            if step in population.snapshots:
                self._keep(str(step))
            if step % recipe.validate_every == 0 or step == last:
                loss_R = self._measure(validate, "validation", step)[0]
                if self.stack.settled(step):
                    self.early.see(loss_R, step)
            if saver is not None and saver.due(at_end=step == last):
                wall_s = time.perf_counter() - self.started
                state = self._state(updates)
                saver.save(population, Checkpoint(step, wall_s, made_with, state, self.notes.rows()))
        self._keep("end")

    def finish(self, matmul_rate: float) -> Computed:
        """Measure on the test set, after the last step and at the early stop, and return everything."""
        population, program = self.population, self.population.program
        test = Evaluator(population, self.stack, self.feed, "test")
        _, right_RN = self._measure(test, "test", population.last_step)
        if program.task.keeps_answers:
            for slots, right in zip(self.slots, right_RN.cpu().numpy(), strict=True):
                slots["correct"] = right.copy()
        diverged_R = self.diverged_R.tolist()
        for slots, mask in zip(self.slots, self.stack.masks() or (), strict=False):
            slots["mask"] = mask
        if self.stack.played() is None:
            self.early.restore()
            self.notes.add("early_stop_accuracy", self.early.step_R, test.outcome()[1])
        each = zip(population.members, self.notes.rows(), self.slots, diverged_R, strict=True)
        results = tuple(MemberResult(member.unit, tuple(rows), slots, bad) for member, rows, slots, bad in each)
        return _computed(results, time.perf_counter() - self.started, self.stack.device, matmul_rate, self.data)

    def _keep(self, slot: str) -> None:
        for slots, flat in zip(self.slots, self.stack.kept().cpu().numpy(), strict=True):
            slots[slot] = flat.copy()

    def _measure(self, evaluator: Evaluator, split: str, step: int) -> tuple[Tensor, Tensor]:
        """Note how good each member is, and return its loss and right answers; of one that plays, minus its return."""
        if (mean_R := self.stack.played()) is not None:
            self.diverged_R = ~self.stack.finite()
            self.notes.add("mean_return" if split == "test" else "return_so_far", step, mean_R)
            return -mean_R, torch.zeros(len(mean_R), 0, dtype=torch.bool)
        loss_R, accuracy_R, self.diverged_R, right_RN = evaluator.outcome()
        self.notes.add(f"{split}_loss", step, loss_R)
        if split == "validation" and self.population.program.task.reads_tokens:
            self.notes.add("loss_so_far", step, loss_R)
        self.notes.add(f"{split}_accuracy", step, accuracy_R)
        return loss_R, right_RN

    def _state(self, updates: Updates) -> Arrays:
        """Return everything that changes from step to step, by name: what `_restore` puts back."""
        state: Arrays = {
            "learned": self.stack.learned_RP.cpu().numpy().copy(),
            "diverged": self.diverged_R.cpu().numpy().copy(),
        }
        for i, group in enumerate(updates.optimiser.param_groups):
            for name, value in updates.optimiser.state[group["params"][0]].items():
                if torch.is_tensor(value):
                    state[f"optimiser/{i}/{name}"] = value.cpu().numpy().copy()
        state |= {f"stack/{name}": array for name, array in self.stack.state().items()}
        state |= {f"early/{name}": array for name, array in self.early.state().items()}
        return state | {f"slot/{slot}": np.stack([member[slot] for member in self.slots]) for slot in self.slots[0]}

    def _restore(self, saved: Checkpoint, updates: Updates) -> None:
        """Put back in place what `_state` returned, and the rows so far."""
        self.started -= saved.wall_s
        device = self.stack.device
        self.stack.learned_RP.copy_(torch.from_numpy(saved.arrays["learned"]))
        self.diverged_R = torch.from_numpy(saved.arrays["diverged"]).to(device, copy=True)
        self.early.restore_state({n[6:]: array for n, array in saved.arrays.items() if n.startswith("early/")})
        self.stack.restore_state({n[6:]: array for n, array in saved.arrays.items() if n.startswith("stack/")})
        for name, array in saved.arrays.items():
            kind, _, rest = name.partition("/")
            if kind == "optimiser":  # a copy of our own: aligned as torch would allocate it
                group, _, value = rest.partition("/")
                (rows_RP,) = updates.optimiser.param_groups[int(group)]["params"]
                updates.optimiser.state[rows_RP][value] = torch.from_numpy(array).to(device, copy=True)
            elif kind == "slot":
                for member, flat in zip(self.slots, array, strict=True):
                    member[rest] = flat.copy()
        self.notes.restore(saved.rows)


def compute_within_memory(
    population: Population,
    *,
    device: str = "cpu",
    report: Report = lambda steps: None,
    saver: Saver | None = None,
    places: int = 1,
) -> Computed:
    """Compute `population`; where a device's memory does not hold it, one half after the other.

    On a GPU, of which `places` workers compute at once, the size that fits is found ahead, by one update and one
    evaluation. Raises what says that memory was out when not even one member fits.
    """
    members = population.members
    try:
        if len(members) == 1 or len(members) <= most_members(population, torch.device(device), places):
            return compute(population, device=device, report=report, saver=saver)
    except RuntimeError as error:
        if len(members) == 1 or not out_of_memory(error):
            raise
    gc.collect()  # a failed attempt, its graphs and their memory
    torch.cuda.empty_cache()
    middle = len(members) // 2
    one, other = (
        compute_within_memory(
            replace(population, members=half),
            device=device,
            report=report,
            saver=None if saver is None else saver.part(number, population),
            places=places,
        )
        for number, half in enumerate((members[:middle], members[middle:]))
    )
    return replace(one, members=one.members + other.members, wall_s=one.wall_s + other.wall_s)


def most_members(population: Population, device: torch.device, places: int = 1) -> float:
    """Return how many members of a program a GPU's memory holds, by what one and two of them take; inf on a CPU.

    Each of `places` workers has its share of the memory, and no more of it than is free.
    """
    if device.type == "cpu" or population.program.recipe is None:
        return math.inf
    of = population.program.packs, device
    if of not in _peaks:  # once a program: a ladder's populations run the same one
        one, two = (_peak_bytes(replace(population, members=population.members[:n]), device) for n in (1, 2))
        _peaks[of] = one, two
    one, two = _peaks[of]
    free, whole = torch.cuda.mem_get_info(device)
    share = MEMORY_SHARE * min(free + torch.cuda.memory_reserved(device), whole / places)
    return max(1, (share - one) // max(two - one, 1) + 1)


def _peak_bytes(population: Population, device: torch.device) -> int:
    """Return the most memory that one update and one evaluation take together, as if neither gave any to the other."""
    recipe = population.program.recipe
    assert recipe is not None
    taken = []
    with precision(recipe.numerics):
        stack, feed = stacked(population, device), Feed(population, device)
        updates = Updates(population, stack, feed)
        evaluate = Evaluator(population, stack, feed, "validation")
        for step in (partial(_one_update, updates), evaluate):
            torch.cuda.reset_peak_memory_stats(device)
            step()
            taken.append(torch.cuda.max_memory_allocated(device))
    return sum(taken)


def _one_update(updates: Updates) -> None:
    """Make one, with room for the batches of as many steps as a training draws at a time."""
    made = updates.run()
    next(made)
    made.close()
