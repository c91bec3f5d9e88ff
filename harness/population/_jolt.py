"""A jolt: every weight moved by the least that a number can be, as rounding on another machine might do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from harness.population._population import Flat, Member


def jolted(seed: int) -> Callable[[Member], Member]:
    """Return a change of a member by one unit in the last place of every weight and score, up or down.

    Another order of a sum, on another machine or after a change of the engine, moves losses by about as much. Zeros
    stay; the same seed and replicate give the same jolt.
    """

    def jolt(member: Member) -> Member:
        rng = np.random.default_rng([seed, member.replicate.index])

        def moved(x_F: Flat) -> Flat:
            towards = np.where(rng.integers(0, 2, x_F.shape), np.float32(np.inf), np.float32(-np.inf))
            return np.where(x_F == 0, x_F, np.nextafter(x_F, towards.astype(np.float32)))

        scores = None if member.scores is None else moved(member.scores)
        return replace(member, start=moved(member.start), scores=scores)

    return jolt
