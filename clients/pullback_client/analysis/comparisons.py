"""Comparisons of metrics under several distances (Wang & Ponce, ICLR 2021, Table 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from pullback_api.v1 import analysis_pb2


@dataclass(frozen=True)
class ComparisonFigures:
    """What is measured of a distance's metric against a reference's (Table 3). NaN where it is not defined.

    Attributes:
        entry_correlation: Correlation of the entries of H.
        spectrum_correlation: Correlation of the eigenvalues.
        linear_agreement: C^H of the reference's eigenvectors under the distance's metric.
        log_agreement: The same on the log scale.
        linear_agreement_back: C^H of the distance's eigenvectors under the reference's metric.
        log_agreement_back: The same on the log scale.
        log_slope: Slope of log₁₀ λ of the distance over log₁₀ λ of the reference.
        log_intercept: Intercept of the same line.
        log_slope_back: Slope of log₁₀ λ of the reference over log₁₀ λ of the distance: the line of Table 3.
        log_intercept_back: Intercept of the same line.
    """

    entry_correlation: float
    spectrum_correlation: float
    linear_agreement: float
    log_agreement: float
    linear_agreement_back: float
    log_agreement_back: float
    log_slope: float
    log_intercept: float
    log_slope_back: float
    log_intercept_back: float


@dataclass(frozen=True)
class DistanceComparison(ComparisonFigures):
    """The metric under one distance against that under another, at the same positions; means over them (Table 3).

    Attributes:
        reference: Name of the distance that is compared with: the analysed one, or another of the compared ones.
        distance: Name of the other distance.
        method: Estimator that computed its metric.
        positions: Number of positions.
        deviations: Standard deviations over positions; None in an analysis of before they were measured, where
            `log_slope_back` and `log_intercept_back` are NaN.
    """

    reference: str
    distance: str
    method: str
    positions: int
    deviations: ComparisonFigures | None

    @classmethod
    def from_wire(cls, message: analysis_pb2.DistanceComparison, analysed: str) -> DistanceComparison:
        """The record of a message.

        Args:
            message: The message.
            analysed: The analysed distance, which an older server did not name as the reference.
        """
        names = {field.name for field in fields(cls)} - {"deviations"}
        found = {name: getattr(message, name) for name in names}
        found["reference"] = message.reference or analysed
        if not message.HasField("deviations"):
            found |= {"log_slope_back": math.nan, "log_intercept_back": math.nan}
            return cls(**found, deviations=None)
        deviations = {field.name: getattr(message.deviations, field.name) for field in fields(ComparisonFigures)}
        return cls(**found, deviations=ComparisonFigures(**deviations))
