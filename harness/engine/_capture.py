"""Functions that are called over and over on the same tensors: captured once as a CUDA graph, then replayed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch

EAGER_CALLS = 3  # before the capture: libraries choose their algorithms, the optimiser allocates its state


class Captured:
    """Calls a function, always the same one, which reads and writes tensors that stay and never waits for the device.

    On a GPU the first calls run it as it is, on a stream of their own as a capture asks for; then it is captured, and
    every later call is one launch. Nothing is run twice: a capture executes nothing. The function is given with each
    call and not kept: a method kept by its own object would be a cycle, and hold a population's memory after its end.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._eager_left = EAGER_CALLS if device.type == "cuda" else -1
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, function: Callable[[], None]) -> None:
        """Run the function once."""
        if self._graph is not None:
            self._graph.replay()
        elif self._eager_left < 0:
            function()
        elif self._eager_left:
            self._eager_left -= 1
            beside = _stream(self._device)
            beside.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(beside):
                function()
            torch.cuda.current_stream(self._device).wait_stream(beside)
        else:
            graph = torch.cuda.CUDAGraph()
            # Another thread may be reserving memory for the batches to come: only this one must not.
            with _no_collection(), torch.cuda.graph(graph, capture_error_mode="thread_local"):
                function()
            self._graph = graph
            graph.replay()


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Return one stream a device: libraries and the allocator keep memory for each that there ever was."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch leaves its streams untyped


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect garbage now and not inside: a graph that is destroyed during another's capture invalidates it."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
