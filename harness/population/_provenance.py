"""Where, when and with what a population was computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What is known of how a record came about; what an older one did not keep is empty, or None.

    `kind` is ``cpu`` or ``cuda``, `instructions` a digest of the processor's, `clocks` the highest ones that a GPU may
    run at and the power that it may draw, `wall_s` the seconds of all members together, `matmul_flops` the measured
    rate of matrix products there, `code` a digest of the code that made the numbers, `data` one of the data set that
    they were made from. Beside the rows of a report stand also the `program` that was run and how many `members` it
    had.
    """

    device: str
    versions: Mapping[str, str]
    wall_s: float
    settings: Mapping[str, str] | None = None
    computed: str = ""
    git: str = ""
    kind: str = ""
    processor: str = ""
    instructions: str = ""
    clocks: str = ""
    matmul_flops: int | None = None
    program: str = ""
    members: int = 0
    code: str = ""
    data: str = ""

    @property
    def occupied(self) -> str:
        """What a worker occupies: the GPU, or one core of the processor."""
        return self.device if self.device != "cpu" else f"one core of {self.processor or 'a processor'}"
