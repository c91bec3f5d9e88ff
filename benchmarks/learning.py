"""Every network learns real images: short runs of several seeds as one population, each held to a floor.

    python -m benchmarks.learning [--networks lenet conv2 ...] [--seeds 3] [--device cpu|cuda] [--data-dir DIR]

Full widths but for VGG-19, which has a quarter of its channels because a step of its full width takes seconds on a CPU
core; the papers' optimisers and images, without masks. Early on steps count for more than examples, so batches are a
third (Adam) or a quarter (SGD) of the papers'. Accuracy is that of a thousand test images after the last step; exit
status 1 where a seed is below its floor.

The floors were written before the first run: chance is 10 %, of which a thousand images tell 13 % (three standard
errors), and a linear classifier of CIFAR-10's pixels reaches 38 to 40 % when it is trained to the end.
The first runs made fewer steps: after 120, one of three seeds of Conv-6 (16.2 %) and of Conv-8 (10.3 %) was below its
floor; after 150, ResNet-20 (24.7, 21.6, 21.4 %) and two seeds of VGG-19 (11.6, 10.3 %). Steps were raised then; the
floors are the ones written before.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from harness.compute._executor import WORKER_ENVIRONMENT

os.environ.update(WORKER_ENVIRONMENT)

import torch

from benchmarks.engine import PROGRAMS
from benchmarks.timing import about, table
from harness.data import look_in
from harness.engine._course import compute
from harness.networks._architectures import vgg19
from harness.networks._initial import initial_values
from harness.population._population import Member, Population, Program
from harness.streams import Replicate


@dataclass(frozen=True)
class Run:
    """So many steps of a program, after which every seed's test accuracy is at least `floor`."""

    program: Program
    steps: int
    floor: float


def run_of(name: str, steps: int, floor: float, *, batch: int, **changed: Any) -> Run:
    program = replace(PROGRAMS[name], **changed)
    assert program.recipe is not None
    return Run(replace(program, recipe=replace(program.recipe, batch=batch)), steps, floor)


RUNS = {
    "lenet": run_of("lenet", 300, 0.80, batch=20),
    "lenet5": run_of("lenet5", 200, 0.80, batch=20),
    "conv2": run_of("conv2", 200, 0.28, batch=20),
    "conv4": run_of("conv4", 150, 0.25, batch=20),
    "conv6": run_of("conv6", 300, 0.20, batch=20),
    "conv8": run_of("conv8", 250, 0.18, batch=20),
    "resnet20": run_of("resnet20", 300, 0.25, batch=32),
    "vgg19": run_of("vgg19", 450, 0.15, batch=16, network=vgg19(width=Fraction(1, 4))),
}


def population(run: Run, seeds: int) -> Population:
    """Return replicates of the run, which validates and tests at its end only, on few images."""
    recipe = run.program.recipe
    assert recipe is not None
    task = replace(run.program.task, validation_images=100, test_images=1000)
    program = replace(run.program, task=task, recipe=replace(recipe, validate_every=recipe.steps))
    replicates = [Replicate(3, i) for i in range(seeds)]
    members = [Member(f"{r.index}", r, 0, initial_values(program.network, r, "init", 0)) for r in replicates]
    return Population(program, tuple(members), until=run.steps)


def accuracies(made: Population, device: str) -> list[float]:
    """Return each member's test accuracy after the last step."""
    found = []
    for member in compute(made, device=device).members:
        found += [row.value for row in member.rows if row.metric == "test_accuracy" and row.step == made.last_step]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--data-dir", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.data_dir:
        look_in(args.data_dir)
    rows, below = [], 0
    for name in args.networks:
        run = RUNS[name]
        started = time.perf_counter()
        found = accuracies(population(run, args.seeds), args.device)
        spent = time.perf_counter() - started
        below += sum(not accuracy >= run.floor for accuracy in found)
        shown = ", ".join(f"{accuracy:.1%}" if accuracy >= run.floor else f"**{accuracy:.1%}**" for accuracy in found)
        rows.append([f"`{name}`", f"{run.steps}", f"{run.floor:.0%}", shown, f"{spent:.0f}"])
        print(f"{name}: {shown} in {spent:.0f} s", file=sys.stderr, flush=True)
    print(", ".join(about(torch.device(args.device), "float32").values()) + ".\n")
    print(table(["network", "steps", "floor", "test accuracy of each seed", "seconds"], rows))
    if below:
        print(f"\n{below} seeds are below their floor.")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
