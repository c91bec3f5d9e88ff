"""What is handed to a worker and what comes back, as plain data, and what it costs; knows no torch."""

from harness.population._flops import evaluation_flops, kept_multiply_adds, parameter_count, training_flops
from harness.population._jolt import jolted
from harness.population._memory import Chunk, chunks, examples_a_pass, population_bytes
from harness.population._population import Computed, Member, MemberResult, Population, Program, Report, Row, unit_name
from harness.population._provenance import Provenance
from harness.population._saving import Arrays, Checkpoint, Saver
from harness.population._units import hundredths

__all__ = [
    "Arrays",
    "Checkpoint",
    "Chunk",
    "Computed",
    "Member",
    "MemberResult",
    "Population",
    "Program",
    "Provenance",
    "Report",
    "Row",
    "Saver",
    "chunks",
    "evaluation_flops",
    "examples_a_pass",
    "hundredths",
    "jolted",
    "kept_multiply_adds",
    "parameter_count",
    "population_bytes",
    "training_flops",
    "unit_name",
]
