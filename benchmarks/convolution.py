"""How the convolutions of a population are done: microseconds a member, forward and backward, for each way of `nn.How`.

    python -m benchmarks.convolution [--members 1 5 20] [--device cpu|cuda] [--numerics float32|bfloat16|tf32]
        [--batch 60] [--seconds 0.3] [--json FILE]

Shapes are typical layers of Conv-2/4/6, ResNet-20 and VGG-19, the same batch for all; gradients of inputs and weights,
of weights alone in a first layer. The fastest way is bold; "–" is a way that the device does not have, or that takes
more memory than a layer should. Each is the best of several calls, on a CPU on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from harness.compute._executor import WORKER_ENVIRONMENT

os.environ.update(WORKER_ENVIRONMENT)

import torch

from benchmarks.timing import NUMERICS, about, best, numerics_of, significant, table
from harness.engine import _nn as nn
from harness.engine._batch_norm import FIRST, LAST

HOWS = (*get_args(nn.Way), "by size")
MISSING = {"cpu": {"streams"}, "cuda": set()}  # ways that a device does not have
PATCHES = {"cpu": 2**28, "cuda": 2**32}  # floats of `unfold`'s patches at most


@dataclass(frozen=True)
class Shape:
    """One layer: channels in and out, side of its square input; a first layer's input needs no gradient."""

    where: str
    inputs: int
    outputs: int
    side: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1

    @property
    def first(self) -> bool:
        """Whether it is a network's first layer."""
        return self.inputs <= 3

    @property
    def label(self) -> str:
        """Where it is, and what."""
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        return f"{self.where}: {self.inputs} to {self.outputs}, {self.kernel}x{self.kernel} at {self.side}{stride}"


SHAPES = (
    Shape("Conv-2/4/6, first", 3, 64, 32),
    Shape("Conv-2/4/6", 64, 64, 32),
    Shape("Conv-4/6", 128, 128, 16),
    Shape("Conv-6", 256, 256, 8),
    Shape("ResNet-20, first", 3, 16, 32),
    Shape("ResNet-20", 16, 16, 32),
    Shape("ResNet-20", 16, 32, 32, stride=2),
    Shape("ResNet-20, shortcut", 16, 32, 32, kernel=1, stride=2, padding=0),
    Shape("ResNet-20", 64, 64, 8),
    Shape("VGG-19", 256, 256, 8),
    Shape("VGG-19", 512, 512, 4),
    Shape("VGG-19", 512, 512, 2),
)


def both_ways(
    shape: Shape, how: nn.How, members: int, batch: int, device: torch.device, numerics: str
) -> Callable[[], object]:
    """Return a call that convolves forward and backward."""
    kernel = (shape.kernel, shape.kernel)
    x_RBCHW = _laid(torch.randn(members, batch, shape.inputs, shape.side, shape.side, device=device), how)
    w_ROCKK = torch.randn(members, shape.outputs, shape.inputs, *kernel, device=device).requires_grad_()
    wanted = [w_ROCKK] if shape.first else [x_RBCHW.requires_grad_(), w_ROCKK]
    after = (shape.side + 2 * shape.padding - shape.kernel) // shape.stride + 1
    dy_RBOHW = _laid(torch.randn(members, batch, shape.outputs, after, after, device=device), how)

    def call() -> object:
        with numerics_of(numerics, device):
            y_RBOHW = nn.convolve(x_RBCHW, w_ROCKK, how, stride=shape.stride, padding=shape.padding)
        return torch.autograd.grad(y_RBOHW, wanted, dy_RBOHW.to(y_RBOHW.dtype))

    return call


def _laid(x_RBCHW: torch.Tensor, how: nn.How) -> torch.Tensor:
    """Return images as they lie between two layers that convolve in that way."""
    return x_RBCHW.permute(*LAST).contiguous().permute(*FIRST) if how == "channels last" else x_RBCHW


def possible(shape: Shape, how: nn.How, members: int, batch: int, device: torch.device) -> bool:
    after = (shape.side + 2 * shape.padding - shape.kernel) // shape.stride + 1
    patches = members * batch * shape.inputs * (shape.kernel * after) ** 2
    return how not in MISSING[device.type] and (how != "unfold" or patches <= PATCHES[device.type])


def member_s(shape: Shape, members: int, args: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Return the seconds a member by each way that is possible."""
    found = {}
    for how in HOWS:
        if not possible(shape, how, members, args.batch, device):
            continue
        try:
            call = both_ways(shape, how, members, args.batch, device, args.numerics)
            found[how] = best(call, device, seconds=args.seconds) / members
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    return found


def marked(found: dict[str, float], how: str) -> str:
    if how not in found:
        return "–"
    shown = significant(1e6 * found[how])
    return f"**{shown}**" if found[how] == min(found.values()) else shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", nargs="*", type=int, help="1 5 20, on a GPU 60 too")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--numerics", choices=NUMERICS, default="float32")
    parser.add_argument("--batch", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement; at least three calls")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(args.device)
    machine = about(device, args.numerics)
    rows: list[list[str]] = []
    results: list[dict[str, Any]] = []
    for shape in SHAPES:
        for members in args.members or ([1, 5, 20] if args.device == "cpu" else [1, 5, 20, 60]):
            found = member_s(shape, members, args, device)
            rows.append([shape.label, f"{members}", *(marked(found, how) for how in HOWS)])
            results.append({"shape": shape.label, "members": members, "batch": args.batch, "seconds": found})
    print(", ".join(machine.values()) + f"; batch {args.batch}; the engine uses `{nn.CONVOLUTION[args.device]}`.\n")
    print(table(["layer", "members", *HOWS], rows))
    if args.json:
        args.json.write_text(json.dumps({"about": machine, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
