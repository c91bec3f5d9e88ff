"""The seed-variance check: whether training still gives what it gave when its baselines were accepted."""

from harness.variance._baselines import Baseline, read_baseline
from harness.variance._findings import failed, findings_junit, findings_markdown, show_findings
from harness.variance._watch import Watch, accept_baselines, check_variance, first_fresh

__all__ = [
    "Baseline",
    "Watch",
    "accept_baselines",
    "check_variance",
    "failed",
    "findings_junit",
    "findings_markdown",
    "first_fresh",
    "read_baseline",
    "show_findings",
]
