"""A network of the harness written with torch's own layers, and the loop that one would write to train one of it.

The loop is the plain, well-written one that a population is compared with: a fused optimiser; on a CPU a
`TensorDataset` and a `DataLoader` without workers, inputs scaled once beforehand; on a GPU all data there, batches by
`randperm`, channels last. Several such networks are trained on streams of a GPU, in one graph. Masks, crops and
validation as in the engine; BatchNorm evaluates with running moments.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.timing import numerics_of, synchronise
from harness.data import _splits as splits
from harness.data._tasks import CROPS, Augment
from harness.engine._pixels import cropped, scaled
from harness.engine._plain import plain_module, put, unflattened
from harness.networks._recipe import Adam
from harness.population._population import Member, Program

WARM = 3  # steps before the clock starts
STREAMS = 8  # on which several networks of a GPU are trained together
CHUNK = {"cpu": 250, "cuda": 1000}  # examples of one evaluation pass


def measure(program: Program, member: Member, device: torch.device, seconds: float) -> dict[str, float]:
    """Return seconds of one step and of evaluating one example, each measured for about `seconds`."""
    net, step = _learner(program, member, device)
    done, started = 0, 0.0
    for x, y in _forever(program, member, device):
        if done == WARM:
            synchronise(device)
            started = time.perf_counter()
        step(x, y)
        done += 1
        if done > WARM and (device.type == "cpu" or done % 100 == 0):
            synchronise(device)
            if time.perf_counter() - started >= seconds:
                break
    training_s = (time.perf_counter() - started) / (done - WARM)
    return {"training_s": training_s, "evaluation_s": _evaluation_s(program, member, net, device, seconds / 3)}


def together(program: Program, members: Sequence[Member], device: torch.device, seconds: float) -> float:
    """Return the seconds of a member-step of several plain networks, measured for about `seconds`.

    On a GPU each is on one of `STREAMS` streams, and a step of all is one graph, with its batches drawn in it.
    """
    assert program.recipe is not None
    size, learners = program.recipe.batch, [_learner(program, member, device, capturable=True) for member in members]
    x, y = (each.to(device) for each in _split(program, members[0], "train", as_inputs=_ready_made(program)))
    side = [torch.cuda.Stream(device) for _ in range(min(STREAMS, len(members)))] if device.type == "cuda" else []

    def step(number: int) -> None:
        chosen = torch.randint(len(y), (size,), device=device)
        learners[number][1](x[chosen], y[chosen])

    def every() -> None:
        for stream in side:
            stream.wait_stream(torch.cuda.current_stream(device))
        for number in range(len(members)):
            with torch.cuda.stream(side[number % len(side)]) if side else nullcontext():
                step(number)
        for stream in side:
            torch.cuda.current_stream(device).wait_stream(stream)

    made = _captured(every, device)
    for _ in range(WARM):
        made()
    synchronise(device)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        made()
        done += 1
        if done % 10 == 0:
            synchronise(device)
    synchronise(device)
    return (time.perf_counter() - started) / done / len(members)


def _captured(every: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Return what does what a function does: on a GPU a graph of it."""
    if device.type != "cuda":
        return every
    beside = torch.cuda.Stream(device)
    beside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(beside):
        for _ in range(WARM):
            every()
    torch.cuda.current_stream(device).wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        every()
    return graph.replay


def _learner(
    program: Program, member: Member, device: torch.device, *, capturable: bool = False
) -> tuple[nn.Module, Callable[[Tensor, Tensor], None]]:
    """Return a plain network with a member's weights and mask, and what takes a step of its training on a batch."""
    recipe, task, network = program.recipe, program.task, program.network
    assert recipe is not None
    assert member.mask is not None
    net = plain_module(network)
    put(net, network, np.where(member.mask, member.start, np.float32(0)))
    net.to(device, memory_format=torch.channels_last if device.type == "cuda" else torch.preserve_format)
    parameters = list(net.parameters())
    tensors = zip(parameters, network.tensors(), unflattened(network, member.mask), strict=True)
    masks = [(p, torch.empty_like(p).copy_(mask)) for p, tensor, mask in tensors if tensor.prunable]
    given = recipe.optimiser
    if isinstance(given, Adam):
        capturable = capturable and device.type == "cuda"
        optimiser: torch.optim.Optimizer = torch.optim.Adam(parameters, lr=given.lr, fused=True, capturable=capturable)
    else:
        optimiser = torch.optim.SGD(
            parameters, lr=given.lr, momentum=given.momentum, weight_decay=given.weight_decay, fused=True
        )

    def inputs(x: Tensor) -> Tensor:
        if task.augment is Augment.NONE:
            return x
        return scaled(cropped(x, torch.randint(CROPS, (len(x),), device=device), task), task)

    def step(x: Tensor, y: Tensor) -> None:
        with numerics_of(recipe.numerics, device):
            loss = functional.cross_entropy(net(inputs(x)), y)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for parameter, mask in masks:
            assert parameter.grad is not None
            parameter.grad.mul_(mask)
        optimiser.step()

    return net, step


def _evaluation_s(program: Program, member: Member, net: nn.Module, device: torch.device, seconds: float) -> float:
    """Return the seconds of evaluating one example, measured for about `seconds`."""
    assert program.recipe is not None
    numerics = program.recipe.numerics

    def right(x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad(), numerics_of(numerics, device):
            return (net(x).argmax(1) == y).sum()

    net.eval()
    x, y = _split(program, member, "validation", as_inputs=True)
    held_out = DataLoader(TensorDataset(x.to(device), y.to(device)), batch_size=CHUNK[device.type])
    seen, correct, started = 0, 0.0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        for x, y in held_out:
            correct += float(right(x, y))
            seen += len(x)
            if time.perf_counter() - started >= seconds:
                break
    assert 0 <= correct <= seen
    return (time.perf_counter() - started) / seen


def _ready_made(program: Program) -> bool:
    """Whether inputs are made once, and not of each batch anew."""
    return program.task.augment is Augment.NONE


def _forever(program: Program, member: Member, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield shuffled batches, epoch after epoch, the last partial one of each dropped."""
    assert program.recipe is not None
    size = program.recipe.batch
    x, y = _split(program, member, "train", as_inputs=_ready_made(program))
    if device.type == "cpu":
        loader = DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True, drop_last=True)
        while True:
            yield from ((x, y) for x, y in loader)
    x, y = x.to(device), y.to(device)
    while True:
        for chosen in torch.randperm(len(y), device=device)[: len(y) // size * size].view(-1, size):
            yield x[chosen], y[chosen]


def _split(program: Program, member: Member, split: str, *, as_inputs: bool) -> tuple[Tensor, Tensor]:
    """Return the images of a split, as they are stored or scaled to inputs, and their labels."""
    task = program.task
    images, labels = splits.source(task.source)
    chosen = splits.pools(task.splitter(member.replicate), task)[split]
    x = torch.from_numpy(images[chosen])
    return scaled(x, task) if as_inputs else x, torch.from_numpy(labels[chosen])
