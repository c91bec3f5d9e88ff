"""How Triton's programs are launched.

A program, one block of a grid, that sums over a member's examples takes all of them: so no sum depends on which
program comes first. Division and root round as torch's do; Triton's own `/` and `sqrt` of float32 are up to two units
in the last place off.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

BLOCK = 1024  # values a program has
TILE = 32  # examples and outputs that a sum over examples takes at a time
OPTIONS = {"enable_fp_fusion": False}  # a product and a sum round one after the other, as torch's do


def launch(program: Any, grid: tuple[int, ...], *given: Any, **constants: Any) -> None:
    """Launch a program on torch's current stream: compiled at its first launch, so that a capture comes later.

    Programs step through a tensor's last axis one value at a time, wherever the strides would lead.
    """
    assert all(each.stride(-1) == 1 for each in given if isinstance(each, Tensor) and each.dim())
    _begin(program, grid, *given, **constants)


def _begin(program: Any, grid: tuple[int, ...], *given: Any, **constants: Any) -> None:
    program[grid](*given, **constants, **OPTIONS)


def apart(row_RX: Tensor | None) -> int:
    """Return how far the rows of two members are apart."""
    return 0 if row_RX is None else row_RX.stride(0)
