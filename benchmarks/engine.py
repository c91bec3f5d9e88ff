"""The engine against its floor and against a plain loop, a network at a time, in one run.

    python -m benchmarks.engine [--networks lenet resnet20 ...] [--members 1 5 20] [--device cpu|cuda]
        [--numerics float32|bfloat16|tf32] [--seconds 10] [--rounds 1] [--data-dir DIR | --random-images] [--json FILE]

For each network: the floor (`benchmarks.floor`), a plain, well-written PyTorch loop for one member
(`benchmarks.plain`), and populations of several sizes; beside what square matrix products and copies reach. Every case
runs in a process of its own, on a CPU on one thread; rounds are interleaved because machines are shared, and the best
of each is reported.

Training and evaluation are measured apart, each for about `--seconds` after what warms up, at least one step: a
member-step is a step of training and its share of a validation every `validate_every` steps. Evaluation is measured on
as many images as time allows, and its time an image multiplied.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from benchmarks.floor import floor
from benchmarks.plain import measure
from benchmarks.timing import NUMERICS, about, ceilings, invent_images, significant, synchronise, table
from harness.compute._executor import WORKER_ENVIRONMENT
from harness.data import look_in
from harness.data._tasks import CALIBRATION, CIFAR10, MNIST, Augment, Scaling
from harness.expression._masks import random_bits
from harness.networks._architectures import conv_net, lenet5, resnet20, vgg19
from harness.networks._initial import initial_values
from harness.networks._network import mlp
from harness.networks._recipe import SGD, Adam, Recipe
from harness.population._flops import training_flops
from harness.population._population import Member, Population, Program
from harness.streams import Replicate

MOMENTUM = SGD(0.1, momentum=0.9, weight_decay=1e-4)
AUGMENTED = replace(CIFAR10, scaling=Scaling.STANDARDISED, augment=Augment.CROP_FLIP)
PROGRAMS = {  # Frankle & Carbin 2019, Figure 2; Conv-8 as Ramanujan et al. 2020 train the others; LeNet-5 as LeNet
    "lenet": Program(mlp(784, 300, 100, 10), MNIST, Recipe(optimiser=Adam(1.2e-3), steps=50_000, batch=60)),
    "lenet5": Program(lenet5(), MNIST, Recipe(optimiser=Adam(1.2e-3), steps=50_000, batch=60)),
    "conv2": Program(conv_net(2), CIFAR10, Recipe(optimiser=Adam(2e-4), steps=20_000, batch=60)),
    "conv4": Program(conv_net(4), CIFAR10, Recipe(optimiser=Adam(3e-4), steps=25_000, batch=60)),
    "conv6": Program(conv_net(6), CIFAR10, Recipe(optimiser=Adam(3e-4), steps=30_000, batch=60)),
    "conv8": Program(conv_net(8), CIFAR10, Recipe(optimiser=Adam(3e-4), steps=30_000, batch=60)),
    "resnet20": Program(resnet20(), AUGMENTED, Recipe(optimiser=MOMENTUM, steps=30_000, batch=128)),
    "vgg19": Program(vgg19(), AUGMENTED, Recipe(optimiser=MOMENTUM, steps=112_000, batch=64)),
}
NEVER = 10**7  # steps: more than any measurement takes
FEW = 16  # images of the evaluations whose time is taken off
IMAGES = {"cpu": (100, 1000, 5000), "cuda": (5000,)}  # of the evaluations that are measured, while there is time
WARM = {"cpu": 1, "cuda": 4}  # reports, half a second apart or a step, before the clock starts


@dataclass(frozen=True)
class Case:
    """What one child process measures."""

    what: str
    network: str
    members: int
    device: str
    numerics: str
    seconds: float
    random_images: bool

    @property
    def program(self) -> Program:
        """The network's program with these numerics."""
        program = PROGRAMS[self.network]
        assert program.recipe is not None
        return replace(program, recipe=replace(program.recipe, numerics=self.numerics))


def members(program: Program, count: int) -> tuple[Member, ...]:
    """Return replicates under masks of a fifth of the weights."""
    made = []
    for i in range(count):
        replicate = Replicate(1, i)
        start = initial_values(program.network, replicate, "init", 0)
        mask = random_bits(program.network, Fraction(1, 5), replicate, 0)
        made.append(Member(f"{i}", replicate, 0, start, mask=mask))
    return tuple(made)


class Enough(Exception):  # noqa: N818 - it ends a measurement and is no error
    """Long enough has been measured."""


def step_s(population: Population, device: torch.device, seconds: float) -> float:
    """Return the seconds of one step of the whole population, from the engine's own reports of its progress."""
    from harness.engine._course import compute

    stamps: list[tuple[float, int]] = []

    def report(steps: int) -> None:
        synchronise(device)
        stamps.append((time.perf_counter(), steps))
        if len(stamps) > WARM[device.type] and stamps[-1][0] - stamps[WARM[device.type] - 1][0] >= seconds:
            raise Enough

    with suppress(Enough):
        compute(population, device=device.type, report=report)
    timed = stamps[WARM[device.type] - 1 :]
    return (timed[-1][0] - timed[0][0]) / sum(steps for _, steps in timed[1:])


def training_s(case: Case, device: torch.device) -> float:
    """Return the seconds of a member-step without any validation."""
    program = replace(case.program, recipe=replace(case.program.recipe, steps=NEVER, validate_every=NEVER))
    return step_s(Population(program, members(program, case.members)), device, case.seconds) / case.members


def evaluation_s(case: Case, device: torch.device) -> tuple[float, int]:
    """Return the seconds of evaluating one image of one member, and how many images were evaluated at a time.

    Steps of two examples, each with a validation of many images; those of few images are taken off.
    """
    program = case.program
    recipe = replace(program.recipe, steps=NEVER, validate_every=1, batch=2)
    packed = members(program, case.members)

    def taken(images: int) -> float:
        task = replace(program.task, train_images=2, validation_images=images, test_images=1)
        made = Population(replace(program, recipe=recipe, task=task), packed)
        return step_s(made, device, case.seconds / 3) / case.members

    few = taken(FEW)
    an_image, measured = 0.0, 0
    for images in IMAGES[device.type]:
        if measured and 2 * images * case.members * an_image > case.seconds:
            break
        an_image, measured = (taken(images) - few) / (images - FEW), images
    return an_image, measured


def population(case: Case, device: torch.device) -> dict[str, float]:
    training = training_s(case, device)
    evaluation, images = evaluation_s(case, device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
    return {"training_s": training, "evaluation_s": evaluation, "images": images, "peak_bytes": peak}


def child(case: Case) -> dict[str, float]:
    torch.set_num_threads(1)
    device = torch.device(case.device)
    if case.random_images:
        invent_images()
    match case.what:
        case "ceilings":
            return ceilings(device, case.numerics)
        case "floor":
            return floor(case.program, case.members, device)
        case "plain":
            return measure(case.program, members(case.program, 1)[0], device, case.seconds)
        case _:
            return population(case, device)


def run(case: Case) -> dict[str, float]:
    """Measure in a fresh process, with the environment of the harness's workers."""
    line = [sys.executable, "-m", "benchmarks.engine", "--child", json.dumps(asdict(case))]
    done = subprocess.run(line, stdout=subprocess.PIPE, env={**os.environ, **WORKER_ENVIRONMENT}, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def least(measured: list[dict[str, float]]) -> dict[str, float]:
    """Return the best of each time over the rounds, and the highest peak."""
    return {name: (max if name == "peak_bytes" else min)(m[name] for m in measured) for name in measured[0]}


def member_step(program: Program, ceiling: dict[str, float], measured: dict[str, float]) -> dict[str, float]:
    """Return what is reported of a loop or a population: a step of training and its share of an evaluation."""
    recipe, network = program.recipe, program.network
    assert recipe is not None
    images = program.task.validation_images + (CALIBRATION if network.batch_norms else 0)
    share = images / recipe.validate_every  # images evaluated a step
    total = measured["training_s"] + share * measured["evaluation_s"]
    operations = training_flops(program) / recipe.steps + 2 * network.multiply_adds() * share
    return {
        **measured,
        "evaluation_s": share * measured["evaluation_s"],
        "total_s": total,
        "steps_per_s": 1 / total,
        "flop": operations,
        "flops": operations / total,
        "of_ceiling": operations / total / ceiling["matmul_flops"],
    }


COLUMNS = (
    "members", "products", "evaluation's", "bytes", "floor", "training", "evaluation", "engine", "over the floor",
    "member-steps/s", "GFLOP/s", "of the matmul ceiling", "peak memory, MB", "over the plain loop",
)  # fmt: skip


def row(label: str, loop: dict[str, float], got: dict[str, float], low: dict[str, float] | None) -> list[str]:
    parts = [] if low is None else [low[part] for part in ("products_s", "evaluation_s", "bytes_s")]
    cells = [significant(1e3 * part) for part in [*parts, sum(parts)]] if parts else [""] * 4
    cells += [significant(1e3 * got[part]) for part in ("training_s", "evaluation_s", "total_s")]
    cells.append(f"{got['total_s'] / sum(parts):.2f}" if parts else "")
    cells += [significant(got["steps_per_s"]), significant(got["flops"] / 1e9), f"{got['of_ceiling']:.0%}"]
    peak = f"{got['peak_bytes'] / 1e6:,.0f}" if "peak_bytes" in got else ""
    short = got.get("images", 1000) < 1000  # a pass of the engine's has a thousand images
    return [label, *cells, f"> {peak}" if short else peak, f"{loop['total_s'] / got['total_s']:.2f}"]


def network_results(name: str, args: argparse.Namespace, ceiling: dict[str, float]) -> dict[str, Any]:
    """Measure one network, print its table, and return the numbers."""
    measured: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    cases = [("plain", 1), *((what, count) for count in args.members for what in ("floor", "population"))]
    for _ in range(args.rounds):
        for what, count in cases:
            measured[what, count].append(run(case_of(args, what, name, count)))
    program = case_of(args, "plain", name, 1).program
    results = {case: least(rounds) for case, rounds in measured.items()}
    loop = member_step(program, ceiling, results["plain", 1])
    populations = {count: member_step(program, ceiling, results["population", count]) for count in args.members}
    floors = {count: results["floor", count] for count in args.members}
    rows = [row("plain loop", loop, loop, None)]
    rows += [row(f"{count}", loop, populations[count], floors[count]) for count in args.members]
    images = ", ".join(f"{found['images']:,.0f}" for found in populations.values())
    print(
        f"\n`{name}`: {loop['flop'] / 1e9:.3g} GFLOP a member-step, validation included; milliseconds a member-step; "
        f"evaluated {images} images at a time\n\n{table(list(COLUMNS), rows)}",
        flush=True,
    )
    return {"plain": loop, "floors": floors, "populations": populations}


def case_of(args: argparse.Namespace, what: str, network: str, count: int) -> Case:
    return Case(what, network, count, args.device, args.numerics, args.seconds, args.random_images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=list(PROGRAMS), choices=list(PROGRAMS))
    parser.add_argument("--members", nargs="*", type=int, default=[1, 5, 15])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--numerics", choices=NUMERICS, default="float32")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement; at least one step")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--random-images", action="store_true", help="instead of the data sets, where they are not")
    parser.add_argument("--json", type=Path, help="write all numbers here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(Case(**json.loads(args.child)))))
        return
    if args.data_dir:
        look_in(args.data_dir)
    started = time.perf_counter()
    machine = about(torch.device(args.device), args.numerics)
    rounds = [run(case_of(args, "ceilings", args.networks[0], 1)) for _ in range(args.rounds)]
    ceiling = {name: max(found[name] for found in rounds) for name in rounds[0]}
    print(", ".join(machine.values()) + f"; the best of {args.rounds} rounds.")
    print(
        f"Ceilings: {significant(ceiling['matmul_flops'] / 1e9)} GFLOP/s of square matrix products, "
        f"{significant(ceiling['copy_bytes'] / 1e9)} GB/s of copies.",
        flush=True,
    )
    results: dict[str, Any] = {"about": machine, "ceilings": ceiling, "networks": {}}
    for name in args.networks:
        results["networks"][name] = network_results(name, args, ceiling)
        if args.json:  # after every network: a long run may be ended early
            args.json.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
