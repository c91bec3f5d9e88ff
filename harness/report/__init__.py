"""Rows and verdicts as pages: markdown, figures, tables; knows no torch, compute or store."""

from harness.report._figures import draw_figure
from harness.report._notation import interval, p_value
from harness.report._report import write_report

__all__ = ["draw_figure", "interval", "p_value", "write_report"]
