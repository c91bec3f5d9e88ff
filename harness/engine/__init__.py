"""A population as one tensor program: the only room with torch; knows no claims, compute or store."""

from harness.engine._course import compute_within_memory
from harness.engine._machine import gpu_name, one_thread, vector_instructions
from harness.engine._processor import processor

__all__ = ["compute_within_memory", "gpu_name", "one_thread", "processor", "vector_instructions"]
