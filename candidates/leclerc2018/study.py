"""What the claims of Leclerc et al. 2018 share: nets that lose units while they train, and what is left of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import DIGITS, SGD, Recipe, Switches, Training, mask_metric, mlp, train

NET = mlp(64, 300, 100, 10)
RECIPE = Recipe(optimiser=SGD(0.1), steps=2400, batch=60, l2=1e-4, validate_every=600)
PENALTIES = (5, 7, 10)  # of a switch, in thousandths: what the arms of a design lie along


@mask_metric("size", "share of all weights that are kept", bounds=(2.0, 2.0))
def size(layers: Mapping[str, NDArray[Any]]) -> float:
    """Return the share of all weights that is kept; where units went at training's own choice no density says it."""
    kept = sum(np.count_nonzero(layer) for layer in layers.values())
    return float(kept / sum(layer.size for layer in layers.values()))


@dataclass(frozen=True)
class Shrunk:
    """A net that lost units at a penalty, and the same net trained anew under the mask that was left."""

    smallified: Training
    retrained: Training


@cache
def dense() -> Training:
    """Return the net that keeps all units."""
    return train(NET, DIGITS, RECIPE)


@cache
def shrunk(thousandths: int) -> Shrunk:
    """Return what a penalty leaves; trained anew, the mask starts from the initial weights."""
    smallified = train(NET, DIGITS, RECIPE, learn=Switches(penalty=thousandths / 1000))
    return Shrunk(smallified, train(NET, DIGITS, RECIPE, mask=smallified.learned_mask(), start=smallified.at(0)))
