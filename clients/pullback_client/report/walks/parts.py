"""Plots and tables of the walks of an analysis."""

from __future__ import annotations

from pullback_client.analysis.result import Analysis
from pullback_client.report.parts import Part
from pullback_client.report.walks.density import density_drift
from pullback_client.report.walks.distance_curves import distance_curves
from pullback_client.report.walks.random_walks import walk_distances, walk_quality_table
from pullback_client.report.walks.robustness import robustness, robustness_table
from pullback_client.report.walks.variations import variations_table
from pullback_client.report.walks.warpage import warpage, warpage_table

WALK_FILES = ("distance_curves.png", "density_drift.png", "walk_distances.png", "warpage.png", "robustness.png")
"""The pictures, of which a generator without a normal prior or without a mapping network has some only."""


def walk_parts(analysis: Analysis) -> list[Part]:
    """The parts that the analysis has something to say for, in the order in which they are read."""
    walks = analysis.walks
    if walks is None:
        return []
    parts: list[Part] = [distance_curves(analysis, walks.distance_curves)]
    if walks.density_drifts:
        parts.append(density_drift(analysis, walks.density_drifts))
    if walks.walk_distances is not None:
        parts.append(walk_distances(analysis, walks.walk_distances))
    if walks.walk_quality is not None:
        parts.append(walk_quality_table(analysis, walks.walk_quality))
    if walks.warpage is not None:
        parts += [warpage(analysis, walks.warpage), warpage_table(analysis, walks.warpage)]
    if walks.robustness is not None:
        parts += [robustness(analysis, walks.robustness), robustness_table(analysis, walks.robustness)]
    if walks.variations is not None:
        parts.append(variations_table(analysis, walks.variations))
    return parts
