"""What ways to learn gain from packing, an LSTM beside torch's own, policies beside a plain loop: one thread, one run.

    OMP_NUM_THREADS=1 python -m benchmarks.gains [--steps 100] [--rounds 3]

The gain is a member-step's time alone over its time among 32 members, batches included and evaluation left out. Every
step of SNIP, SynFlow and GraSP is a round of pruning; what they gain in all, with the training that follows their
rounds in the candidates, is said after it. An LSTM's forward and backward pass are compared with nn.LSTM's,
which has one member; a step that a policy plays with one of the same policy that plays in its environments one after
the other, as plain loops do. Times are medians; the machine may be shared, so ratios of one run are what counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import median

import torch
from torch import nn

from harness.data import DataSet, Task
from harness.data._tasks import CARTPOLE, DIGIT_DIFFERENCE, DIGITS
from harness.engine._environments import ENVIRONMENTS
from harness.engine._plain import plain_module
from harness.engine._recurrent import recurrent
from harness.expression import ActorCritic, Rewire, Salience, Saliency
from harness.networks._network import Network, mlp
from harness.networks._recipe import SGD, Adam, Recipe, RMSprop
from harness.networks._sequences import LSTM
from harness.population._population import Program
from tests.members import begun, population

MEMBERS, BATCH, TOKENS = 32, 32, 32
EVERY, FOLLOWING = 25, 600  # steps between changes of a mask; after rounds, of candidates on digits
ROUNDS = {"snip": 1, "synflow": 100, "grasp": 1}
WAYS = {
    **{by: Saliency(Salience(by), Fraction(1, 10)) for by in ("snip", "synflow", "grasp")},
    "rigl": Rewire("gradient", every=EVERY),
}


def per_step(program: Program, members: int) -> float:
    updates = begun(population(program, range(members)))
    began = time.process_time()
    steps = sum(1 for _ in updates.run())
    return (time.process_time() - began) / steps


def gains(name: str, network: Network, task: Task, recipe: Recipe, rounds: int) -> None:
    plain = Program(network, task, recipe)
    for way, learn in WAYS.items():
        if way == "grasp" and not network.twice:
            continue
        program = Program(network, task, recipe, learn=learn)
        turns = [
            [  # in turns, as the machine's speed changes
                (median(per_step(p, 1) for _ in range(3)), per_step(p, MEMBERS) / MEMBERS) for p in (program, plain)
            ]
            for _ in range(rounds)
        ]
        alone, packed = (median(turn[0][i] for turn in turns) for i in (0, 1))
        times = ROUNDS.get(way, 1)
        told = f"{1e3 * alone:.2f} ms alone, {1e3 * packed:.2f} packed; of ordinary {relative(turns, 1, 0):.2f}"
        if way in ROUNDS:
            told += f", {times} before {FOLLOWING} ordinary steps {relative(turns, times, FOLLOWING):.2f}"
        print(f"{name}, {way}: {told}", flush=True)


def relative(turns: Sequence[Sequence[tuple[float, float]]], rounds: int, steps: int) -> float:
    """Return the gain of these rounds with steps of ordinary training after them, over ordinary training's."""
    gains = []
    for (alone, packed), (plain_alone, plain_packed) in turns:
        whole, together = rounds * alone + steps * plain_alone, rounds * packed + steps * plain_packed
        gains.append(whole / together * plain_packed / plain_alone)
    return median(gains)


def seconds(pass_: Callable[[], object], times: int) -> float:
    pass_()
    taken = []
    for _ in range(times):
        began = time.process_time()
        pass_()
        taken.append(time.process_time() - began)
    return median(taken)


def lstm(inputs: int, outputs: int, rounds: int) -> None:
    theirs, layer = nn.LSTM(inputs, outputs, batch_first=True), LSTM("lstm", inputs, outputs)
    x_BTI = torch.randn(BATCH, TOKENS, inputs, requires_grad=True)
    x_RBTI = torch.randn(MEMBERS, BATCH, TOKENS, inputs, requires_grad=True)
    params = {p.name: (torch.randn(MEMBERS, *p.shape) / 10).requires_grad_() for p in layer.parameters()}
    ratios = []
    for _ in range(3 * rounds):  # in turns, as the machine's speed changes
        alone = seconds(lambda: theirs(x_BTI)[0].sum().backward(), 16)
        packed = seconds(lambda: recurrent(params, layer, x_RBTI).sum().backward(), 2) / MEMBERS
        ratios.append(alone / packed)
    told = f"nn.LSTM {1e3 * alone:.2f} ms, packed {1e3 * packed:.2f} ms a member in the last of {len(ratios)} turns"
    spread = f"{median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"LSTM {inputs} to {outputs}, batch {BATCH}, {TOKENS} tokens: {told}, {spread}", flush=True)


def policy(rounds: int) -> None:
    """Compare playing alone, without learning: the loop does even less than a population does."""
    network, learn = mlp(4, 128, 128, 128, 3), ActorCritic()
    program = Program(
        network, CARTPOLE, Recipe(optimiser=RMSprop(1e-3), steps=40, batch=1, validate_every=40), learn=learn
    )
    packed = median(per_step(program, MEMBERS) for _ in range(rounds)) / (MEMBERS * learn.environments * learn.steps)
    net, environment = plain_module(network), ENVIRONMENTS[DataSet.CARTPOLE]
    state = torch.zeros(1, 1, 4, dtype=torch.float64)

    def play() -> None:
        nonlocal state
        with torch.no_grad():
            logits = net(environment.observe(state)[0].float())[0, :-1]
        action = torch.distributions.Categorical(logits=logits).sample()
        state, _, over = environment.advance(state, action[None, None])
        state = torch.zeros_like(state) if over else state

    alone = seconds(play, 300 * rounds)
    told = f"{1e6 * alone:.0f} us played one by one, {1e6 * packed:.1f} us packed, learning included"
    print(f"a step of a policy, MLP 128 x 3, CartPole: {told}, {alone / packed:.0f}x", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    once = {"steps": given.steps, "batch": 60, "validate_every": given.steps}
    gains("digits 300-100", mlp(64, 300, 100, 10), DIGITS, Recipe(optimiser=Adam(1.2e-3), **once), given.rounds)
    deep = mlp(128, *[64] * 8, 10, batch_norm=True)
    gains("pairs 8x64", deep, DIGIT_DIFFERENCE, Recipe(optimiser=SGD(0.1, momentum=0.9), **once), given.rounds)
    for widths in ((32, 64), (32, 96), (96, 96), (64, 128)):
        lstm(*widths, given.rounds)
    policy(given.rounds)
