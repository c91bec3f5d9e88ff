"""Functions that are called over and over on the same tensors: captured once as a CUDA graph, then replayed."""

from __future__ import annotations

from collections.abc import Callable

import torch

EAGER_CALLS = 3  # before the capture: libraries choose their algorithms, the optimiser allocates its state


class Captured:
    """Calls `function`, which reads and writes tensors that stay where they are and never waits for the device.

    On a GPU the first calls run it as it is, on a stream of their own as a capture asks for; then it is captured, and
    every later call is one launch. Nothing is run twice: a capture executes nothing.
    """

    def __init__(self, function: Callable[[], None], device: torch.device) -> None:
        self._function = function
        self._device = device
        self._eager_left = EAGER_CALLS if device.type == "cuda" else -1
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Run the function once."""
        if self._graph is not None:
            self._graph.replay()
        elif self._eager_left < 0:
            self._function()
        elif self._eager_left:
            self._eager_left -= 1
            # torch leaves its streams untyped
            beside = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
            beside.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(beside):
                self._function()
            torch.cuda.current_stream(self._device).wait_stream(beside)
        else:
            graph = torch.cuda.CUDAGraph()
            # Another thread may be reserving memory for the batches to come: only this one must not.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._function()
            self._graph = graph
            graph.replay()
