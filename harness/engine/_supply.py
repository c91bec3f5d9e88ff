"""The batches that steps read, where they read them: for a GPU drawn ahead, into buffers that are used again."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from harness.engine._feed import Batches, Feed
from harness.population import Chunk


class Supply:
    """Puts the batches of one chunk of steps after the other into `now`, whose tensors stay where they are.

    A thread draws those of the next `ahead` chunks while the device is busy; with none ahead they are drawn in place.
    """

    def __init__(self, feed: Feed, steps: int, ahead: int) -> None:
        self._feed = feed
        self.now = feed.room(steps, feed.device)
        self._ahead = [_Host(feed, steps) for _ in range(ahead)]

    def chunks(self, chunks: Sequence[Chunk]) -> Iterator[Chunk]:
        """Yield each chunk when its batches are there."""
        if not self._ahead:
            for first, count in chunks:
                self._feed.draw(self.now, first, first + count)
                yield first, count
            return
        with ThreadPoolExecutor(1) as beside:
            drawn: deque[tuple[Chunk, _Host, Future[None]]] = deque()
            for chunk, host in zip(chunks, itertools.cycle(self._ahead), strict=False):
                drawn.append((chunk, host, beside.submit(host.draw, chunk)))
                if len(drawn) == len(self._ahead):
                    yield self._copied(*drawn.popleft())
            while drawn:
                yield self._copied(*drawn.popleft())

    def _copied(self, chunk: Chunk, host: _Host, drawn: Future[None]) -> Chunk:
        drawn.result()
        host.copy_to(self.now)
        return chunk


class _Host:
    """Batches on the host on their way to the device."""

    def __init__(self, feed: Feed, steps: int) -> None:
        pinned = feed.device.type == "cuda"
        self._feed = feed
        self._batches = feed.room(steps, torch.device("cpu"), pinned=pinned)
        self._copied = torch.cuda.Event() if pinned else None  # type: ignore[no-untyped-call]  # torch gives it no types

    def draw(self, chunk: Chunk) -> None:
        """Draw the batches of a chunk as soon as those before have been copied."""
        if self._copied is not None:
            self._copied.synchronize()
        self._feed.draw(self._batches, chunk[0], sum(chunk))

    def copy_to(self, now: Batches) -> None:
        """Let the device copy the batches when it is done with those it has."""
        for place, drawn in zip(now, self._batches, strict=True):
            if place is not None and drawn is not None:
                place.copy_(drawn, non_blocking=True)
        if self._copied is not None:
            self._copied.record()
