"""Reports: of an analysis of the metric (`metric`), and of inversions (`inversion`).

Importing them needs no Matplotlib; drawing does.
"""

from __future__ import annotations

from pullback_client.report.style import require_extras

__all__ = ["require_extras"]
