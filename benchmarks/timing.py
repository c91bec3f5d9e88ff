"""What the benchmarks time with: calls, a device's ceilings, arithmetic, the machine in words, invented images."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import torch

from harness.data import PUBLISHED, SETS, DataSet
from harness.data import _splits as splits
from harness.data import _tasks as tasks

NUMERICS = ("float32", "bfloat16", "tf32")


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def best(call: Callable[[], object], device: torch.device, *, seconds: float = 0.1) -> float:
    """Return the seconds of one call: the best of at least three, after one that warms up.

    On a GPU calls are timed in groups of some milliseconds, so that launching them overlaps with computing.
    """
    call()
    group, found, begun = 1, [], time.perf_counter()
    while len(found) < 3 or time.perf_counter() - begun < seconds:
        synchronise(device)
        started = time.perf_counter()
        for _ in range(group):
            call()
        synchronise(device)
        taken = time.perf_counter() - started
        if device.type == "cuda" and taken < 5e-3:
            group *= 2
        else:
            found.append(taken / group)
    return min(found)


@contextmanager
def numerics_of(numerics: str, device: torch.device) -> Iterator[None]:
    """Make products of a forward pass in bfloat16 under autocast, in TF32, or in plain float32.

    The switches for TF32 stay as they are set: a backward pass comes after.
    """
    fp32 = "tf32" if numerics == "tf32" else "ieee"
    torch.backends.cuda.matmul.fp32_precision = fp32
    torch.backends.cudnn.conv.fp32_precision = fp32
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=numerics == "bfloat16"):
        yield


def dtype_of(numerics: str) -> torch.dtype:
    return torch.bfloat16 if numerics == "bfloat16" else torch.float32


def ceilings(device: torch.device, numerics: str) -> dict[str, float]:
    """Return what square matrix products reach, in operations a second, and copies, in bytes read and written."""
    side, floats = (1024, 2**26) if device.type == "cpu" else (8192, 2**29)
    with numerics_of(numerics, device):
        a, b = (torch.randn(side, side, device=device).to(dtype_of(numerics)) for _ in range(2))
        matmul = 2 * side**3 / best(lambda: torch.mm(a, b), device, seconds=1.0)
    return {"matmul_flops": matmul, "copy_bytes": copy_rate(floats, device)}


def copy_rate(floats: int, device: torch.device) -> float:
    """Return bytes read and written a second by a copy of that many floats."""
    source, target = torch.randn(floats, device=device), torch.empty(floats, device=device)
    return 8 * floats / best(lambda: target.copy_(source), device, seconds=0.3)


def about(device: torch.device, numerics: str) -> dict[str, str]:
    """Return the device, processor, versions and day that figures carry."""
    named = [line for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    processor = named[0].partition(":")[2].strip() if named else platform.processor() or platform.machine()
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "one CPU thread",
        "processor": processor,
        "torch": torch.__version__,
        "numerics": numerics,
        "date": f"{datetime.now(UTC).date()}",
    }


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def invent_images() -> None:
    """Put random images in the place of real data sets: times do not depend on what is on them."""
    real = splits.source

    @cache
    def invented(name: DataSet = DataSet.DIGITS):
        if name not in PUBLISHED:
            return real(name)
        random, origin = np.random.default_rng(0), SETS[name]
        shape = next(task.shape for task in (tasks.MNIST, tasks.FASHION_MNIST, tasks.CIFAR10) if task.source is name)
        count = origin.train + origin.test
        return random.integers(256, size=(count, int(np.prod(shape))), dtype=np.uint8), random.integers(10, size=count)

    splits.source = invented


def significant(value: float) -> str:
    """Return three digits: ``1,234``, ``12.3``, ``0.0123``."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a markdown table, its first column to the left and the others to the right."""
    head = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)])
