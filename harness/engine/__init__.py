"""A population as one tensor program: with its kernels the only room with torch; knows no claims, compute or store."""

from harness.engine._course import compute_within_memory
from harness.engine._machine import gpu_name, one_thread, vector_instructions, warm_up
from harness.engine._nn import forward
from harness.engine._plain import Plain, as_plain, plain_module, save_state
from harness.engine._processor import processor
from harness.engine._stack import STACKS, MaskStack, Stack, learner, top
from harness.engine._untrained import measurement

__all__ = [
    "STACKS",
    "MaskStack",
    "Plain",
    "Stack",
    "as_plain",
    "compute_within_memory",
    "forward",
    "gpu_name",
    "learner",
    "measurement",
    "one_thread",
    "plain_module",
    "processor",
    "save_state",
    "top",
    "vector_instructions",
    "warm_up",
]
