"""Packing: what a population gains over a plain loop, in one run, beside the matmul peak.

    python -m benchmarks.packing [--steps 300] [--members 30] [--rounds 3]

Member-steps per second of (1) one member alone in the engine, (2) a plain, well-written PyTorch loop over members
(fused optimiser, data in memory, same masks, same evaluation) with one and with two threads, (3) a population on one
worker, (4) populations on two workers at once, as `harness run` does. Every case runs in a process of its own, rounds
are interleaved because the machine is shared, and the best round of each case is reported.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction

from harness.compute._executor import WORKER_ENVIRONMENT
from harness.data._tasks import DIGIT_DIFFERENCE, DIGITS
from harness.expression._masks import random_bits
from harness.networks._initial import initial_values
from harness.networks._network import Network, mlp
from harness.networks._recipe import SGD, Adam, Drops, Recipe
from harness.population._population import Member, Population, Program
from harness.streams import Replicate

PROGRAMS = {
    "digits, MLP 300-100, Adam": Program(
        mlp(64, 300, 100, 10), DIGITS, Recipe(optimiser=Adam(1.2e-3), steps=600, batch=60)
    ),
    "digit-difference, 8 x 64 BatchNorm MLP, SGD": Program(
        mlp(128, *[64] * 8, 10, batch_norm=True),
        DIGIT_DIFFERENCE,
        Recipe(
            optimiser=SGD(0.1, momentum=0.9, weight_decay=1e-4),
            steps=1500,
            batch=60,
            schedule=Drops((Fraction(3, 5), Fraction(4, 5))),
            validate_every=250,
        ),
    ),
}


def members(program: Program, count: int) -> tuple[Member, ...]:
    made = []
    for i in range(count):
        replicate = Replicate(1, i)
        start = initial_values(program.network, replicate, "init", 0)
        made.append(
            Member(f"{i}", replicate, 0, start, mask=random_bits(program.network, Fraction(1, 5), replicate, 0))
        )
    return tuple(made)


def engine(program: Program, count: int, barrier: float) -> float:
    import torch

    from harness.engine._course import compute

    torch.set_num_threads(1)
    compute(Population(shortened(program, 5), members(program, count)))  # loads, allocates, warms up
    time.sleep(max(0.0, barrier - time.time()))
    started = time.perf_counter()
    compute(Population(program, members(program, count)))
    return count * program.steps / (time.perf_counter() - started)


def shortened(program: Program, steps: int) -> Program:
    assert program.recipe is not None
    return replace(program, recipe=replace(program.recipe, steps=steps))


def plain(program: Program, count: int, threads: int) -> float:
    import torch

    torch.set_num_threads(threads)
    plain_loop(shortened(program, 5), members(program, 1))
    trained = members(program, count)
    started = time.perf_counter()
    plain_loop(program, trained)
    return count * program.steps / (time.perf_counter() - started)


def plain_loop(program: Program, trained: tuple[Member, ...]) -> None:
    """Train members one after the other with torch's own layers; evaluation and masks as in the engine."""
    import torch
    from torch import nn
    from torch.nn import functional

    from harness.data import _drawing as drawing
    from harness.data import _splits as splits

    source = torch.from_numpy(splits.source()[0])
    recipe, task = program.recipe, program.task
    assert recipe is not None
    for member in trained:
        net = build(program.network)
        linears = [layer for layer in net if isinstance(layer, nn.Linear)]
        masks = []
        assert member.mask is not None
        with torch.no_grad():
            for layer, tensor in zip(linears, program.network.prunable().values(), strict=True):
                shape = tensor.shape
                mask = torch.from_numpy(member.mask[tensor.slice].reshape(shape)).T.contiguous().float()
                layer.weight.copy_(torch.from_numpy(member.start[tensor.slice].reshape(shape)).T * mask)
                masks.append(mask)
        if isinstance(recipe.optimiser, Adam):
            optimiser = torch.optim.Adam(net.parameters(), lr=recipe.optimiser.lr, fused=True)
        else:
            given = recipe.optimiser
            optimiser = torch.optim.SGD(
                net.parameters(), lr=given.lr, momentum=given.momentum, weight_decay=given.weight_decay, fused=True
            )
        batch = drawing.batches(task, member.replicate, 0, size=recipe.batch, first=0, last=recipe.steps)
        images, answers = torch.from_numpy(batch.images), torch.from_numpy(batch.answers)
        held = {split: splits.held_out(task, member.replicate, split) for split in ("validation", "test")}
        fixed = splits.calibration(task, member.replicate)

        def accuracy(split: str, net=net, held=held, fixed=fixed) -> float:
            with torch.no_grad():
                if program.network.batch_norms:  # cumulative averages over the calibration inputs
                    net(source[torch.from_numpy(fixed.images)].flatten(1))
                net.eval()
                inputs = source[torch.from_numpy(held[split].images)].flatten(1)
                hits = net(inputs).argmax(1) == torch.from_numpy(held[split].answers)
                net.train()
            return hits.float().mean().item()

        for step in range(recipe.steps):
            optimiser.param_groups[0]["lr"] = recipe.learning_rate(step)
            loss = functional.cross_entropy(net(source[images[step]].flatten(1)), answers[step])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            for layer, mask in zip(linears, masks, strict=True):
                layer.weight.grad.mul_(mask)
            optimiser.step()
            if (step + 1) % recipe.validate_every == 0:
                accuracy("validation")
        accuracy("test")


def build(network: Network):
    from torch import nn

    from harness.networks._network import BatchNorm, Linear

    layers: list[nn.Module] = []
    for layer in network.layers:
        if isinstance(layer, Linear):
            layers.append(nn.Linear(layer.inputs, layer.outputs, bias=layer.bias))
        elif isinstance(layer, BatchNorm):
            layers.append(nn.BatchNorm1d(layer.features))
        else:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def peak(threads: int) -> float:
    """Return GFLOP/s of a square single-precision product."""
    import torch

    torch.set_num_threads(threads)
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    best = 0.0
    for _ in range(30):
        started = time.perf_counter()
        a @ b
        best = max(best, 2 * 1024**3 / (time.perf_counter() - started) / 1e9)
    return best


def child(case: str, name: str, steps: int, count: int, barrier: float) -> None:
    if case.startswith("peak"):
        print(json.dumps(peak(int(case[-1]))))
        return
    program = shortened(PROGRAMS[name], steps)
    if case.startswith("plain"):
        print(json.dumps(plain(program, min(count, 4), int(case[-1]))))
    else:
        print(json.dumps(engine(program, 1 if case == "alone" else count, barrier)))


def run(case: str, name: str, args: argparse.Namespace, processes: int = 1) -> float:
    """Return the total rate of `processes` children that start measuring together."""
    environment = {**os.environ, **WORKER_ENVIRONMENT} if case in ("alone", "population") else dict(os.environ)
    if case.endswith("2"):
        environment |= {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    barrier = time.time() + 10 if processes > 1 else 0.0
    line = [sys.executable, __file__, "--child", case, name, str(args.steps), str(args.members), str(barrier)]
    children = [subprocess.Popen(line, stdout=subprocess.PIPE, env=environment, text=True) for _ in range(processes)]
    return sum(float(json.loads(c.communicate()[0].splitlines()[-1])) for c in children)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--members", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        case, name, steps, count, barrier = args.child
        child(case, name, int(steps), int(count), float(barrier))
        return
    cases = {
        "alone (1 worker)": ("alone", 1, 1),
        "plain loop, 1 thread": ("plain1", 1, 1),
        "plain loop, 2 threads": ("plain2", 1, 2),
        f"population of {args.members} (1 worker)": ("population", 1, 1),
        f"populations of {args.members} (2 workers)": ("population", 2, 2),
    }
    peaks = {threads: max(run(f"peak{threads}", "", args) for _ in range(args.rounds)) for threads in (1, 2)}
    print(f"matmul peak: {peaks[1]:.0f} GFLOP/s on one thread, {peaks[2]:.0f} on two")
    for name, program in PROGRAMS.items():
        assert program.recipe is not None
        first = next(iter(program.network.prunable().values())).size
        flops = program.recipe.batch * (6 * program.network.weights - 2 * first)
        rates: dict[str, list[float]] = {case: [] for case in cases}
        for _ in range(args.rounds):
            for label, (case, processes, _cores) in cases.items():
                rates[label].append(run(case, name, args, processes))
        best = {label: max(values) for label, values in rates.items()}
        plain_best = max(best["plain loop, 1 thread"], best["plain loop, 2 threads"])
        print(f"\n{name}: {args.steps} steps, {flops / 1e6:.1f} MFLOP a member-step; best of {args.rounds} rounds\n")
        print("| case | member-steps/s | per core | share of peak | over the best plain loop |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for label, (_, _, cores) in cases.items():
            rate = best[label]
            share = rate * flops / 1e9 / peaks[cores]
            print(f"| {label} | {rate:,.0f} | {rate / cores:,.0f} | {share:.0%} | {rate / plain_best:.2f} |")


if __name__ == "__main__":
    main()
