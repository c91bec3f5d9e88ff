"""What a worker computes with: float32 is float32, whatever was set before."""

import pytest
import torch

from harness.engine._machine import ON_CPU, ON_GPU, precision, settings

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
