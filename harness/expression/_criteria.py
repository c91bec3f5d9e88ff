"""Pruning criteria by name: what scores a layer's weights. The larger stays, by the counts and ties of `largest`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError
from harness.extensions import Extensions, called

Layer = NDArray[np.float32]  # a layer's weights in the shape of its tensor
Alive = NDArray[np.bool_]
Setting = int | float | str
NOTHING: Mapping[str, Any] = {}

Score = Callable[..., NDArray[Any]]
Also = Mapping[str, Layer | Setting]  # what a criterion takes besides weights and survivors, by the names it gives them


@dataclass(frozen=True)
class Criterion:
    """A function of a layer's weights, and of which are alive, that gives a score a weight.

    `wants` are the names of what else it takes. Criteria that are `between_layers` order a layer as magnitudes do, and
    say how layers compare.
    """

    name: str
    score: Score
    version: int = 1
    between_layers: bool = False

    @property
    def rule(self) -> str:
        """What a mask's key hashes: the name, and the version where it is not the first."""
        return self.name if self.version == 1 else f"{self.name}@{self.version}"

    @property
    def origin(self) -> str:
        """Where the function is defined."""
        return f"{self.score.__module__}.{self.score.__qualname__}"

    @property
    def wants(self) -> tuple[str, ...]:
        """The names of its parameters after weights and survivors."""
        return tuple(inspect.signature(self.score).parameters)[2:]

    @property
    def defaults(self) -> Mapping[str, Setting]:
        """What those of them are that have a number or text as a default, where nothing else is given."""
        given = inspect.signature(self.score).parameters
        return {name: given[name].default for name in self.wants if isinstance(given[name].default, int | float | str)}

    def scores(self, layer: str, weights: Layer, alive: Alive, also: Also = NOTHING) -> NDArray[np.float64]:
        """Return the scores of the weights of `layer`; all arrays are of one shape.

        Raises DesignError for another shape, and for nan where a weight is alive and the layer has not diverged.
        """
        given = {name: _read_only(value) if isinstance(value, np.ndarray) else value for name, value in also.items()}
        what = f"criterion {self.name!r}, of layer {layer}"
        with called(
            what, self.score, next=f"correct the function that @criterion({self.name!r}) decorates", error=DesignError
        ):
            scores = np.asarray(self.score(_read_only(weights), _read_only(alive), **given), np.float64)
        if scores.shape != weights.shape:
            raise self._error(f"scores of shape {scores.shape} for layer {layer}, expected {weights.shape}")
        every = (weights, *(value for value in also.values() if isinstance(value, np.ndarray)))
        found = np.isnan(scores.max(initial=-np.inf)) and np.isnan(scores[alive]).any()  # choosing by bits is slow
        if found and all(np.isfinite(each).all() for each in every):
            raise self._error(
                f"nan for {np.isnan(scores[alive]).sum()} of {alive.sum()} weights alive in layer {layer}"
            )
        return scores

    def sizes(self, layer: str, weights: Layer, alive: Alive, also: Also = NOTHING) -> NDArray[np.float64]:
        """Return `scores` of which a norm can be taken: raises DesignError where one is negative."""
        scores = self.scores(layer, weights, alive, also)
        if (scores[alive] < 0).any():
            raise self._error(f"a negative score in layer {layer}, and units are compared by the norm of their scores")
        return scores

    def _error(self, observed: str) -> DesignError:
        return DesignError(
            f"criterion {self.name!r} gave {observed}. Next: correct the function that @criterion({self.name!r}) "
            "decorates, and raise its version= where masks made by it are stored"
        )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


CRITERIA = Extensions[Criterion]("criterion")


def criterion(name: str, *, version: int = 1, between_layers: bool = False) -> Callable[[Score], Score]:
    """Register the decorated function as a pruning criterion, for ``prune(..., by=name)``.

    Args:
        name: What claims call it.
        version: Raise it when the function gives other scores: it is part of a mask's key, the code is not.
        between_layers: Whether it only says how layers compare, and so needs scope ``"global"``.

    Returns:
        A decorator. The function is given a layer's weights, float32 in the shape of its tensor (inputs x outputs, or
        outputs x inputs x height x width), 0 where they were removed, and which of them are alive. What further
        parameters it has is given by ``prune(..., also=)`` under their names: other weights of the layer, such as those
        at initialisation, in the same shape, or a number. A number that is their default need not be given, and is part
        of the key all the same. It must not change them. It returns a score a weight, of the
        same shape: the larger stays. It is called in the planning process, one replicate at a time, and must be a
        function of these numbers alone.

    Raises:
        DesignError: Where another function is registered by this name and version.

    Example:
        >>> @criterion("small first")
        ... def small_first(weights, alive):
        ...     return -np.abs(weights)
        >>> CRITERIA.remove("small first")
    """
    CRITERIA.check_name(name, version)

    def register(score: Score) -> Score:
        CRITERIA.add(name, Criterion(name, score, version, between_layers), version=version)
        return score

    return register


@criterion("quantile")
def magnitude(weights: Layer, alive: Alive) -> NDArray[Any]:
    """Return the weights' magnitudes."""
    return np.abs(weights)


CRITERIA.add("magnitude", CRITERIA["quantile"])  # as it is called; keys have hashed the other name from the beginning


@criterion("std", between_layers=True)
def in_deviations(weights: Layer, alive: Alive) -> NDArray[Any]:
    """Return |weights| over the standard deviation of their layer's weights that are `alive`.

    A threshold on these is one quality times each layer's deviation (Han et al. 2015, section 3). The deviation is
    about the mean, over n. Where it is 0 no quality removes a weight but those that are 0.
    """
    magnitudes = np.abs(weights.astype(np.float64))
    survivors = weights[alive]
    with np.errstate(invalid="ignore"):  # of a training that diverged
        sd = np.std(survivors, dtype=np.float64) if len(survivors) else 0.0
        return magnitudes / sd if sd else np.where(magnitudes > 0, np.inf, 0.0)


@criterion("large initial")
def large_initial(weights: Layer, alive: Alive, initial: Layer) -> NDArray[Any]:
    """Return the magnitudes that the weights had at first (Zhou et al. 2019, section 3)."""
    return np.abs(initial)


@criterion("magnitude increase")
def magnitude_increase(weights: Layer, alive: Alive, initial: Layer) -> NDArray[Any]:
    """Return by how much magnitudes have grown since the first (Zhou et al. 2019, section 3)."""
    return np.abs(weights.astype(np.float64)) - np.abs(initial)


@criterion("movement")
def movement(weights: Layer, alive: Alive, initial: Layer) -> NDArray[Any]:
    """Return how far weights have moved since the first (Zhou et al. 2019, section 3)."""
    return np.abs(weights.astype(np.float64) - initial)


@criterion("large final, same sign")
def same_sign(weights: Layer, alive: Alive, initial: Layer) -> NDArray[Any]:
    """Return the magnitudes of those weights that have kept the sign they had at first, 0 for the others.

    These are the scores of the untrained masks of Zhou et al. 2019, section 5.
    """
    kept_sign: NDArray[Any] = np.maximum(0, np.sign(initial) * weights.astype(np.float64))
    return kept_sign


@criterion("per output")
def per_output(weights: Layer, alive: Alive) -> NDArray[Any]:
    """Return scores by which every output keeps as many of its weights as any other, those of largest magnitude.

    An output is a column of a linear layer, or a filter. Where counts do not divide, the larger of the weights that
    stand equally high in their outputs stay, and of equal ones that of the lower output.
    """
    return _in_rows(weights, alive, _standing)


@criterion("n of m")
def n_of_m(weights: Layer, alive: Alive, m: int) -> NDArray[Any]:
    """Return scores by which at most n of every `m` consecutive inputs of an output stay: `m` times the density.

    Those of largest magnitude do. Where `m` does not divide the inputs, the last group of an output has fewer, of which
    its share stays, rounded up; as many fewer stay in other groups, for the density is exact.
    """
    return _in_rows(weights, alive, partial(_standing_in_groups, m=group_size(m)), apart=1 / m**2)


def group_size(m: object) -> int:
    """Return `m`. Raises DesignError where it is no number of weights of which some could stay and some not."""
    if not isinstance(m, int) or isinstance(m, bool) or m < 2:
        raise DesignError(f"groups of {m!r} weights. Next: also={{'m': 4}} for 2:4 sparsity")
    return m


@criterion("filters")
def filters(weights: Layer, alive: Alive) -> NDArray[Any]:
    """Return for each weight the sum of the magnitudes of its output (Li et al. 2017): whole filters or columns stay.

    Of equal ones the lower output comes first. Where counts do not divide, the last output keeps some of its weights.
    An LSTM's columns are those of single gates.
    """
    magnitudes_OI = np.where(_by_output(alive), np.abs(_by_output(weights)), 0).astype(np.float64)
    sum_O1 = _told_apart(magnitudes_OI.sum(1))[:, None]
    return _back(np.broadcast_to(sum_O1, magnitudes_OI.shape), weights)


def _told_apart(sum_O: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sums of which equal ones differ by units in the last place, the first of them the largest."""
    _, group_O, counts = np.unique(sum_O, return_inverse=True, return_counts=True)
    order_O = np.argsort(group_O, kind="stable")
    from_last_O = np.empty(len(sum_O))
    from_last_O[order_O] = (np.cumsum(counts) - 1)[group_O[order_O]] - np.arange(len(sum_O))
    unit_O = np.spacing(np.where(np.isfinite(sum_O), sum_O, 0))  # others are of a training that diverged
    apart_O: NDArray[np.float64] = sum_O + from_last_O * unit_O
    return apart_O


PER_OUTPUT, N_OF_M, FILTERS = (CRITERIA[name] for name in ("per output", "n of m", "filters"))
OF_OUTPUTS = (PER_OUTPUT, N_OF_M, FILTERS)  # which say what is an output


def _by_output(layer: NDArray[Any]) -> NDArray[Any]:
    """Return a layer's array with a row an output: (outputs, inputs)."""
    return layer.T if layer.ndim == 2 else layer.reshape(len(layer), -1)


def _back(rows_OI: NDArray[Any], like: Layer) -> NDArray[Any]:
    return rows_OI.T if like.ndim == 2 else rows_OI.reshape(like.shape)


def _in_rows(
    weights: Layer, alive: Alive, standing: Callable[[NDArray[Any]], NDArray[Any]], apart: float = 1.0
) -> NDArray[Any]:
    """Return minus the standing of each weight, which differs by `apart` or more where it does.

    Of one standing the larger weight comes first, of equal ones that of the lower output.
    """
    magnitudes_OI = _by_output(np.where(alive, np.abs(weights), -1.0).astype(np.float64))
    before_all = np.argsort(np.argsort(-magnitudes_OI, axis=None, kind="stable"), kind="stable") / magnitudes_OI.size
    return _back(-standing(magnitudes_OI) - apart * before_all.reshape(magnitudes_OI.shape), weights)


def _standing(magnitudes_OI: NDArray[Any]) -> NDArray[Any]:
    """Return how many weights of its row are before each, the largest first, ties by the lower index."""
    return np.argsort(np.argsort(-magnitudes_OI, axis=1, kind="stable"), axis=1, kind="stable")


def _standing_in_groups(magnitudes_OI: NDArray[Any], m: int) -> NDArray[Any]:
    """Return which share of its `m` consecutive weights is before each: n of `m` stay where it is below n / m."""
    outputs, inputs = magnitudes_OI.shape
    whole = inputs - inputs % m
    standing_OI = np.empty(magnitudes_OI.shape)
    standing_OI[:, :whole] = _standing(magnitudes_OI[:, :whole].reshape(-1, m)).reshape(outputs, whole) / m
    if whole < inputs:
        standing_OI[:, whole:] = _standing(magnitudes_OI[:, whole:]) / (inputs - whole)
    return standing_OI
