"""What is handed to a worker and what comes back: plain data, and what it costs by its structure."""

from harness.population._flops import evaluation_flops, kept_multiply_adds, parameter_count, training_flops
from harness.population._population import Computed, Member, MemberResult, Population, Program, Report, Row, unit_name
from harness.population._provenance import Provenance

__all__ = [
    "Computed",
    "Member",
    "MemberResult",
    "Population",
    "Program",
    "Provenance",
    "Report",
    "Row",
    "evaluation_flops",
    "kept_multiply_adds",
    "parameter_count",
    "training_flops",
    "unit_name",
]
