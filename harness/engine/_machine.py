"""What a worker computes with: the device and its rate, the arithmetic, and whatever else can change last digits."""

from __future__ import annotations

import math
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, cast

import numpy as np
import torch

from harness.engine._processor import instructions, processor
from harness.kernels import triton_version

cudnn, mkldnn = cast("Any", torch.backends.cudnn), cast("Any", torch.backends.mkldnn)  # whose parts have no types
ON_GPU = (cast("Any", torch.backends.cuda.matmul), cudnn.conv, cudnn.rnn)
ON_CPU = (mkldnn.matmul, mkldnn.conv, mkldnn.rnn)


@contextmanager
def precision(numerics: str) -> Iterator[None]:
    """Let float32 products round their factors to TF32 where the recipe says so and a GPU can, else never.

    Whatever was set before, by whichever of torch's two interfaces: only the newer one is used here, as the older one
    raises where both have been.
    """
    before = [products.fp32_precision for products in (*ON_GPU, *ON_CPU)]
    for products in ON_GPU:
        products.fp32_precision = "tf32" if numerics == "tf32" else "ieee"
    for products in ON_CPU:
        products.fp32_precision = "ieee"
    try:
        yield
    finally:
        for products, was in zip((*ON_GPU, *ON_CPU), before, strict=True):
            products.fp32_precision = was


def coarse_convolutions(device: torch.device) -> str | None:
    """Return to what a GPU rounds the factors of its convolutions now: ``bfloat16``, ``tf32``, or nothing."""
    if torch.is_autocast_enabled(device.type):
        return "bfloat16"
    return "tf32" if cudnn.conv.fp32_precision == "tf32" else None


def arithmetic(device: torch.device, numerics: str) -> AbstractContextManager[object]:
    """Return the context of a forward pass: products in bfloat16 under autocast where the recipe says so.

    Parameters, gradients, the optimiser's state, BatchNorm's moments and the loss stay float32.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16) if numerics == "bfloat16" else nullcontext()


def one_thread() -> None:
    """Let this process compute with one thread; two such workers beat one process with two."""
    torch.set_num_threads(1)


def gpu_name() -> str:
    """Return the model of the GPU that torch sees, or an empty string."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def vector_instructions() -> str:
    """Return the widest vector instructions that torch uses on this processor."""
    return str(torch.backends.cpu.get_cpu_capability())


def device_name(device: torch.device) -> str:
    """Return ``cpu``, or the model of the GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


@cache
def matmul_flops(device: torch.device, numerics: str) -> float:
    """Return the operations a second of square matrix products on this device: the best of a few, once a process."""
    n = 512 if device.type == "cpu" else 4096
    one_NN = torch.ones(n, n, device=device, dtype=torch.bfloat16 if numerics == "bfloat16" else torch.float32)
    best = math.inf
    with precision(numerics):
        for _ in range(6):  # the first of them warms up
            started = time.perf_counter()
            product_NN = one_NN @ one_NN
            float(product_NN[0, 0])  # waits for the device
            best = min(best, time.perf_counter() - started)
    return 2 * n**3 / best


def warm_up(device: str) -> None:
    """Begin with a device: its context, its libraries, and the rate of its products, which is measured once."""
    matmul_flops(torch.device(device), "float32")


def computer(device: torch.device) -> dict[str, str]:
    """Return the processor that this process, a worker, runs on, a digest of its instructions, and a GPU's clocks."""
    told = {"processor": processor(), "instructions": instructions()}
    if device.type != "cuda":
        return told
    _, processors, memory, power = told_by_driver(device)
    return told | {"clocks": f"{processors}, memory {memory}, at most {power}"}


def versions(device: torch.device) -> dict[str, str]:
    """Return the versions that can change a training's last digits; of Triton, which makes kernels, on a GPU alone."""
    found = {"torch": torch.__version__, "numpy": np.__version__, "cuda": torch.version.cuda or "none"}
    if device.type == "cuda":
        found |= {"driver": told_by_driver(device)[0], "triton": triton_version(device)}
    return found


@cache
def told_by_driver(device: torch.device) -> tuple[str, ...]:
    """Return the driver's version, the highest clocks of a GPU's processors and its memory, and its limit of power.

    Of the card that this process computes on, asked once; each is ``unknown`` where nvidia-smi does not tell.
    """
    asked = "driver_version,clocks.max.sm,clocks.max.memory,power.limit"
    card = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
    command = ["nvidia-smi", f"--id={card}", f"--query-gpu={asked}", "--format=csv,noheader"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ("unknown",) * 4
    return tuple(each.strip() for each in told.strip().split(","))


def settings() -> dict[str, str]:
    """Return what else can change a training's last digits: torch's switches, threads, vector instructions."""
    return {
        "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "TF32": str(ON_GPU[0].fp32_precision == "tf32"),
        "cuDNN benchmark": str(torch.backends.cudnn.benchmark),
        "threads": str(torch.get_num_threads()),
        "vector instructions": vector_instructions(),
        "MKL_CBWR": os.environ.get("MKL_CBWR", "unset"),
    }
