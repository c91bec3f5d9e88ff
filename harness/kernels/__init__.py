"""Kernels of a step: what it does besides products, by hand or with BatchNorm, in torch and in Triton."""

from harness.kernels._choice import Kernels, compiles, kernels_for, out_of_memory, triton_version
from harness.kernels._twins import packed

__all__ = ["Kernels", "compiles", "kernels_for", "out_of_memory", "packed", "triton_version"]
