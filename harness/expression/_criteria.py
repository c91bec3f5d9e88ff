"""Pruning criteria by name: what scores a layer's weights. The larger stays, by the counts and ties of `largest`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DesignError
from harness.extensions import Extensions

Layer = NDArray[np.float32]  # a layer's weights in the shape of its tensor
Alive = NDArray[np.bool_]

Score = Callable[[Layer, Alive], NDArray[Any]]


@dataclass(frozen=True)
class Criterion:
    """A function of a layer's weights, and of which are alive, that gives a score a weight.

    Criteria that are `between_layers` order a layer as magnitudes do, and say how layers compare.
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

    def scores(self, layer: str, weights: Layer, alive: Alive) -> NDArray[np.float64]:
        """Return the scores of the weights of `layer`, all three of one shape.

        Raises DesignError for another shape, and for nan where a weight is alive and the layer has not diverged.
        """
        scores = np.asarray(self.score(_read_only(weights), _read_only(alive)), np.float64)
        if scores.shape != weights.shape:
            raise self._error(f"scores of shape {scores.shape} for layer {layer}, expected {weights.shape}")
        if np.isnan(scores[alive]).any() and np.isfinite(weights).all():
            raise self._error(
                f"nan for {np.isnan(scores[alive]).sum()} of {alive.sum()} weights alive in layer {layer}"
            )
        return scores

    def sizes(self, layer: str, weights: Layer, alive: Alive) -> NDArray[np.float64]:
        """Return `scores` of which a norm can be taken: raises DesignError where one is negative."""
        scores = self.scores(layer, weights, alive)
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


CRITERIA = Extensions[Criterion]("rule")


def criterion(name: str, *, version: int = 1, between_layers: bool = False) -> Callable[[Score], Score]:
    """Register the decorated function as a pruning criterion, for ``prune(..., rule=name)``.

    Args:
        name: What claims call it.
        version: Raise it when the function gives other scores: it is part of a mask's key, the code is not.
        between_layers: Whether it only says how layers compare, and so needs scope ``"global"``.

    Returns:
        A decorator. The function is given a layer's weights, float32 in the shape of its tensor (inputs x outputs, or
        outputs x inputs x height x width), 0 where they were removed, and which of them are alive; it must not change
        them. It returns a score a weight, of the same shape: the larger stays. It is called in the planning process,
        one replicate at a time, and must be a function of these numbers alone.

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
