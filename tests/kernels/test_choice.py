"""Which way the kernels are done, by device: all that the engine knows of Triton."""

import inspect
import warnings

import pytest
import torch

from harness.engine import _machine
from harness.engine._machine import versions
from harness.kernels import Kernels, _choice, _twins, compiles, kernels_for

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
KERNELS = [name for name in vars(Kernels) if not name.startswith("_")]


@pytest.fixture
def programs():
    """The kernels in Triton."""
    pytest.importorskip("triton", reason="torch for CPUs alone comes without Triton")
    from harness.kernels import _programs

    return _programs


@pytest.fixture
def launching():
    """What launches them."""
    pytest.importorskip("triton", reason="torch for CPUs alone comes without Triton")
    from harness.kernels import _launching

    return _launching


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch):
    """Forget what devices were found to be; a driver tells what it is."""
    monkeypatch.setattr(_machine, "told_by_driver", lambda device: ("a driver",))
    compiles.cache_clear()
    yield
    compiles.cache_clear()


def test_a_cpu_has_torch_s():
    """Triton makes no programs for a CPU."""
    assert not compiles(CPU)
    assert kernels_for(CPU) is _twins
    assert set(versions(CPU)) == {"torch", "numpy", "cuda"}


def test_a_gpu_has_triton_s_where_a_launch_succeeds(programs, launching, monkeypatch):
    """One small launch is tried."""
    launched = []
    monkeypatch.setattr(_choice.torch, "zeros", lambda *shape, device: torch.ones(shape))
    monkeypatch.setattr(launching, "launch", lambda *given, **constants: launched.append(given))
    assert kernels_for(CUDA) is programs
    assert kernels_for(CUDA) is programs
    assert len(launched) == 1
    assert versions(CUDA)["triton"] == programs.triton.__version__


def test_a_gpu_without_a_compiler_has_torch_s_and_it_is_said(programs, launching, monkeypatch):
    """What Triton misses is in a warning, which comes once."""

    def fails(*given, **constants):
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setattr(_choice.torch, "zeros", lambda *shape, device: torch.ones(shape))
    monkeypatch.setattr(launching, "launch", fails)
    with pytest.warns(UserWarning, match="no kernels are made by Triton here.*Failed to find C compiler"):
        assert kernels_for(CUDA) is _twins
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kernels_for(CUDA) is _twins


def test_a_card_that_others_fill_is_asked_again(programs, launching, monkeypatch):
    """A worker whose first launch finds no memory does not stay with torch's operators for its whole life."""
    answers = [RuntimeError("Triton Error [CUDA]: out of memory"), None]

    def launched(*given, **constants):
        if (error := answers.pop(0)) is not None:
            raise error

    monkeypatch.setattr(_choice.torch, "zeros", lambda *shape, device: torch.ones(shape))
    monkeypatch.setattr(launching, "launch", launched)
    with pytest.raises(RuntimeError, match="out of memory"):
        kernels_for(CUDA)
    assert kernels_for(CUDA) is programs


def test_another_way_than_there_is_is_refused(monkeypatch):
    """It would be taken for one of the two."""
    monkeypatch.setenv("HARNESS_KERNELS", "pytorch")
    with pytest.raises(ValueError, match=r"HARNESS_KERNELS=pytorch .*Next: HARNESS_KERNELS=torch, or nothing"):
        compiles(CUDA)


def test_a_gpu_whose_user_says_so_has_torch_s(programs, launching, monkeypatch):
    """By the environment, so that both ways can be measured on one card; the record says that none were made."""
    monkeypatch.setattr(launching, "launch", lambda *given, **constants: pytest.fail("launched"))
    monkeypatch.setenv("HARNESS_KERNELS", "torch")
    assert not compiles(CUDA)
    assert versions(CUDA)["triton"] == "none"


def test_a_gpu_without_triton_has_torch_s(monkeypatch):
    """As torch comes where Triton does not; what it computes is then known as computed without."""
    monkeypatch.setattr(_choice, "find_spec", lambda name: None)
    assert kernels_for(CUDA) is _twins
    assert versions(CUDA)["triton"] == "none"


@pytest.mark.parametrize("name", KERNELS)
def test_both_ways_take_what_is_said(name, programs):
    """Each kernel is there in both ways, with the same parameters in the same order."""
    said = list(inspect.signature(getattr(Kernels, name)).parameters)[1:]
    for way in (_twins, programs):
        assert list(inspect.signature(getattr(way, name)).parameters) == said
