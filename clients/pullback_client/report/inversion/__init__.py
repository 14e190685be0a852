"""The report of inversions: a contact sheet, loss curves, one self-contained HTML page, and the numbers behind them."""

from __future__ import annotations

from pullback_client.report.inversion.files import REPORT_FILES, is_report, write_report
from pullback_client.report.inversion.summary import summarize

__all__ = ["REPORT_FILES", "is_report", "summarize", "write_report"]
