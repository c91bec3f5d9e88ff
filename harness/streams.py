"""Named random streams: every draw is a function of (suite seed, replicate, stream, draw, counter) and of nothing else.

Draws are made on the host by numpy's Philox, a counter-based generator (Salmon et al., Parallel random numbers: as easy
as 1, 2, 3, SC 2011), so that a member's numbers do not depend on its neighbours in a population, on the device, or on
where a run was interrupted. Permutations sort the generator's raw 64-bit words: numpy promises that those stay the same
from version to version, which it does not promise for its own shuffles.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

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


def words(
    replicate: Replicate, stream: str, draw: int, *, size: int, first: int, count: int
) -> Iterator[NDArray[np.uint64]]:
    """Yield the first `size` raw words of counters `first` to `first + count - 1`; each shape (size,).

    One generator is moved from one to the next: to make another one takes longer than to draw a thousand words.
    """
    bits = generator(replicate, stream, draw, first).bit_generator
    state = cast("dict[str, Any]", bits.state)
    for counter in range(first, first + count):
        blocks = counter * BLOCK
        state["state"]["counter"][:2] = blocks % 2**64, blocks // 2**64
        bits.state = state
        yield bits.random_raw(size)


def permutations(replicate: Replicate, stream: str, draw: int, *, n: int, first: int, count: int) -> NDArray[np.int64]:
    """Return permutations number `first` to `first + count - 1` of ``range(n)``; shape (count, n)."""
    drawn = list(words(replicate, stream, draw, size=n, first=first, count=count))
    return order_of(np.stack(drawn)) if drawn else np.empty((0, n), np.int64)


def order_of(words_CN: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the places of each row's words by size, of equal ones by place: a stable argsort in a tenth of its time.

    Each word's place is put into its lowest bits, so that a sort of the words brings the places along. Where two words
    of a row differ in these bits alone, or not at all, it is a stable argsort.
    """
    n = words_CN.shape[1]
    low = np.uint64(2 ** max(0, n - 1).bit_length() - 1)
    keys_CN = words_CN & ~low
    keys_CN |= np.arange(n, dtype=np.uint64)
    keys_CN.sort(axis=1)
    if ((keys_CN[:, 1:] ^ keys_CN[:, :-1]) <= low).any():
        return np.argsort(words_CN, axis=1, kind="stable")
    keys_CN &= low
    return keys_CN.view(np.int64)


def integers(rng: np.random.Generator, below: int, size: int) -> NDArray[np.int64]:
    """Return `size` integers uniform on ``range(below)``, from raw words (bias below 2**-50 for small `below`)."""
    drawn = rng.bit_generator.random_raw(size)
    drawn %= np.uint64(below)
    return drawn.view(np.int64)
