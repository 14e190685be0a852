"""The report of an analysis: plots, one self-contained HTML page, and the numbers behind them.

Importing it needs no Matplotlib; drawing does.
"""

from __future__ import annotations

from pullback_client.report.summary import summarize
from pullback_client.report.writing import REPORT_FILES, require_extras, write_report

__all__ = ["REPORT_FILES", "require_extras", "summarize", "write_report"]
