"""Everything that needs a GPU, in one process and the order of its value: tests, speeds, claims, what they differ in.

    python -m benchmarks.gpu_campaign --out campaign [--time-limit 10m] [--data-dir DIR] [--store DIR] [--only tests]

Each stage leaves a folder in --out with its output, and is not run again once it has ended well; claims go on from what
the store has. Nothing is begun that the limit leaves too little time for. What is in --out (text, JSON, reports with
their figures and results.parquet; never a store) is packed into one file, campaign.tar.gz, after every stage, so that a
machine can be given back at any time. A claim that is not locked at its scale is piloted. Where rows of a claim are
committed, the new ones are compared with them: bias over all trainings, spread, verdicts that are other ones.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tarfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from subprocess import CalledProcessError
from typing import TextIO

import pytest
import torch

from benchmarks import engine, plain, vmapped
from benchmarks.timing import about, ceilings, significant, table
from harness.__main__ import main as harness
from harness.compute._limit import Limit
from harness.design._lock import Registry
from harness.engine import _nn as nn
from harness.kernels import compiles, out_of_memory

ROOT = Path(__file__).resolve().parents[1]
PILOTS = 3  # replicates
MEMBERS = (1, 16, 64, 256)
SECONDS = 0.6  # of a measurement
SPEEDS = {  # network: numerics, and the largest of `MEMBERS` that is measured
    "lenet": (("float32", "tf32"), 256),
    "lenet5": (("float32",), 64),
    "resnet20": (("tf32", "bfloat16"), 64),
    "conv2": (("tf32", "bfloat16"), 64),
    "conv6": (("tf32", "bfloat16"), 16),
    "vgg19": (("tf32",), 16),
}
PLAIN, STREAMS, BY_TORCH, JAX = "a plain module", "plain modules on streams, one graph", "torch's operators", "JAX"
KERNELS = ("lenet", "resnet20")  # of which both ways are measured: our own kernels, and torch's operators
CONVOLVED, TOGETHER = ("resnet20", "conv2", "conv6"), 16  # of which every way is measured, with so many members
WAYS: tuple[nn.Way, ...] = ("grouped", "streams", "channels last")
CLAIMS = (  # scale, claims
    ("standard", ("frankle2019",)),
    ("micro", ("frankle2019", "frankle2019b", "ramanujan2020", "frankle2018", "frankle2020", "han2015")),
    ("standard", ("frankle2019b/late-resetting-stabilises",)),
    ("standard", ("ramanujan2020/edge-popup-matches-trained",)),
    ("paper", ("frankle2019/iterative-beats-one-shot",)),
)


@dataclass(frozen=True)
class Stage:
    """What is done with a folder for its output, where at least `least_s` seconds are left."""

    name: str
    do: Callable[[Path, Limit], bool]  # whether it ended well, and need not go on another time
    least_s: float


class _Skipped:
    """A plugin of pytest that counts the tests that were skipped."""

    def __init__(self) -> None:
        self.tests = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests += report.skipped


def tests(out: Path, limit: Limit) -> bool:
    """Run the tests that need a GPU; they have not ended well where some were skipped, for want of one or of Triton."""
    skipped = _Skipped()
    files = [str(ROOT / "tests" / "engine" / "test_cuda.py")]
    return pytest.main(["-q", "-rs", "-p", "no:cacheprovider", *files], [skipped]) == 0 and not skipped.tests


def speeds(device: str, out: Path, limit: Limit) -> bool:
    """Measure steps of training a second: populations of several sizes, one plain module, and JAX where it is.

    What an earlier try has measured is not measured again.
    """
    on, file = torch.device(device), out / "speeds.json"
    found = {"about": about(on, "several"), "ceilings": ceilings(on, "tf32"), "rows": []}
    print(", ".join(found["about"].values()))
    print(", ".join(f"{name} {significant(value / 1e9)}e9" for name, value in found["ceilings"].items()), flush=True)
    rates = {tuple(case): rate for *case, rate in json.loads(file.read_text())["rows"]} if file.is_file() else {}
    cases = list(_cases())
    for case in (each for each in cases if each not in rates):
        if limit.left_s < 10:
            break
        rates[case] = _rate(*case, device)
        found["rows"] = [[*each, rate] for each, rate in rates.items()]
        file.write_text(json.dumps(found, indent=1))
    text = _as_table(rates)
    (out / "speeds.md").write_text(text + "\n")
    print(text)
    return all(case in rates for case in cases)


Measured = tuple[str, str, str, int]  # network, numerics, what, members


def _cases() -> Iterator[Measured]:
    """Yield what is measured, in the order of its value."""
    for network, (every, most) in SPEEDS.items():
        sizes = [members for members in MEMBERS if members <= most]
        for numerics in every:
            yield network, numerics, PLAIN, 1
            for what in _ways(network):
                yield from ((network, numerics, what, members) for members in sizes)
    for network in CONVOLVED:
        for numerics in SPEEDS[network][0]:
            yield from ((network, numerics, way, TOGETHER) for way in WAYS)


def _ways(network: str) -> tuple[str, ...]:
    """Return the ways in which populations of a network are measured."""
    ways = (*((BY_TORCH,) if network in KERNELS else ()), "population", STREAMS)
    return (*ways, *((JAX,) if network == "lenet" and find_spec("jax") else ()))


def _as_table(rates: Mapping[Measured, float]) -> str:
    """Return what was measured, a row for each network, its numerics and the way."""
    rows = []
    for network, (every, _) in SPEEDS.items():
        for numerics in every:
            for way in (*_ways(network), *(WAYS if network in CONVOLVED else ())):
                measured = [rates.get((network, numerics, way, members)) for members in MEMBERS]
                alone = rates.get((network, numerics, PLAIN, 1))
                cells = [significant(rate) if rate else "" for rate in (alone, *measured)]
                rows.append([f"{network}, {numerics}, {way}", *cells])
    return table(["member-steps/s", PLAIN, *(f"R = {members}" for members in MEMBERS)], rows)


def _rate(network: str, numerics: str, what: str, members: int, device: str) -> float:
    """Return steps of training a second of all members together; 0 where that fails for want of memory or of JAX."""
    if what == JAX:
        try:
            return vmapped.in_a_process(members, numerics, SECONDS, device)
        except CalledProcessError:  # it has told why; what is measured after it is worth its time all the same
            return 0.0
    case = engine.Case("plain" if what == PLAIN else what, network, members, device, numerics, SECONDS, False)
    before, convolved = os.environ.get("HARNESS_KERNELS"), nn.CONVOLUTION[device]
    if what in WAYS:
        nn.CONVOLUTION[device] = what
    if what == BY_TORCH:
        os.environ["HARNESS_KERNELS"] = "torch"
    compiles.cache_clear()
    try:
        if what == PLAIN:
            return 1 / engine.child(case)["training_s"]
        if what == STREAMS:
            packed = engine.members(case.program, members)
            return 1 / plain.together(case.program, packed, torch.device(device), SECONDS)
        return 1 / engine.training_s(case, torch.device(device))
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        return 0.0
    finally:
        nn.CONVOLUTION[device] = convolved
        os.environ.pop("HARNESS_KERNELS", None)
        if before is not None:
            os.environ["HARNESS_KERNELS"] = before
        compiles.cache_clear()
        if device == "cuda":
            torch.cuda.empty_cache()


def claims(
    scale: str, names: tuple[str, ...], device: str, store: Path, data: tuple[str, ...], out: Path, limit: Limit
) -> bool:
    """Verify claims, or pilot those that are not locked, and compare rows with the committed ones."""
    locked = {(entry.scale, entry.claim) for entry in Registry(ROOT / "claims" / "registry.lock").entries}
    known = all(
        any(claim == name or claim.startswith(f"{name}/") for s, claim in locked if s == scale) for name in names
    )
    given = [*names, "--scale", scale, "--device", device, *data, "--store", str(store)]
    if not math.isinf(limit.left_s):
        given += ["--time-limit", f"{int(limit.left_s * 0.9)}s"]  # judging and figures take some of it
    if not known:
        status = _harness("pilot", *given, "--replicates", str(PILOTS))
        shutil.copy(ROOT / "docs" / "pilots.csv", out)
        return status == 0
    status = _harness("verify", *given, "--out", str(out / "report"))
    if (committed := ROOT / "reports" / scale).is_dir() and (out / "report" / "results.parquet").is_file():
        _harness("diff", str(committed), str(out / "report"), "--scale", scale)
    return status == 0


def _harness(*command: str) -> int:
    """Run a command of the harness in this process; return its exit status."""
    print(f"$ harness {' '.join(command)}", flush=True)
    before, sys.argv = sys.argv, ["harness", *command]
    try:
        harness()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


def stages(store: Path, device: str, data_dir: Path | None) -> list[Stage]:
    """Return all stages in the order in which they are run."""
    data = () if data_dir is None else ("--data-dir", str(data_dir))

    def measured(out: Path, limit: Limit) -> bool:
        return speeds(device, out, limit)

    found = [Stage("tests", tests, 30), Stage("speeds", measured, 60)]
    for scale, names in CLAIMS:

        def verified(out: Path, limit: Limit, scale: str = scale, names: tuple[str, ...] = names) -> bool:
            return claims(scale, names, device, store, data, out, limit)

        found.append(Stage(f"{scale}-{names[0].replace('/', '-')}", verified, 45))
    return found


class _Both:
    """Writes what is printed into a file too."""

    def __init__(self, *places: TextIO) -> None:
        self._places = places

    def write(self, text: str) -> int:
        for place in self._places:
            place.write(text)
        return len(text)

    def flush(self) -> None:
        for place in self._places:
            place.flush()

    def isatty(self) -> bool:
        return False


@contextmanager
def _kept(file: Path) -> Iterator[None]:
    with file.open("w") as kept, redirect_stdout(_Both(sys.stdout, kept)), redirect_stderr(_Both(sys.stderr, kept)):
        yield


def run(stage: Stage, folder: Path, limit: Limit) -> bool:
    """Run a stage, with its output in `folder`; return whether it ended well."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with _kept(folder / "output.txt"):
        try:
            well = stage.do(folder, limit)
        except Exception:  # the stages after it are worth their time all the same
            traceback.print_exc()
            well = False
    well = well and "to be continued" not in (folder / "output.txt").read_text()
    took_s = time.monotonic() - started
    (folder / "stage.json").write_text(json.dumps({"seconds": round(took_s, 1), "whole": well}, indent=1))
    print(f"{stage.name}: {took_s:.0f} s, {'whole' if well else 'not whole'}", flush=True)
    return well


def is_done(folder: Path) -> bool:
    """Return whether an earlier run of the stage ended well."""
    said = folder / "stage.json"
    return said.is_file() and json.loads(said.read_text())["whole"]


def pack(out: Path) -> None:
    """Pack everything that `out` holds into one file in it."""
    partial = out / "campaign.tar.gz.partial"
    with tarfile.open(partial, "w:gz") as packed:
        for path in sorted(out.iterdir()):
            if path.is_dir():
                packed.add(path, path.name)
    partial.replace(out / "campaign.tar.gz")


def main() -> int:
    """Run what is left to be run within the limit; the status is 1 where a stage did not end well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / ".harness" / "campaign")
    parser.add_argument("--store", type=Path, default=ROOT / ".harness" / "gpu-store")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--time-limit", default="10m", help="such as 25m")
    parser.add_argument("--only", nargs="*", default=[], help="stages by name")
    parser.add_argument("--list", action="store_true", help="print the stages and what is left")
    args = parser.parse_args()
    limit, out = Limit.starting_now(args.time_limit), args.out.resolve()
    every = stages(args.store.resolve(), args.device, args.data_dir and args.data_dir.resolve())
    if unknown := set(args.only) - {stage.name for stage in every}:
        parser.error(f"no stage {', '.join(sorted(unknown))}; see --list")
    if args.data_dir:
        engine.look_in(args.data_dir)
    well = True
    for stage in every:
        if args.only and stage.name not in args.only:
            continue
        done = is_done(out / stage.name)
        if args.list or done:
            print(f"{stage.name}: {'done' if done else 'to do'}")
        elif limit.left_s < stage.least_s:
            print(f"{stage.name}: to be continued, {limit.left_s:.0f} s left of the limit")
            well = False
        else:
            well = run(stage, out / stage.name, limit) and well
            pack(out)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
