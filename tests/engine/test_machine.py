"""What a worker computes with: float32 is float32, whatever was set before, and a card has a driver and clocks."""

from types import SimpleNamespace

import pytest
import torch

from harness.engine._machine import ON_CPU, ON_GPU, computer, precision, settings, told_by_driver, versions

SETTINGS = {
    "nothing": lambda: None,
    "the older interface": lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    "the newer one": lambda: setattr(torch.backends.cuda.matmul, "fp32_precision", "tf32"),
    "convolutions alone": lambda: setattr(torch.backends.cudnn.conv, "fp32_precision", "tf32"),
    "everything": lambda: setattr(torch.backends, "fp32_precision", "tf32"),
    "products in bfloat16 on a CPU": lambda: torch.set_float32_matmul_precision("medium"),
}


@pytest.fixture(autouse=True)
def restored():
    """Leave to other tests what torch has by default."""
    switches = (torch.backends, *ON_GPU, *ON_CPU)
    before = [each.fp32_precision for each in switches]
    yield
    torch.set_float32_matmul_precision("highest")
    for each, was in zip(switches, before, strict=True):
        each.fp32_precision = was


@pytest.mark.parametrize("before", SETTINGS)
def test_products_are_rounded_as_the_recipe_says(before):
    """In TF32 on a GPU or not at all; on a CPU never; afterwards as it was."""
    x = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    plain = x @ x
    SETTINGS[before]()
    found = [each.fp32_precision for each in (*ON_GPU, *ON_CPU)]
    for numerics, meant in (("float32", "ieee"), ("tf32", "tf32"), ("float32", "ieee")):
        with precision(numerics):
            assert {each.fp32_precision for each in ON_GPU} == {meant}
            assert {each.fp32_precision for each in ON_CPU} == {"ieee"}
            assert settings()["TF32"] == str(numerics == "tf32")
            assert torch.equal(x @ x, plain)
    assert [each.fp32_precision for each in (*ON_GPU, *ON_CPU)] == found


@pytest.fixture
def card(monkeypatch, tmp_path):
    """A GPU of which a made-up nvidia-smi tells."""
    smi = tmp_path / "nvidia-smi"
    smi.write_text('#!/bin/sh\n[ "$1" = --id=GPU-a-b ] && echo "580.65, 1980 MHz, 2619 MHz, 700.00 W"\n')
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="a-b"))
    monkeypatch.setattr("harness.engine._machine.triton_version", lambda device: "none")
    told_by_driver.cache_clear()
    yield smi
    told_by_driver.cache_clear()


def test_the_worker_s_card_is_named(card):
    """By its driver, its clocks and its power; where nobody tells, as unknown; on a CPU not at all."""
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert versions(gpu) == {**versions(cpu), "driver": "580.65", "triton": "none"}
    assert computer(gpu)["clocks"] == "1980 MHz, memory 2619 MHz, at most 700.00 W"
    assert "clocks" not in computer(cpu)
    card.unlink()
    told_by_driver.cache_clear()
    assert versions(gpu)["driver"] == "unknown"
