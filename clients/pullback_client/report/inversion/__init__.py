"""The report of inversions: a contact sheet, loss curves, one self-contained HTML page, and the numbers behind them."""

from __future__ import annotations

from pullback_client.report.inversion.summary import summarize
from pullback_client.report.inversion.writing import REPORT_FILES, write_report

__all__ = ["REPORT_FILES", "summarize", "write_report"]
