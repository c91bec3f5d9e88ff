"""The kernels in Triton, for a GPU."""

import triton

from harness.kernels._batch_norm_programs import normalise, normalise_back
from harness.kernels._step_programs import adam, cross_entropy, gather, rectify, rectify_back, sgd

__all__ = [
    "VERSION",
    "adam",
    "cross_entropy",
    "gather",
    "normalise",
    "normalise_back",
    "rectify",
    "rectify_back",
    "sgd",
]

VERSION: str = triton.__version__
