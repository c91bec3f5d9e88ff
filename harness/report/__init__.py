"""Rows and verdicts as pages: markdown, figures, tables; knows no torch, compute or store."""

from harness.report._notation import interval, p_value
from harness.report._report import write_report

__all__ = ["interval", "p_value", "write_report"]
