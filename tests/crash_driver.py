"""Runs the small plan in forked children and kills each with SIGKILL at a random moment, until one ends by itself.

    python -m tests.crash_driver STORE KILLS SEED KIND

KIND is ``cpu``, or ``cuda`` for records that a thread writes. Prints the moments of the kills as JSON. Torch is
imported once, so that most moments fall into computing and writing.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from harness.compute._run import run_plan
from tests.inline import Inline, small_plan


def attempt(path: Path, kind: str) -> None:
    plan = small_plan(path)
    plan.kind = kind
    with plan.store.writing() as writer:
        run_plan(plan, writer, Inline(), provenance={})


def main() -> None:
    path, kills, seed, kind = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    torch.set_num_threads(1)
    draw = random.Random(seed)
    moments: list[float] = []
    while True:
        child = os.fork()
        if child == 0:
            attempt(path, kind)
            os._exit(0)
        if len(moments) < kills:
            moment = draw.uniform(0.0, 0.25)
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
            moments.append(round(moment, 4))
            os.waitpid(child, 0)
            continue
        _, status = os.waitpid(child, 0)
        print(json.dumps({"moments": moments, "status": status}))
        return


if __name__ == "__main__":
    main()
