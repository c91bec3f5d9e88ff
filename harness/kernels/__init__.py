"""Kernels of a step: what it does besides products, by hand or with BatchNorm, in torch and in Triton."""

from harness.kernels._choice import Kernels, compiles, kernels_for, triton_version
from harness.kernels._twins import packed

__all__ = ["Kernels", "compiles", "kernels_for", "packed", "triton_version"]
