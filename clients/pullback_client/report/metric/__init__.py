"""The report of an analysis of the metric: plots, one self-contained HTML page, and the numbers behind them."""

from __future__ import annotations

from pullback_client.report.metric.files import REPORT_FILES, write_report
from pullback_client.report.metric.summary import summarize

__all__ = ["REPORT_FILES", "summarize", "write_report"]
