"""Rows and verdicts as pages: markdown, figures, tables; knows no torch, compute or store."""

from harness.report._notation import interval, p_value
from harness.report._report import write_report
from harness.report._scales import committed_verdicts

__all__ = ["committed_verdicts", "interval", "p_value", "write_report"]
