"""The seed-variance check: whether training still gives what it gave; knows no claims and no verdicts."""

from harness.variance._baselines import Baseline, read_baseline
from harness.variance._findings import asks, failed, findings_junit, findings_markdown
from harness.variance._tiers import Finding, Status, Tier
from harness.variance._watch import Checked, Watch, accept_baselines, check_variance, first_fresh

__all__ = [
    "Baseline",
    "Checked",
    "Finding",
    "Status",
    "Tier",
    "Watch",
    "accept_baselines",
    "asks",
    "check_variance",
    "failed",
    "findings_junit",
    "findings_markdown",
    "first_fresh",
    "read_baseline",
]
