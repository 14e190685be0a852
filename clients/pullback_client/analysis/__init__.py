"""Analyses of metrics: the tables and figures of Wang & Ponce (ICLR 2021), as numbers."""

from __future__ import annotations

from pullback_client.analysis.comparisons import ComparisonFigures, DistanceComparison
from pullback_client.analysis.options import AnalysisOptions
from pullback_client.analysis.result import (
    Analysis,
    AnalysisInfo,
    ApparentSpeed,
    AxisStrip,
    DimsFor,
    Homogeneity,
    LayerAmplification,
    Spectrum,
)
from pullback_client.analysis.walks import (
    DensityDrift,
    DistanceCurves,
    PerturbationCurve,
    Robustness,
    SubspaceDistances,
    TraversalDistances,
    VariationDistances,
    Variations,
    WalkDistances,
    WalkQuality,
    WalkStatistics,
    Warpage,
)

__all__ = [
    "Analysis",
    "AnalysisInfo",
    "AnalysisOptions",
    "ApparentSpeed",
    "AxisStrip",
    "ComparisonFigures",
    "DensityDrift",
    "DimsFor",
    "DistanceComparison",
    "DistanceCurves",
    "Homogeneity",
    "LayerAmplification",
    "PerturbationCurve",
    "Robustness",
    "Spectrum",
    "SubspaceDistances",
    "TraversalDistances",
    "VariationDistances",
    "Variations",
    "WalkDistances",
    "WalkQuality",
    "WalkStatistics",
    "Warpage",
]
