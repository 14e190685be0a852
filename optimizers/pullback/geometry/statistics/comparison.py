"""Comparison of the metrics of two image distances at one position (Sec. A.5, Table 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.checks import as_metric
from pullback.geometry.statistics.correlation import pearson, relative_floor
from pullback.geometry.statistics.homogeneity import agreement
from pullback.geometry.statistics.summary import Summary, summarize


@dataclass(frozen=True)
class MetricComparison:
    """What Table 3 says of a metric `other` against a metric `reference`; a value that is not defined is NaN.

    Attributes:
        entry_correlation: Correlation of the n² entries of the two.
        spectrum_correlation: Correlation of their eigenvalues, in descending order.
        linear_agreement: C^H: the eigenvectors of `reference` under `other`, against the eigenvalues of `other`.
        log_agreement: The same of the logarithms.
        linear_agreement_back: C^H the other way round: the eigenvectors of `other` under `reference`.
        log_agreement_back: The same of the logarithms.
        log_slope: Slope of log₁₀ λ(other) over log₁₀ λ(reference), least squares.
        log_intercept: Intercept of that line: log₁₀ of the ratio of the two distances' units where the slope is 1.
        log_slope_back: Slope the other way round, of log₁₀ λ(reference) over log₁₀ λ(other).
        log_intercept_back: Intercept of that line.
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


def compare_metrics(reference: NDArray[Any], other: NDArray[Any], *, floor: float | None = None) -> MetricComparison:
    """Compares the metrics of two distances at one position (the paper, Table 3).

    Args:
        reference: H of the distance that is compared with (LPIPS in the paper), shape (n, n).
        other: H of the other distance at the same position, shape (n, n).
        floor: On the log scale, what is at most this share of the largest eigenvalue of its own metric is left out,
            zero and below always; n times the rounding of float64 when omitted.

    Raises:
        InvalidInputError: A matrix is no metric, the shapes differ, or the floor is out of range.
    """
    reference, other = as_metric(reference), as_metric(other)
    if reference.shape != other.shape:
        raise InvalidInputError(
            f"two metrics of one position have one shape, but {reference.shape} and {other.shape} came"
        )
    floor = relative_floor(floor, len(reference))
    (values, vectors), (other_values, other_vectors) = (_descending(metric) for metric in (reference, other))
    there = agreement(vectors, other, other_values, floor)
    back = agreement(other_vectors, reference, values, floor)
    slope, intercept = _log_line(values, other_values, floor)
    slope_back, intercept_back = _log_line(other_values, values, floor)
    return MetricComparison(
        entry_correlation=pearson(reference, other),
        spectrum_correlation=pearson(values, other_values),
        linear_agreement=there[0],
        log_agreement=there[1],
        linear_agreement_back=back[0],
        log_agreement_back=back[1],
        log_slope=slope,
        log_intercept=intercept,
        log_slope_back=slope_back,
        log_intercept_back=intercept_back,
    )


def summarize_comparisons(comparisons: Sequence[MetricComparison]) -> dict[str, Summary]:
    """Mean and deviation over positions of each figure, by the name of the attribute: a row of Table 3.

    Raises:
        InvalidInputError: There is no comparison.
    """
    return {
        field.name: summarize(np.array([getattr(comparison, field.name) for comparison in comparisons]))
        for field in fields(MetricComparison)
    }


def _descending(metric: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values, vectors = np.linalg.eigh(metric)
    return values[::-1], vectors[:, ::-1]


def _log_line(values: NDArray[np.float64], other: NDArray[np.float64], floor: float) -> tuple[float, float]:
    kept = (values > floor * max(values[0], 0.0)) & (other > floor * max(other[0], 0.0))
    x, y = np.log10(values[kept]), np.log10(other[kept])
    if len(x) < 2 or np.ptp(x) <= 1e-12:
        return float("nan"), float("nan")
    # least squares: slope = cov(x, y) / var(x)
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    return slope, float(y.mean() - slope * x.mean())
