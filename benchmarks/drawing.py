"""How many member-steps' batches one core draws a second, buffers included, which a GPU's training must not outrun.

OMP_NUM_THREADS=1 python -m benchmarks.drawing [--members 64] [--data-dir DIR]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from benchmarks.engine import AUGMENTED
from harness.data import DIGITS, MNIST, look_in
from harness.engine._feed import Feed
from harness.networks import SGD, Recipe, mlp
from harness.population import Program, chunks
from tests.members import population

CASES = {"LeNet on MNIST": (MNIST, 60, 2), "ResNet-20 with crops": (AUGMENTED, 128, 2), "digits": (DIGITS, 60, 50)}


def drawn_a_second(task, batch: int, epochs: int, members: int) -> float:
    steps = task.train_images // batch * epochs
    program = Program(mlp(task.inputs, 1, 10), task, Recipe(optimiser=SGD(0.1), steps=steps, batch=batch))
    feed = Feed(population(program, range(members)), torch.device("cpu"))
    planned = list(chunks(program, 0, steps))
    room = feed.room(max(count for _, count in planned), torch.device("cpu"))
    feed.draw(room, 0, 1)  # pools are made
    began = time.process_time()
    for first, count in planned:
        feed.draw(room, first, first + count)
    return members * steps / (time.process_time() - began)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=64)
    parser.add_argument("--data-dir", type=Path)
    given = parser.parse_args()
    if given.data_dir:
        look_in(given.data_dir)
    for name, case in CASES.items():
        rates = [drawn_a_second(*case, given.members) for _ in range(3)]
        print(f"{name}, {given.members} members: {max(rates):,.0f} member-steps a second, the best of {len(rates)}")
