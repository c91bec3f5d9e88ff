"""Everything that needs a GPU, in the order of its value: checks, claims at scale standard and paper, measurements.

    python -m benchmarks.gpu_campaign --out campaign --time-limit 25m [--data-dir DIR] [--store DIR] [--only tests]

Each stage leaves its output in a folder of --out and is not run again once it has ended well; claims go on from what
the store has. Nothing is begun that the limit leaves too little time for. What is in --out (text, JSON, reports
with their figures and results.parquet; never a store) is packed into one file, campaign.tar.gz, after every stage,
so that a machine can be given back at any time. A claim that is not locked at its scale yet is piloted, and the log of
pilots comes along; once it is locked, the next campaign runs it.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness.compute._limit import Limit
from harness.design._lock import Registry

ROOT = Path(__file__).resolve().parents[1]
PILOTS = 3  # replicates
ENDED = -1  # the status of a stage that was ended by the limit
ENGINE = {  # network: numerics, population sizes
    "lenet": ("float32", (1, 20, 60, 180)),
    "conv2": ("tf32", (1, 8, 20, 60)),
    "resnet20": ("tf32", (1, 8, 20, 60)),
    "lenet5": ("float32", (1, 20, 60)),
    "conv4": ("tf32", (1, 8, 20)),
    "conv6": ("tf32", (1, 8, 20)),
    "conv8": ("tf32", (1, 8, 20)),
    "vgg19": ("tf32", (1, 4, 8)),
}
CLAIMS = (  # scale, claim
    ("standard", "frankle2019b/late-resetting-stabilises"),
    ("standard", "ramanujan2020/edge-popup-matches-trained"),
    ("standard", "frankle2019/any-input-scaling"),
    ("paper", "frankle2019/iterative-beats-one-shot"),
    ("paper", "frankle2019/random-reinit-hurts"),
    ("paper", "frankle2019b/late-resetting-stabilises"),
    ("paper", "ramanujan2020/edge-popup-matches-trained"),
)


@dataclass(frozen=True)
class Stage:
    """A command, run where at least `least_s` seconds are left; one that `continues` may end early and go on later."""

    name: str
    command: tuple[str, ...]
    least_s: float
    continues: bool = False


def stages(out: Path, store: Path, device: str, data_dir: Path | None) -> list[Stage]:
    """Return all stages in the order in which they are run."""
    python = sys.executable
    data = () if data_dir is None else ("--data-dir", str(data_dir))
    images = data or ("--random-images",)
    found = [Stage("tests", (python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/engine/test_cuda.py"), 60)]
    locked = {(entry.scale, entry.claim) for entry in Registry(ROOT / "claims" / "registry.lock").entries}
    for scale, claim in CLAIMS:
        name = f"{scale}-{claim.replace('/', '-')}"
        where = (claim, "--scale", scale, "--device", device, *data, "--store", str(store))
        if (scale, claim) in locked:
            made = ("verify", *where, "--out", str(out / name / "report"))
        else:
            name, made = f"pilot-{name}", ("pilot", *where, "--replicates", str(PILOTS))
        found.append(Stage(name, (python, "-m", "harness", *made), 90, continues=True))
    for network, (numerics, sizes) in ENGINE.items():
        members = tuple(str(size) for size in sizes)
        script = (python, "-m", "benchmarks.engine", "--device", device, "--networks", network, "--numerics", numerics)
        to = ("--json", str(out / f"engine-{network}" / "table.json"))
        found.append(Stage(f"engine-{network}", (*script, "--members", *members, *images, *to), 60))
    table = (python, "-m", "benchmarks.convolution", "--device", device, "--numerics", "tf32")
    found.append(Stage("convolution", (*table, "--json", str(out / "convolution" / "table.json")), 60))
    return found


def run(stage: Stage, folder: Path, limit: Limit) -> int:
    """Run a stage, with its output in `folder`; return its exit status, `ENDED` where the limit ended it."""
    folder.mkdir(parents=True, exist_ok=True)
    command, started = list(stage.command), time.monotonic()
    left_s = None if math.isinf(limit.left_s) else limit.left_s
    if stage.continues and left_s is not None:
        command += ["--time-limit", f"{int(left_s * 0.9)}s"]  # judging and figures take some of it
    with (folder / "output.txt").open("w") as output:
        try:
            ended = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, timeout=left_s)
            status = ended.returncode
        except subprocess.TimeoutExpired:
            status = ENDED
    whole = status == 0 and "to be continued" not in (folder / "output.txt").read_text()
    if "pilot" in command:
        shutil.copy(ROOT / "docs" / "pilots.csv", folder)
    took_s = time.monotonic() - started
    said = {"command": command, "status": status, "seconds": round(took_s, 1), "whole": whole}
    (folder / "stage.json").write_text(json.dumps(said, indent=1))
    print(f"{stage.name}: status {status}, {took_s:.0f} s{'' if whole else ', to be continued'}", flush=True)
    return status


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
    parser.add_argument("--time-limit", help="such as 25m; without one, until everything is done")
    parser.add_argument("--only", nargs="*", default=[], help="stages by name")
    parser.add_argument("--list", action="store_true", help="print the stages and what is left")
    args = parser.parse_args()
    limit, out = Limit.starting_now(args.time_limit), args.out.resolve()
    every = stages(out, args.store.resolve(), args.device, args.data_dir and args.data_dir.resolve())
    if unknown := set(args.only) - {stage.name for stage in every}:
        parser.error(f"no stage {', '.join(sorted(unknown))}; see --list")
    failed = []
    for stage in every:
        if args.only and stage.name not in args.only:
            continue
        done = is_done(out / stage.name)
        if args.list or done:
            print(f"{stage.name}: {'done' if done else 'to do'}")
        elif limit.left_s < stage.least_s:
            print(f"{stage.name}: to be continued, {limit.left_s:.0f} s left of the limit")
        else:
            if run(stage, out / stage.name, limit) not in (0, ENDED):
                failed.append(stage.name)
            pack(out)
    if failed:
        print(f"did not end well: {', '.join(failed)}; their output is in {out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
