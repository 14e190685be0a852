"""Files of the report of an analysis."""

from __future__ import annotations

from html import escape
from pathlib import Path

from pullback_client.analysis.result import Analysis
from pullback_client.files.atomic import to_json, write_bytes
from pullback_client.report.metric.amplification import amplification
from pullback_client.report.metric.distances import distances
from pullback_client.report.metric.homogeneity import homogeneity
from pullback_client.report.metric.spectra import spectra
from pullback_client.report.metric.speed import apparent_speed
from pullback_client.report.metric.strips import strips
from pullback_client.report.metric.summary import summarize
from pullback_client.report.metric.tables import agreement, dimensions
from pullback_client.report.page import page
from pullback_client.report.parts import Plot
from pullback_client.report.style import require_extras
from pullback_client.report.walks import WALK_FILES, walk_parts

_PARTS = (spectra, dimensions, apparent_speed, agreement, homogeneity, distances, amplification, strips)

REPORT_FILES = (
    "report.html",
    "report.json",
    "spectra.png",
    "apparent_speed.png",
    "homogeneity.png",
    "amplification.png",
    "strips.png",
    *WALK_FILES,
)
"""The files of a report; those of walks where the analysis has something to say of them."""


def write_report(analysis: Analysis, folder: Path) -> list[Path]:
    """Writes a report: everything is drawn first, then each file is written atomically. Files that exist are replaced.

    Args:
        analysis: The analysis.
        folder: Where the files go; it is made where there is none.

    Returns:
        The files, in the order of `REPORT_FILES`. `report.json` holds `Analysis.to_dict()` and the sentences of the
        `summary`: enough to draw every figure again.

    Raises:
        FailedPreconditionError: Matplotlib is not installed.
    """
    require_extras()
    summary = summarize(analysis)
    parts = [make(analysis) for make in _PARTS] + walk_parts(analysis)
    contents = {part.file: part.png for part in parts if isinstance(part, Plot)}
    contents["report.json"] = (to_json({"summary": summary} | analysis.to_dict()) + "\n").encode()
    title = f"Geometry of {analysis.generator}, space {analysis.space}"
    contents["report.html"] = page(title, _introduction(analysis), summary, parts, analysis.provenance).encode(
        "utf-8", "backslashreplace"
    )
    files = [folder / name for name in REPORT_FILES if name in contents]
    for file in files:
        write_bytes(file, contents[file.name])
    return files


def _introduction(analysis: Analysis) -> str:
    return (
        f"The metric that the image distance {escape(analysis.distance)} pulls back onto the latent space. Figures, "
        "tables and equations are numbered as in <cite>Wang &amp; Ponce, The Geometry of Deep Generative Image Models "
        "and its Applications, ICLR 2021</cite>, unless another paper is named."
    )
