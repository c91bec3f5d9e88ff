"""Each Triton kernel gives what its twin gives, by Triton's interpreter, and compiles for GPUs that are not here."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from harness.kernels import _twins
from tests.kernels.cases import CASES, NEVER_TOUCHED, computed
from tests.project import ROOT

triton = pytest.importorskip("triton", reason="torch for CPUs alone comes without Triton")

ULPS = 2  # of the larger of what was there and what is there now
OF_THE_LARGEST = 1e-6  # the error of a sum
OF_BFLOAT16 = 2.0**-7  # the error of a number that becomes one: the interpreter does not round, it cuts off
SUMS = {("cross_entropy", "z"), ("cross_entropy", "db"), ("cross_entropy", "loss"), ("rectify_back", "db")}
SUMS |= {("normalise", what) for what in ("y", "mean", "rstd")}
SUMS |= {("normalise_back", what) for what in ("dx", "dscale", "dshift")}


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    """What Triton's interpreter makes of every case, in a process of its own: it has to be on before an import."""
    file = tmp_path_factory.mktemp("interpreted") / "memory.pt"
    command = [sys.executable, "-m", "tests.kernels.cases", file]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "TRITON_INTERPRET": "1"}, timeout=120)
    return torch.load(file)


@pytest.fixture(scope="module")
def exact():
    """What the twins make of every case in float64."""
    return computed(_twins, torch.float64)


@pytest.mark.parametrize("name", CASES)
def test_a_program_gives_what_its_twin_gives(name, interpreted, exact):
    """Within rounding of float64, no numbers in the same places; what lies between rows is as it was."""
    kernel = name.partition(" ")[0]
    before = CASES[name](torch.float64).memory
    for what, expected in exact[name].items():
        coarse = interpreted[name][what].dtype == torch.bfloat16
        found, expected, was = (each.double().numpy() for each in (interpreted[name][what], expected, before[what]))
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        there = np.isfinite(expected)
        if (kernel, what) in SUMS:
            summed = expected[there & (expected != NEVER_TOUCHED)]
            allowed = np.full(expected.shape, OF_THE_LARGEST * abs(summed).max(initial=0))
        else:
            larger = np.maximum(abs(expected), abs(np.nan_to_num(was)))
            allowed = ULPS * np.spacing(np.nan_to_num(larger).astype(np.float32))
        if coarse:
            allowed += OF_BFLOAT16 * np.nan_to_num(abs(expected))
        assert (abs(found - expected)[there] <= allowed[there]).all(), what


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(("adam", "sgd"))])
def test_what_is_removed_stays_exactly_zero(name, interpreted):
    """Whatever its gradient is, with the optimiser's state of it."""
    memory = interpreted[name]
    removed = memory["mask"] == 0
    assert all((values[removed] == 0).all() for what, values in memory.items() if what != "mask")


TYPES = {
    torch.float32: "fp32",
    torch.bfloat16: "bf16",
    torch.uint8: "u8",
    torch.int32: "i32",
    torch.int64: "i64",
}


def launched(monkeypatch):
    """Return every different launch of the cases: its program, the types of what it is given, and its constants."""
    from harness.kernels import _programs

    found = {}

    def note(program, grid, *given, num_warps=4, **constants):
        # of numbers that are 1 Triton makes constants too
        named = dict(zip(program.arg_names, given, strict=False))
        constants |= {name: 1 for name, value in named.items() if not torch.is_tensor(value) and value == 1}
        types = {name: _type(value) for name, value in named.items()} | dict.fromkeys(constants, "constexpr")
        found[program.fn.__name__, *types.items(), *constants.items()] = (program, types, constants, num_warps)

    monkeypatch.setattr(_programs, "_launch", note)
    computed(_programs, torch.float32)
    return list(found.values())


def _type(value):
    if not torch.is_tensor(value):
        return "i32"
    return "*" + TYPES[value.dtype]


@pytest.mark.parametrize("capability", [80, 90])
def test_every_program_compiles(capability, monkeypatch, tmp_path):
    """Of A100 each once, of H100 with each set of constants among the cases: machine code comes out of it."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from harness.kernels._programs import OPTIONS

    ptxas = triton.knobs.nvidia.ptxas
    if not os.path.isfile(getattr(ptxas, "path", ptxas)):
        pytest.skip("Triton is here without NVIDIA's assembler, ptxas")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    launches = launched(monkeypatch)
    assert {launch[0].fn.__name__ for launch in launches} >= {f"_{name.partition(' ')[0]}" for name in CASES}
    if capability == 80:
        launches = {launch[0].fn.__name__: launch for launch in launches}.values()
    for program, types, constants, num_warps in launches:
        source = ASTSource(program, {name: types[name] for name in program.arg_names}, constants)
        options = OPTIONS | {"num_warps": num_warps}
        compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
        assert f".target sm_{capability}" in compiled.asm["ptx"]
        assert len(compiled.asm["cubin"]) > 1000
