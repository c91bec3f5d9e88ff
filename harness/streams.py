"""Named random streams: every draw is a function of (suite seed, replicate, stream, draw, counter) and of nothing else.

Draws are made on the host by numpy's Philox, a counter-based generator (Salmon et al., Parallel random numbers: as easy
as 1, 2, 3, SC 2011), so that a member's numbers do not depend on its neighbours in a population, on the device, or on
where a run was interrupted. Permutations sort the generator's raw 64-bit words: numpy promises that those stay the same
from version to version, which it does not promise for its own shuffles.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SUITE_SEED = 20190506  # confirmatory replicates; the day the lottery-ticket paper was presented
PILOT_SEED = 31415926  # pilots: other initialisations, other orders, other splits
VARIANCE_SEED = 27182818  # the seed-variance check: baselines and fresh replicates

STREAMS = ("split", "init", "order", "augment", "mask", "scores", "reinit", "dropout", "labels", "pixels")

BLOCK = 2**40  # Philox blocks reserved for one counter value: far more than any single draw needs


@dataclass(frozen=True)
class Replicate:
    """One seed bundle, the statistical unit: index `index` under `suite_seed`."""

    suite_seed: int
    index: int


def generator(replicate: Replicate, stream: str, draw: int = 0, counter: int = 0) -> np.random.Generator:
    """Return the generator of one stream of a replicate, positioned at `counter` (an epoch, a step, a layer).

    Raises ValueError for a stream that is not in `STREAMS`, so that a renamed stream cannot pass unnoticed.
    """
    if stream not in STREAMS:
        raise ValueError(f"unknown random stream {stream!r}; streams are {', '.join(STREAMS)}")
    name = f"{replicate.suite_seed}/{replicate.index}/{stream}/{draw}"
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key, counter=counter * BLOCK))


def word(replicate: Replicate, stream: str, draw: int = 0) -> int:
    """Return the stream's key for noise made on the device, -2**63 to 2**63 - 1. Raises ValueError as `generator`."""
    raw = generator(replicate, stream, draw).bit_generator.random_raw()
    return int(raw) - 2**63


def permutations(replicate: Replicate, stream: str, draw: int, *, n: int, first: int, count: int) -> NDArray[np.int64]:
    """Return permutations number `first` to `first + count - 1` of ``range(n)``; shape (count, n)."""
    rows = [
        np.argsort(generator(replicate, stream, draw, counter=i).bit_generator.random_raw(n), kind="stable")
        for i in range(first, first + count)
    ]
    return np.stack(rows) if rows else np.empty((0, n), np.int64)


def integers(rng: np.random.Generator, below: int, size: int) -> NDArray[np.int64]:
    """Return `size` integers uniform on ``range(below)``, from raw words (bias below 2**-50 for small `below`)."""
    return (rng.bit_generator.random_raw(size) % np.uint64(below)).astype(np.int64)
