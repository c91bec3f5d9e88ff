"""The engine against its floor and against a plain loop, a network at a time, in one run.

    python benchmarks/engine.py [--networks lenet] [--members 1 5 15] [--steps 300] [--rounds 2] [--data-dir DIR]

For each network: the time its products must take (every product of a training step and of the evaluations that fall to
it, at the rate measured for exactly these shapes), plus the time its optimiser's and masks' bytes must take at the
measured copy rate: the floor. Then a plain, well-written PyTorch loop for one member with a `TensorDataset` and a
`DataLoader` without workers, and populations of several sizes. Every case runs in a process of its own on one thread;
rounds are interleaved because machines are shared, and the best of each case is reported.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction

from harness.data import look_in
from harness.executor import WORKER_ENVIRONMENT
from harness.masks import random_bits
from harness.network import initial_values, mlp
from harness.population import Member, Population, Program
from harness.recipe import Adam, Recipe
from harness.streams import Replicate
from harness.tasks import MNIST

PROGRAMS = {
    "lenet": Program(mlp(784, 300, 100, 10), MNIST, Recipe(optimiser=Adam(1.2e-3), steps=50_000, batch=60)),
}
VALIDATION = 5_000  # examples, every `validate_every` steps
CHUNK = 1_000  # examples of one evaluation pass
ADAM_BYTES = 4 * 7  # a parameter: weight, two moments and gradient read, the first three written
MASK_BYTES = 4 * 3  # a weight: gradient and mask read, gradient written


def members(program: Program, count: int) -> tuple[Member, ...]:
    made = []
    for i in range(count):
        replicate = Replicate(1, i)
        start = initial_values(program.network, replicate, "init", 0)
        mask = random_bits(program.network, Fraction(1, 5), replicate, 0)
        made.append(Member(f"{i}", replicate, 0, start, mask=mask))
    return tuple(made)


def population(name: str, count: int, steps: int) -> float:
    """Return the seconds of one member-step in a population, validation included and the final test taken off."""
    from harness.engine import compute

    program = PROGRAMS[name]
    packed = members(program, count)
    compute(Population(program, packed, until=5))  # loads, allocates, warms up
    started = time.perf_counter()
    compute(Population(program, packed, until=1))
    fixed = time.perf_counter() - started
    started = time.perf_counter()
    compute(Population(program, packed, until=steps + 1))
    return (time.perf_counter() - started - fixed) / (steps * count)


def floor(name: str, count: int) -> dict[str, float]:
    """Return the seconds a member-step must take for its products, its evaluations' products, and its bytes."""
    import torch

    program = PROGRAMS[name]
    assert program.recipe is not None
    shapes = [tensor.shape for tensor in program.network.prunable().values()]

    def products(batch: int, inputs: int, outputs: int, *, backward: bool, first: bool) -> float:
        x, w = torch.randn(count, batch, inputs), torch.randn(count, inputs, outputs)
        dy = torch.randn(count, batch, outputs)
        total = best(lambda: torch.bmm(x, w))
        if backward:
            total += best(lambda: torch.bmm(x.transpose(1, 2), dy))
            total += 0.0 if first else best(lambda: torch.bmm(dy, w.transpose(1, 2)))
        return total

    train = sum(products(program.recipe.batch, *shape, backward=True, first=i == 0) for i, shape in enumerate(shapes))
    passes = VALIDATION / CHUNK / program.recipe.validate_every
    evaluate = passes * sum(products(CHUNK, *shape, backward=False, first=False) for shape in shapes)
    size = program.network.weights
    a, b = torch.randn(count * size), torch.empty(count * size)
    rate = 8 * count * size / best(lambda: b.copy_(a))
    moved = (ADAM_BYTES + MASK_BYTES) * size / rate
    return {"products": train / count, "evaluation": evaluate / count, "bytes": moved}


def best(call: Callable[[], object], times: int = 15) -> float:
    call()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return min(found)


def plain(name: str, steps: int) -> float:
    """Return the seconds of one step of a plain loop over one member, with validation and masks."""
    import torch
    from torch import nn
    from torch.nn import functional
    from torch.utils.data import DataLoader, TensorDataset

    from harness import tasks

    program = PROGRAMS[name]
    recipe, task = program.recipe, program.task
    assert recipe is not None
    images, labels = tasks.source(task.source)
    pools = tasks.pools(Replicate(1, 0), task)
    sets = {
        split: TensorDataset(
            torch.from_numpy(images[pools[split]]).float() / 255, torch.from_numpy(labels[pools[split]])
        )
        for split in ("train", "validation")
    }
    net = nn.Sequential(
        nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )  # fmt: skip
    linears = [layer for layer in net if isinstance(layer, nn.Linear)]
    masks = [(torch.rand_like(layer.weight) < 0.2).float() for layer in linears]
    with torch.no_grad():
        for layer, mask in zip(linears, masks, strict=True):
            layer.weight.mul_(mask)
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.optimiser.lr, fused=True)
    loader = DataLoader(sets["train"], batch_size=recipe.batch, shuffle=True, drop_last=True)
    held_out = DataLoader(sets["validation"], batch_size=CHUNK)
    step, started = 0, 0.0
    while True:
        for x, y in loader:
            if step == 5:
                started = time.perf_counter()
            loss = functional.cross_entropy(net(x), y)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            for layer, mask in zip(linears, masks, strict=True):
                layer.weight.grad.mul_(mask)
            optimiser.step()
            step += 1
            if step % recipe.validate_every == 0:
                with torch.no_grad():
                    sum(float((net(a).argmax(1) == b).sum()) for a, b in held_out)
            if step == steps + 5:
                return (time.perf_counter() - started) / steps


def child(case: str, name: str, count: int, steps: int) -> None:
    import torch

    torch.set_num_threads(1)
    made = {"population": lambda: population(name, count, steps), "plain": lambda: plain(name, steps)}
    print(json.dumps(floor(name, count) if case == "floor" else made[case]()))


def run(case: str, name: str, count: int, steps: int) -> object:
    line = [sys.executable, __file__, "--child", case, name, str(count), str(steps)]
    done = subprocess.run(line, stdout=subprocess.PIPE, env={**os.environ, **WORKER_ENVIRONMENT}, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=list(PROGRAMS))
    parser.add_argument("--members", nargs="*", type=int, default=[1, 5, 15])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--data-dir")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        case, name, count, steps = args.child
        child(case, name, int(count), int(steps))
        return
    if args.data_dir:
        from pathlib import Path

        look_in(Path(args.data_dir))
    for name in args.networks:
        program = PROGRAMS[name]
        weights = list(program.network.prunable().values())
        flops = program.recipe.batch * (6 * program.network.weights - 2 * weights[0].size)
        flops += 2 * program.network.weights * VALIDATION / program.recipe.validate_every
        floors = {count: [] for count in args.members}
        taken = {count: [] for count in args.members}
        loops = []
        for _ in range(args.rounds):
            for count in args.members:
                floors[count].append(run("floor", name, count, args.steps))
                taken[count].append(run("population", name, count, args.steps))
            loops.append(run("plain", name, 1, args.steps))
        loop = min(loops)
        print(f"\n{name}: {flops / 1e6:.1f} MFLOP a member-step, validation included; microseconds a member-step\n")
        columns = ("members", "products", "evaluation", "bytes", "floor", "engine", "over the floor", "GFLOP/s")
        print("| " + " | ".join([*columns, "member-steps/s", "over the plain loop"]) + " |")
        print("| " + "---: | " * 10)
        for count in args.members:
            least = {part: min(f[part] for f in floors[count]) for part in floors[count][0]}
            total, engine = sum(least.values()), min(taken[count])
            cells = [*(least[part] * 1e6 for part in ("products", "evaluation", "bytes")), total * 1e6, engine * 1e6]
            print(
                f"| {count} | " + " | ".join(f"{c:.0f}" for c in cells) + f" | {engine / total:.2f} | "
                f"{flops / engine / 1e9:.0f} | {1 / engine:.0f} | {loop / engine:.2f} |"
            )
        print(f"\nplain loop: {loop * 1e6:.0f} microseconds a step")


if __name__ == "__main__":
    main()
