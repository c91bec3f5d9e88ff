"""What is measured without training: accuracy on a split, accuracy along a path, magnitudes, masks.

Tensors are named by shape: R members, T points of a path, P flat parameters, N examples.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.engine import _survivors as survivors
from harness.engine._feed import Feed
from harness.engine._measuring import Evaluator, Notes
from harness.engine._stack import stacked
from harness.errors import RunError, nearest
from harness.expression import ANSWER_METRICS, Split, ones, overlap_values, structure_values
from harness.extensions import called, defined_at
from harness.population import Member, MemberResult, Population, Row

Slots = dict[str, NDArray[np.float32] | NDArray[np.bool_]]

Measure = Callable[..., tuple[MemberResult, ...]]  # of a population, a device and a measurement's settings

MEASUREMENTS: dict[str, Measure] = {}


def measurement(name: str) -> Callable[[Measure], Measure]:
    """Register the decorated function as what `expression.Measurement` calls `name`."""

    def register(function: Measure) -> Measure:
        MEASUREMENTS[name] = function
        return function

    return register


def measure(population: Population, device: torch.device) -> tuple[MemberResult, ...]:
    """Return what the population's program, which has no recipe, asks to be measured of every member.

    A member whose loss or weights are not finite has diverged: its accuracies are the task's chance accuracy. Raises
    RunError for a measurement of an unknown name.
    """
    asked = population.program.measurement
    return _named(asked.name)(population, device, **dict(asked.settings))


def _named(name: str) -> Measure:
    """Return the function of a measurement; a worker imports the module of one that is not the engine's."""
    module, _, function = name.partition(":")
    try:
        measure: Measure = getattr(importlib.import_module(module), function) if function else MEASUREMENTS[name]
    except (ImportError, AttributeError, KeyError) as error:
        raise RunError(
            f"no measurement {name!r}{nearest(name, MEASUREMENTS)} Measurements: {', '.join(MEASUREMENTS)}. "
            "Next: register it with @measurement, or name it package.module:function"
        ) from error
    return measure


def _results(
    population: Population, notes: Notes, diverged_R: Tensor, right_RN: Tensor | None = None
) -> tuple[MemberResult, ...]:
    """Return what was noted of every member, and which answers are right where that is kept."""
    kept: list[Slots] = [{} for _ in population.members]
    if right_RN is not None and population.program.task.keeps_answers:
        kept = [{"correct": right.copy()} for right in right_RN.cpu().numpy()]
    each = zip(population.members, notes.rows(), kept, diverged_R.tolist(), strict=True)
    return tuple(MemberResult(member.unit, tuple(rows), slots, bad) for member, rows, slots, bad in each)


@measurement("magnitudes")
def _magnitudes(population: Population, device: torch.device) -> tuple[MemberResult, ...]:
    """Return how large the weights are that each member's mask keeps, see `expression.magnitudes`."""
    network, results = population.program.network, []
    for member in population.members:
        mask = ones(network) if member.mask is None else member.mask
        rows = tuple(survivors.magnitude_rows(network, member.start, mask))
        results.append(MemberResult(member.unit, rows, {}, not np.isfinite(member.start).all()))
    return tuple(results)


@measurement("structure")
def _structures(population: Population, device: torch.device, also: tuple[str, ...] = ()) -> tuple[MemberResult, ...]:
    """Return what each member's mask leaves of the network, see `expression.structure`."""
    program = population.program
    return tuple(
        _counted(member, structure_values(program.network, program.task, _mask(member), also))
        for member in population.members
    )


@measurement("overlap")
def _overlaps(population: Population, device: torch.device) -> tuple[MemberResult, ...]:
    """Return what each member's two masks have in common, see `expression.compare_masks`."""
    network = population.program.network
    return tuple(
        _counted(member, overlap_values(network, _mask(member), _end(member) != 0)) for member in population.members
    )


def _counted(member: Member, values: Iterable[tuple[str, float]]) -> MemberResult:
    return MemberResult(member.unit, tuple(Row(name, 0, value) for name, value in values), {})


def _mask(member: Member) -> NDArray[np.bool_]:
    assert member.mask is not None
    return member.mask


@measurement("accuracy")
def _accuracies(
    population: Population, device: torch.device, split: Split = Split.TEST, also: Sequence[str] = ()
) -> tuple[MemberResult, ...]:
    """Return loss and accuracy on the test set, and on another `split`; and metrics of the answers on the test set."""
    stack, feed, notes = stacked(population, device), Feed(population, device), Notes(len(population.members))
    test = Evaluator(population, stack, feed, Split.TEST, logits=bool(also))
    loss_R, test_R, diverged_R, right_RN = test.outcome()
    notes.add("test_loss", 0, loss_R)
    notes.add("test_accuracy", 0, test_R)
    if also:
        logits_RNC, answers_RN = (tensor.cpu().numpy() for tensor in test.answers())
        for name in also:
            value_R = [_own(name, *each) for each in zip(logits_RNC, answers_RN, strict=True)]
            notes.add(name, 0, torch.where(diverged_R.cpu(), torch.nan, torch.tensor(value_R, dtype=torch.float64)))
    if split is not Split.TEST:
        loss_R, accuracy_R, bad_R, _ = Evaluator(population, stack, feed, split).outcome()
        notes.add(f"{split}_loss", 0, loss_R)
        notes.add(f"{split}_accuracy", 0, accuracy_R)
        if split is Split.TRAIN:
            notes.add("generalisation_gap", 0, accuracy_R - test_R)
        diverged_R = diverged_R | bad_R
    return _results(population, notes, diverged_R, right_RN)


@measurement("path")
def _path(population: Population, device: torch.device, points: int) -> tuple[MemberResult, ...]:
    """Return accuracy on the test set along the straight line from each member's start to its end, and how far it is.

    The stack's parameters are set in place to each of the `points`. A member has diverged where either end has. See
    `expression.between`.
    """
    program, members = population.program, population.members
    stack, feed, notes = stacked(population, device), Feed(population, device), Notes(len(members))
    evaluate = Evaluator(population, stack, feed, Split.TEST)
    a_RP = stack.learned_RP.clone()
    b_RP = torch.from_numpy(np.stack([_end(member) for member in members])).to(stack.device)
    errors, bad = [], []
    for i in range(points):
        t = i / (points - 1)
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
    return _results(population, notes, diverged_R)


def _own(name: str, logits: NDArray[np.float64], answers: NDArray[np.int64]) -> float:
    """Return what a metric of answers gives. Raises RunError for what is no finite number."""
    if not np.isfinite(logits).all():
        return math.nan
    function = ANSWER_METRICS[name]
    correct = "correct the function that @answer_metric decorates"
    with called(f"metric {name!r}, of a net's answers", function, next=correct, error=RunError):
        given = function(logits.copy(), answers.copy())
    try:
        value = math.nan if isinstance(given, str) else float(given)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise RunError(
            f"metric {name!r} gave {given!r} of {logits.shape} logits, at {defined_at(function)}. Next: {correct}: it "
            "returns a finite number"
        )
    return value


@measurement("together")
def _together(population: Population, device: torch.device) -> tuple[MemberResult, ...]:
    """Return how often each member's start and end answer differently, and how right their mean is."""
    stack, feed, notes = stacked(population, device), Feed(population, device), Notes(len(population.members))
    test = Evaluator(population, stack, feed, Split.TEST, logits=True)
    chosen, shares, bad = [], [], []
    for flat_RP in (stack.learned_RP.clone(), torch.from_numpy(np.stack([_end(m) for m in population.members]))):
        stack.learned_RP.copy_(flat_RP)
        bad.append(test.outcome()[2])
        logits_RNC, answers_RN = test.answers()
        chosen.append(logits_RNC.argmax(2))
        shares.append(logits_RNC.softmax(2))
    diverged_R = bad[0] | bad[1]
    differ_R = (chosen[0] != chosen[1]).double().mean(1)
    right_R = ((shares[0] + shares[1]).argmax(2) == answers_RN).double().mean(1)
    notes.add("disagreement", 0, torch.where(diverged_R, torch.nan, differ_R))
    notes.add("ensemble_accuracy", 0, torch.where(diverged_R, population.program.task.chance, right_R))
    return _results(population, notes, diverged_R)


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
