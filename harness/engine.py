"""The engine: trains and evaluates a population as one tensor program.

A member's parameters are one row of a flat tensor; the layers see views of it. The optimiser, the masks and the
snapshots work on whole rows. Nothing here depends on how many members there are or where in the stack one stands, and
a member's row starts at a multiple of 64 floats, so on a CPU a member packed with others equals the same member alone,
bit for bit.

Tensors are named by shape: R members, P flat parameters, B examples, K images an input, I inputs, C classes.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from harness import tasks
from harness.checkpoint import Arrays, Checkpoint, Saver
from harness.data import DataSet
from harness.expression import Scores, layer_keep
from harness.masks import learned_bits, ones
from harness.network import Network, kept_counts
from harness.nn import Moments, forward
from harness.pixels import cropped, scaled
from harness.population import Computed, Member, MemberResult, Population, Program, Report, Row
from harness.recipe import SGD, Adam, Optimiser
from harness.tasks import Augment, Examples, Scaling

Correct = NDArray[np.bool_]  # (members, examples): whether an answer is the right one

CHUNK = 100  # steps whose batches are drawn on the host at a time, where an epoch has fewer
EVALUATION_CHUNK = 1000  # examples in one evaluation pass


def compute(
    population: Population, *, device: str = "cpu", report: Report = lambda steps: None, saver: Saver | None = None
) -> Computed:
    """Train (or only evaluate) every member of `population`.

    Returns each member's validation curve, test accuracy after the last step and at the early stop (minimum validation
    loss), snapshots, and end parameters. A member whose loss or parameters are no longer finite has diverged: its
    accuracies are the task's chance accuracy. With a `saver`, a long training is saved every few minutes and goes on
    from where an earlier one stood; raises StoppedError where the saver says that the run is to end.
    """
    started = time.perf_counter()
    stack = _stack(population, torch.device(device))
    rows: list[list[Row]] = [[] for _ in population.members]
    arrays: list[dict[str, NDArray[np.float32] | NDArray[np.bool_]]] = [{} for _ in population.members]
    data = _Data(population, stack.device)
    recipe = population.program.recipe
    last = population.last_step
    diverged = np.zeros(len(rows), np.bool_)
    early = _EarlyStop(stack)

    def keep(slot: str) -> None:
        for member, flat in zip(arrays, stack.learned_RP.cpu().numpy(), strict=True):
            member[slot] = flat.copy()

    def evaluate(split: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], Correct]:
        loss_R, correct_RN = data.evaluate(stack, split)
        bad_R = ~np.isfinite(loss_R) | ~stack.finite()
        return loss_R, np.where(bad_R, population.program.task.chance, correct_RN.mean(1)), bad_R, correct_RN

    def note(metric: str, step_R: Iterable[int], value_R: Iterable[float]) -> None:
        for member, step, value in zip(rows, step_R, value_R, strict=True):
            member.append(Row(metric, int(step), float(value)))

    def measure(split: str, step: int) -> tuple[NDArray[np.float64], Correct]:
        loss_R, accuracy_R, diverged[:], correct_RN = evaluate(split)
        note(f"{split}_loss", [step] * len(rows), loss_R)
        note(f"{split}_accuracy", [step] * len(rows), accuracy_R)
        return loss_R, correct_RN

    if recipe is not None:
        optimiser = _optimiser(recipe.optimiser, stack.learned_RP)
        made_with = {"device": device_name(stack.device), **versions(), **settings()}
        at = population.program.first_step
        if saver is not None and (saved := saver.load(population, made_with)) is not None:
            at, started = saved.step, started - saved.wall_s
            _restore(saved, stack, optimiser, early, rows, arrays, diverged)
            report(at - population.program.first_step)
        elif population.program.first_step in population.snapshots:
            keep(str(population.program.first_step))
        for step, loss_R in train(population, stack, data, report, optimiser=optimiser, at=at):
            if population.trace_every and step % population.trace_every == 0:
                note("train_loss", [step] * len(rows), loss_R.cpu().numpy())
            if step in population.snapshots:
                keep(str(step))
            if step % recipe.validate_every == 0 or step == last:
                early.see(measure("validation", step)[0], step)
            if saver is not None and saver.due(at_end=step == last):
                state = _state(stack, optimiser, early, arrays, diverged)
                saver.save(population, Checkpoint(step, time.perf_counter() - started, made_with, state, rows))
        keep("end")
    _, correct_RN = measure("test", last)
    if population.program.task.fixed_test:
        for slots, correct in zip(arrays, correct_RN, strict=True):
            slots["correct"] = correct
    if recipe is not None:
        early.restore()
        note("early_stop_accuracy", early.step_R, evaluate("test")[1])
    if population.program.learn is not None:
        for member in arrays:
            scores = np.asarray(member["end"], np.float32)
            member["mask"] = learned_bits(stack.network, scores, population.program.learn.keep)
    results = tuple(
        MemberResult(member.unit, tuple(r), a, bool(d))
        for member, r, a, d in zip(population.members, rows, arrays, diverged, strict=True)
    )
    wall_s = time.perf_counter() - started
    rate = matmul_flops(stack.device, "float32" if recipe is None else recipe.numerics)
    return Computed(results, wall_s, device_name(stack.device), versions(), settings(), rate)


def _state(
    stack: _Stack,
    optimiser: torch.optim.Optimizer,
    early: _EarlyStop,
    arrays: list[dict[str, NDArray[np.float32] | NDArray[np.bool_]]],
    diverged: NDArray[np.bool_],
) -> Arrays:
    """Return everything that changes from step to step, by name: what `_restore` puts back."""
    state: Arrays = {"learned": stack.learned_RP.cpu().numpy().copy(), "diverged": diverged.copy()}
    for name, value in optimiser.state[stack.learned_RP].items():
        if torch.is_tensor(value):
            state[f"optimiser/{name}"] = value.cpu().numpy().copy()
    state |= {f"early/{name}": array for name, array in early.state().items()}
    return state | {f"slot/{slot}": np.stack([member[slot] for member in arrays]) for slot in arrays[0]}


def _restore(
    saved: Checkpoint,
    stack: _Stack,
    optimiser: torch.optim.Optimizer,
    early: _EarlyStop,
    rows: list[list[Row]],
    arrays: list[dict[str, NDArray[np.float32] | NDArray[np.bool_]]],
    diverged: NDArray[np.bool_],
) -> None:
    """Put back in place what `_state` returned, and the rows so far."""
    with torch.no_grad():
        stack.learned_RP.copy_(torch.from_numpy(saved.arrays["learned"]))
    diverged[:] = saved.arrays["diverged"]
    early.restore_state({name[6:]: array for name, array in saved.arrays.items() if name.startswith("early/")})
    for name, array in saved.arrays.items():
        kind, _, rest = name.partition("/")
        if kind == "optimiser":  # a copy of our own: aligned as torch would allocate it
            optimiser.state[stack.learned_RP][rest] = torch.from_numpy(array).to(stack.device, copy=True)
        elif kind == "slot":
            for member, flat in zip(arrays, array, strict=True):
                member[rest] = flat.copy()
    for mine, before in zip(rows, saved.rows, strict=True):
        mine[:] = before


def compute_within_memory(
    population: Population, *, device: str = "cpu", report: Report = lambda steps: None, saver: Saver | None = None
) -> Computed:
    """Compute `population`; where a device's memory does not hold it, one half after the other.

    Raises torch.OutOfMemoryError when not even one member fits.
    """
    try:
        return compute(population, device=device, report=report, saver=saver)
    except torch.OutOfMemoryError:
        members = population.members
        if len(members) == 1:
            raise
    torch.cuda.empty_cache()
    middle = len(members) // 2
    one, other = (
        compute_within_memory(
            replace(population, members=half),
            device=device,
            report=report,
            saver=None if saver is None else saver.part(number, population),
        )
        for number, half in enumerate((members[:middle], members[middle:]))
    )
    return replace(one, members=one.members + other.members, wall_s=one.wall_s + other.wall_s)


def train(
    population: Population,
    stack: _Stack,
    data: _Data,
    report: Report,
    *,
    optimiser: torch.optim.Optimizer | None = None,
    at: int | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Make the program's updates in place; yields the absolute step count after each, and the batch's mean loss_R.

    They begin at the program's first step with an empty optimiser, or `at` a later one with the `optimiser` as it was.
    """
    program, last = population.program, population.last_step
    assert program.recipe is not None
    numerics = program.recipe.numerics
    if optimiser is None:
        optimiser = _optimiser(program.recipe.optimiser, stack.learned_RP)
    begin = program.first_step if at is None else at
    reported, told = begin, time.monotonic()
    for first, count in _chunks(program, begin, last):
        images_SRBK, answers_SRB = data.batches(first, first + count)
        crops_SRBK = data.crops(first, first + count)
        for i in range(count):
            step = first + i
            leaves = stack.leaves()
            inputs_RBI = data.inputs(images_SRBK[i], None if crops_SRBK is None else crops_SRBK[i])
            with arithmetic(stack.device, numerics):
                logits_RBC = forward(program.network, leaves, inputs_RBI)
            loss_R = _cross_entropy(logits_RBC, answers_SRB[i]).mean(1)
            # The sum over members of each member's mean: every member sees the gradient it would see alone.
            gradients = torch.autograd.grad(loss_R.sum(), list(leaves.values()))
            stack.put_gradients(dict(zip(leaves, gradients, strict=True)))
            for group in optimiser.param_groups:
                group["lr"] = program.recipe.learning_rate(step)
            optimiser.step()
            if time.monotonic() - told > 0.5:
                report(step + 1 - reported)
                reported, told = step + 1, time.monotonic()
            yield step + 1, loss_R.detach()
    report(last - reported)


def _chunks(program: Program, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Yield each chunk of steps `first` to `last`, its first step and length: long epochs whole, to be drawn once."""
    assert program.recipe is not None
    per_epoch = program.task.train_images // program.recipe.batch
    while first < last:
        end = first + CHUNK if per_epoch <= CHUNK else (first // per_epoch + 1) * per_epoch
        yield first, min(end, last) - first
        first = end


def arithmetic(device: torch.device, numerics: str) -> AbstractContextManager[object]:
    """Return the context of a forward pass: products in bfloat16 under autocast where the recipe says so.

    Parameters, gradients, the optimiser's state, BatchNorm's moments and the loss stay float32.
    """
    return nullcontext() if numerics == "float32" else torch.autocast(device.type, dtype=torch.bfloat16)


def _cross_entropy(logits_RBC: Tensor, answers_RB: Tensor) -> Tensor:
    flat = functional.cross_entropy(logits_RBC.flatten(0, 1), answers_RB.flatten(), reduction="none")
    return flat.view(answers_RB.shape)


def _optimiser(recipe: Optimiser, flat_RP: Tensor) -> torch.optim.Optimizer:
    match recipe:
        case Adam():
            betas = (recipe.beta1, recipe.beta2)
            return torch.optim.Adam([flat_RP], lr=recipe.lr, betas=betas, eps=recipe.eps, fused=True)
        case SGD():
            return torch.optim.SGD(
                [flat_RP], lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, fused=True
            )


class _Stack:
    """The stacked parameters of a population, trained under fixed masks.

    A removed weight is zero from the first step on: it starts at zero and its gradient is zeroed, so momentum, Adam's
    moments and weight decay keep it there.
    """

    def __init__(self, network: Network, members: tuple[Member, ...], device: torch.device) -> None:
        self.network = network
        self.device = device
        every = ones(network)
        mask_RP = np.stack([every if m.mask is None else m.mask for m in members]).astype(np.float32)
        start_RP = np.where(mask_RP > 0, np.stack([m.start for m in members]), np.float32(0))
        self.mask_RP = torch.from_numpy(mask_RP).to(device)
        self.learned_RP = torch.from_numpy(start_RP).to(device)
        self.learned_RP.grad = torch.zeros_like(self.learned_RP)
        self._mask = self.views(self.mask_RP)
        self._grad = self.views(self.learned_RP.grad)
        self._leaves = {name: view.detach().requires_grad_() for name, view in self.views(self.learned_RP).items()}

    def views(self, flat_RP: Tensor) -> dict[str, Tensor]:
        """Return each parameter tensor's view of `flat_RP`, shape (R, *shape), by name."""
        return {t.name: flat_RP[:, t.slice].view(-1, *t.shape) for t in self.network.tensors()}

    def leaves(self) -> dict[str, Tensor]:
        """Return the parameters of a forward pass, the tensors with respect to which gradients are taken."""
        return self._leaves

    def put_gradients(self, gradients: dict[str, Tensor]) -> None:
        """Take the gradients of the leaves over to the flat gradient, zero where a weight was removed."""
        for name, gradient in gradients.items():
            torch.mul(gradient, self._mask[name], out=self._grad[name])

    def finite(self) -> NDArray[np.bool_]:
        """Return for each member whether all its learned parameters are finite; shape (R,)."""
        return torch.isfinite(self.learned_RP).all(1).cpu().numpy()


class _EarlyStop:
    """Each member's learned parameters at its lowest validation loss so far, and the step that was."""

    def __init__(self, stack: _Stack) -> None:
        self._stack = stack
        self._best_R = np.full(len(stack.learned_RP), np.inf)
        self._kept_RP: Tensor | None = None
        self.step_R = np.zeros(len(stack.learned_RP), np.int64)

    def see(self, loss_R: NDArray[np.float64], step: int) -> None:
        """Take the parameters of the members whose loss at `step` is the lowest so far; a loss that is nan never is."""
        better_R = loss_R < self._best_R
        self._best_R[better_R] = loss_R[better_R]
        self.step_R[better_R] = step
        self.step_R[~np.isfinite(self._best_R)] = step
        if self._kept_RP is None:
            self._kept_RP = self._stack.learned_RP.clone()
        else:
            chosen_R = torch.from_numpy(better_R | ~np.isfinite(self._best_R)).to(self._stack.device)
            torch.where(chosen_R[:, None], self._stack.learned_RP, self._kept_RP, out=self._kept_RP)

    def state(self) -> Arrays:
        """Return copies of all of it, for a checkpoint."""
        kept = {} if self._kept_RP is None else {"kept": self._kept_RP.cpu().numpy().copy()}
        return {"best": self._best_R.copy(), "step": self.step_R.copy(), **kept}

    def restore_state(self, state: Arrays) -> None:
        """Go on from what `state` returned."""
        self._best_R[:], self.step_R[:] = state["best"], state["step"]
        if "kept" in state:
            self._kept_RP = torch.from_numpy(state["kept"]).to(self._stack.device, copy=True)

    def restore(self) -> None:
        """Put the parameters of every member's early stop back in place."""
        if self._kept_RP is not None:
            self._stack.learned_RP.copy_(self._kept_RP)


class _ScoreStack(_Stack):
    """Edge-popup (Ramanujan et al. 2020, section 3): the weights stay, a score a weight is learned.

    The forward pass uses the weights whose |score| is among the top k of their layer, scaled by sqrt(1/k). The
    backward pass goes straight through the choice to |score|, and from there to the score by its sign.
    """

    def __init__(self, network: Network, members: tuple[Member, ...], device: torch.device, learn: Scores) -> None:
        super().__init__(network, members, device)
        scores = [m.scores for m in members if m.scores is not None]
        self.learned_RP = torch.from_numpy(np.stack(scores)).to(device)
        self.learned_RP.grad = torch.zeros_like(self.learned_RP)
        self._grad = self.views(self.learned_RP.grad)
        self._scores = self.views(self.learned_RP)
        self._weights = {name: leaf.detach() for name, leaf in self._leaves.items()}
        counts = kept_counts(network, layer_keep(network, learn.keep))
        self._count = {f"{layer}.weight": count for layer, count in counts.items()}
        self._scale = math.sqrt(1 / learn.keep)

    def leaves(self) -> dict[str, Tensor]:
        leaves = {}
        for name, weights in self._weights.items():
            if name in self._count:
                chosen = top(self._scores[name].abs().flatten(1), self._count[name]).view_as(weights)
                weights = weights * chosen * self._scale
            leaves[name] = weights.detach().requires_grad_()
        return leaves

    def put_gradients(self, gradients: dict[str, Tensor]) -> None:
        for name in self._count:
            straight_through = gradients[name] * self._weights[name] * self._scale
            torch.mul(straight_through, self._scores[name].sign(), out=self._grad[name])


def top(magnitude_RN: Tensor, count: int) -> Tensor:
    """Return the masks of the `count` largest of each row, ties to the lower index; shape (R, N), dtype bool."""
    threshold_R1 = _largest(magnitude_RN, count)
    mask_RN = magnitude_RN >= threshold_R1
    surplus_R1 = mask_RN.sum(1, keepdim=True) - count
    if surplus_R1.any():  # ties at the threshold, or no number at all
        equal_RN = magnitude_RN == threshold_R1
        last_first_RN = equal_RN.flip(1).cumsum(1).flip(1)
        mask_RN &= ~(equal_RN & (last_first_RN <= surplus_R1))
    return mask_RN


def _largest(magnitude_RN: Tensor, count: int) -> Tensor:
    """Return the `count`-th largest value of each row, shape (R, 1)."""
    place = magnitude_RN.shape[1] - count
    if magnitude_RN.device.type == "cpu":  # numpy's selection is three times as fast as torch's
        return torch.from_numpy(np.partition(magnitude_RN.numpy(), place, axis=1)[:, place : place + 1])
    return torch.kthvalue(magnitude_RN, place + 1, dim=1, keepdim=True).values


def _stack(population: Population, device: torch.device) -> _Stack:
    program = population.program
    if program.learn is None:
        return _Stack(program.network, population.members, device)
    return _ScoreStack(program.network, population.members, device, program.learn)


def _source(name: DataSet, device: torch.device) -> Tensor:
    """Return all images of a data set on `device`, as they are stored: one copy for all members and populations."""
    return _copied(name, device) if device.type != "cpu" else torch.from_numpy(tasks.source(name)[0])


@cache
def _copied(name: DataSet, device: torch.device) -> Tensor:
    return torch.from_numpy(tasks.source(name)[0]).to(device)


class _Data:
    """The task's images on the device, and each member's batches and held-out examples as indices into them."""

    def __init__(self, population: Population, device: torch.device) -> None:
        self.population = population
        self.device = device
        self.task = population.program.task
        self.source_NI = _source(self.task.source, device)
        self._as_stored = self.source_NI.dtype == torch.float32 and self.task.scaling is Scaling.UNIT
        self._held_out: dict[str, tuple[Tensor, Tensor]] = {}

    def inputs(self, images_RBK: Tensor, crops_RBK: Tensor | None = None) -> Tensor:
        """Return the inputs made of the images at these indices, cropped where that is asked for; shape (R, B, I)."""
        pixels_NI = self.source_NI.index_select(0, images_RBK.flatten())
        if crops_RBK is not None:
            pixels_NI = cropped(pixels_NI, crops_RBK.flatten(), self.task)
        if not self._as_stored:
            pixels_NI = scaled(pixels_NI, self.task)
        return pixels_NI.view(*images_RBK.shape[:2], -1)

    def batches(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Return all members' batches of steps `first` to `last - 1`: images (S, R, B, K), answers (S, R, B)."""
        recipe = self.population.program.recipe
        assert recipe is not None
        drawn = [(m.replicate, m.order_draw) for m in self.population.members]
        made = {  # arms of one replicate share their batches
            each: tasks.batches(self.task, *each, size=recipe.batch, first=first, last=last) for each in set(drawn)
        }
        images = np.stack([made[each].images for each in drawn], axis=1)
        answers = np.stack([made[each].answers for each in drawn], axis=1)
        return torch.from_numpy(images).to(self.device), torch.from_numpy(answers).to(self.device)

    def crops(self, first: int, last: int) -> Tensor | None:
        """Return how the images of all members' batches are cropped, shape (S, R, B, K); None where they are not."""
        recipe = self.population.program.recipe
        if self.task.augment is Augment.NONE:
            return None
        assert recipe is not None
        drawn = [(m.replicate, m.augment_draw) for m in self.population.members]
        made = {each: tasks.crops(self.task, *each, size=recipe.batch, first=first, last=last) for each in set(drawn)}
        return torch.from_numpy(np.stack([made[each] for each in drawn], axis=1)).to(self.device)

    def held_out(self, split: str) -> tuple[Tensor, Tensor]:
        """Return images (R, B, K) and answers (R, B) of ``validation``, ``test`` or ``calibration``."""
        if split not in self._held_out:
            make: Callable[[Member], Examples] = (
                (lambda m: tasks.calibration(self.task, m.replicate))
                if split == "calibration"
                else (lambda m: tasks.held_out(self.task, m.replicate, split))
            )
            each = [make(m) for m in self.population.members]
            images = torch.from_numpy(np.stack([e.images for e in each])).to(self.device)
            answers = torch.from_numpy(np.stack([e.answers for e in each])).to(self.device)
            self._held_out[split] = (images, answers)
        return self._held_out[split]

    @torch.no_grad()
    def evaluate(self, stack: _Stack, split: str) -> tuple[NDArray[np.float64], Correct]:
        """Return each member's mean loss on `split`, shape (R,), and which examples it answers correctly.

        BatchNorm uses the moments of the fixed calibration inputs. Sums are taken on the host, member by member.
        """
        network, params = stack.network, stack.leaves()
        recipe = self.population.program.recipe
        numerics = "float32" if recipe is None else recipe.numerics
        moments: list[Moments] = []
        if network.batch_norms:
            with arithmetic(self.device, numerics):
                forward(network, params, self.inputs(self.held_out("calibration")[0]), collect=moments)
        losses, hits = [], []
        images_RBK, answers_RB = self.held_out(split)
        for first in range(0, answers_RB.shape[1], EVALUATION_CHUNK):
            images = images_RBK[:, first : first + EVALUATION_CHUNK]
            answers = answers_RB[:, first : first + EVALUATION_CHUNK]
            with arithmetic(self.device, numerics):
                logits_RBC = forward(network, params, self.inputs(images), moments=moments)
            losses.append(_cross_entropy(logits_RBC, answers).double().cpu().numpy())
            hits.append((logits_RBC.argmax(2) == answers).cpu().numpy())
        return np.concatenate(losses, 1).mean(1), np.concatenate(hits, 1)


def device_name(device: torch.device) -> str:
    """Return ``cpu``, or the model of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


@cache
def matmul_flops(device: torch.device, numerics: str) -> float:
    """Return the operations a second of square matrix products on this device: the best of a few, once a process."""
    n = 512 if device.type == "cpu" else 4096
    one_NN = torch.ones(n, n, device=device, dtype=torch.float32 if numerics == "float32" else torch.bfloat16)
    best = math.inf
    for _ in range(6):  # the first of them warms up
        started = time.perf_counter()
        product_NN = one_NN @ one_NN
        float(product_NN[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - started)
    return 2 * n**3 / best


def versions() -> dict[str, str]:
    """Return the versions that can change a training's last digits."""
    return {"torch": torch.__version__, "numpy": np.__version__, "cuda": torch.version.cuda or "none"}


def settings() -> dict[str, str]:
    """Return what else can change a training's last digits: torch's switches, threads, vector instructions."""
    return {
        "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "TF32": str(torch.backends.cuda.matmul.allow_tf32),
        "cuDNN benchmark": str(torch.backends.cudnn.benchmark),
        "threads": str(torch.get_num_threads()),
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
        "MKL_CBWR": os.environ.get("MKL_CBWR", "unset"),
    }
