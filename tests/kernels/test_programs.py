"""Each Triton kernel gives what its twin gives, by Triton's interpreter, and compiles for GPUs that are not here.

Also tests `kernels._step_programs`, `kernels._batch_norm_programs` and `kernels._launching`.
"""

import os
import subprocess
import sys

import pytest
import torch

from harness.kernels import _twins
from tests.kernels.cases import CASES, assert_near, computed
from tests.project import ROOT

triton = pytest.importorskip("triton", reason="torch for CPUs alone comes without Triton")


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
    assert_near(name, interpreted[name], exact[name])


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
    from harness.kernels import _launching, _programs

    found = {}

    def note(program, grid, *given, num_warps=4, **constants):
        # of numbers that are 1 Triton makes constants too
        named = dict(zip(program.arg_names, given, strict=False))
        constants |= {name: 1 for name, value in named.items() if not torch.is_tensor(value) and value == 1}
        types = {name: _type(value) for name, value in named.items()} | dict.fromkeys(constants, "constexpr")
        found[program.fn.__name__, *types.items(), *constants.items()] = (program, types, constants, num_warps)

    monkeypatch.setattr(_launching, "_begin", note)
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

    from harness.kernels._launching import OPTIONS

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
