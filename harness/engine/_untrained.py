"""What is measured without training: accuracy on a split, accuracy along a path, magnitudes.

Tensors are named by shape: R members, T points of a path, P flat parameters, N examples.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.engine import _survivors as survivors
from harness.engine._feed import Feed
from harness.engine._measuring import Evaluator, Notes
from harness.engine._stack import Stack, stacked
from harness.expression import Split, ones
from harness.population import Member, MemberResult, Population


def measure(population: Population, device: torch.device) -> tuple[MemberResult, ...]:
    """Return what the population's program, which has no recipe, asks to be measured of every member.

    A member whose loss or weights are not finite has diverged: its accuracies are the task's chance accuracy.
    """
    program, members = population.program, population.members
    if program.magnitudes:
        return tuple(_magnitudes(population, member) for member in members)
    stack, feed, notes = stacked(population, device), Feed(population, device), Notes(len(members))
    answers: list[dict[str, NDArray[np.bool_]]] = [{} for _ in members]
    if program.points:
        diverged_R = _path(population, stack, feed, notes)
    else:
        diverged_R, right_RN = _accuracies(population, stack, feed, notes)
        if program.task.fixed_test:
            answers = [{"correct": right.copy()} for right in right_RN.cpu().numpy()]
    each = zip(members, notes.rows(), answers, diverged_R.tolist(), strict=True)
    return tuple(MemberResult(member.unit, tuple(rows), {**slots}, bad) for member, rows, slots, bad in each)


def _magnitudes(population: Population, member: Member) -> MemberResult:
    network = population.program.network
    mask = ones(network) if member.mask is None else member.mask
    bad = not np.isfinite(member.start).all()
    return MemberResult(member.unit, tuple(survivors.magnitude_rows(network, member.start, mask)), {}, bad)


def _accuracies(population: Population, stack: Stack, feed: Feed, notes: Notes) -> tuple[Tensor, Tensor]:
    """Note loss and accuracy on the test set, and on another split that the program names.

    Returns whether a member has diverged, (R,), and which test answers are right, (R, N).
    """
    split = population.program.split
    loss_R, test_R, diverged_R, right_RN = Evaluator(population, stack, feed, Split.TEST).outcome()
    notes.add("test_loss", 0, loss_R)
    notes.add("test_accuracy", 0, test_R)
    if split is not Split.TEST:
        loss_R, accuracy_R, bad_R, _ = Evaluator(population, stack, feed, split).outcome()
        notes.add(f"{split}_loss", 0, loss_R)
        notes.add(f"{split}_accuracy", 0, accuracy_R)
        if split is Split.TRAIN:
            notes.add("generalisation_gap", 0, accuracy_R - test_R)
        diverged_R = diverged_R | bad_R
    return diverged_R, right_RN


def _path(population: Population, stack: Stack, feed: Feed, notes: Notes) -> Tensor:
    """Note accuracy on the test set along the straight line from each member's start to its end, barrier and distance.

    The stack's parameters are set in place to each point. Returns whether either end has diverged, shape (R,). See
    `expression.between`.
    """
    program, members = population.program, population.members
    evaluate = Evaluator(population, stack, feed, Split.TEST)
    a_RP = stack.learned_RP.clone()
    b_RP = torch.from_numpy(np.stack([_end(member) for member in members])).to(stack.device)
    errors, bad = [], []
    for i in range(program.points):
        t = i / (program.points - 1)
        torch.mul(a_RP, 1 - t, out=stack.learned_RP).add_(b_RP, alpha=t)
        loss_R, accuracy_R, bad_R, _ = evaluate.outcome()
        notes.add("path_loss", i, loss_R)
        notes.add("path_accuracy", i, accuracy_R)
        errors.append(1 - accuracy_R)
        bad.append(bad_R)
    error_TR, diverged_R = torch.stack(errors), bad[0] | bad[-1]
    barrier_R = error_TR.amax(0) - (error_TR[0] + error_TR[-1]) / 2
    notes.add("barrier", 0, torch.where(diverged_R, 1 - program.task.chance, barrier_R))
    distance_R, relative_R = _distances(population)
    notes.add("distance", 0, torch.from_numpy(distance_R))
    notes.add("relative_distance", 0, torch.from_numpy(relative_R))
    return diverged_R


def _end(member: Member) -> NDArray[np.float32]:
    assert member.end is not None
    return member.end


def _distances(population: Population) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return |a - b| over the prunable weights, and that over the mean of |a| and |b|; shapes (R,), nan if diverged."""
    places = np.concatenate(
        [np.arange(t.offset, t.offset + t.size) for t in population.program.network.prunable().values()]
    )
    distances, norms = [], []
    for member in population.members:
        a, b = (flat[places].astype(np.float64) for flat in (member.start, _end(member)))
        with np.errstate(invalid="ignore"):  # of a training that diverged
            distances.append(np.linalg.norm(a - b))
            norms.append((np.linalg.norm(a) + np.linalg.norm(b)) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.array(distances), np.array(distances) / np.array(norms)
