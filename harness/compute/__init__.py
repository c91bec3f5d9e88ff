"""From wanted nodes to stored records: plan, pack, execute, within a time limit; knows no claims, verdicts or torch."""

from harness.compute._code import git_revision, provenance
from harness.compute._due import NEVER, Unit
from harness.compute._executor import EXECUTORS, Executor, Local, cores, executor, usual_workers
from harness.compute._limit import Limit
from harness.compute._plan import Plan, Wanted
from harness.compute._processes import Processes
from harness.compute._progress import SILENT, Progress, Silent, UnderWay
from harness.compute._run import Summary, run_plan

__all__ = [
    "EXECUTORS",
    "NEVER",
    "SILENT",
    "Executor",
    "Limit",
    "Local",
    "Plan",
    "Processes",
    "Progress",
    "Silent",
    "Summary",
    "UnderWay",
    "Unit",
    "Wanted",
    "cores",
    "executor",
    "git_revision",
    "provenance",
    "run_plan",
    "usual_workers",
]
