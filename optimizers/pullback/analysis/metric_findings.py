"""Findings of an analysis of the metric: statistics of the paper's tables and figures. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.geometry.statistics import (
    TABLE_2_FRACTIONS,
    Homogeneity,
    MetricComparison,
    apparent_speed_moments,
    compare_metrics,
    dims_for,
    effective_rank,
    sample_apparent_speed,
    summarize,
    summarize_comparisons,
)

RANDOM_DIRECTIONS = 10_000


@dataclass(frozen=True)
class DimsFor:
    """Dimensions that hold a fraction of the sum of the eigenvalues (Table 2).

    Attributes:
        fraction: The fraction.
        mean_metric: Dimensions of the mean metric.
        mean: Mean over positions.
        deviation: Standard deviation over positions.
    """

    fraction: float
    mean_metric: int
    mean: float
    deviation: float


@dataclass(frozen=True)
class SpectrumFindings:
    """Spectra over positions (Fig. 2, Fig. 7).

    Attributes:
        mean_metric_eigenvalues: Of the mean metric, descending, shape (n,).
        eigenvalues: At each position, descending, shape (positions, n).
        dims: For each fraction of Table 2.
        effective_rank: tr H / λ_max of the mean metric.
        condition_number: λ_max / λ_min of the mean metric; infinite where λ_min is not above 0.
    """

    mean_metric_eigenvalues: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    dims: tuple[DimsFor, ...]
    effective_rank: float
    condition_number: float


@dataclass(frozen=True)
class SpeedFindings:
    """Apparent speed of random directions under the mean metric (Fig. 6).

    Attributes:
        samples: α of random directions, shape (directions,).
        mean: Their mean.
        deviation: Their standard deviation.
        expected_mean: The mean in closed form (Eq. 13).
        expected_deviation: The standard deviation in closed form (Eq. 15).
    """

    samples: NDArray[np.float64]
    mean: float
    deviation: float
    expected_mean: float
    expected_deviation: float


@dataclass(frozen=True)
class ComparisonFindings:
    """The metric under one distance against that under another, at the same positions (Table 3).

    Attributes:
        reference: Name of the distance that is compared with.
        distance: Name of the other distance.
        method: Estimator of the other's metric.
        positions: Number of positions.
        means: Of each figure, over positions.
        deviations: Standard deviation of each figure over positions.
    """

    reference: str
    distance: str
    method: str
    positions: int
    means: MetricComparison
    deviations: MetricComparison


@dataclass(frozen=True)
class LayerFindings:
    """How much a layer amplifies the eigenvectors of the first layer's metric, shape (n,) (Fig. 4)."""

    layer: str
    amplification: NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """Images along an eigenvector of the mean metric (Fig. 1).

    Attributes:
        rank: Of the eigenvalue, from 0, the largest.
        eigenvalue: The eigenvalue.
        steps: Signed distances along the eigenvector, shape (frames,).
        distances: Image distances from the middle frame, shape (frames,).
        images: In [0, 1], shape (frames, C, H, W); sounds in [−1, 1], shape (frames, C, T).
    """

    rank: int
    eigenvalue: float
    steps: NDArray[np.float64]
    distances: NDArray[np.float64]
    images: NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Findings:
    """What an analysis found."""

    spectrum: SpectrumFindings
    shuffled_spectrum: SpectrumFindings
    apparent_speed: SpeedFindings
    homogeneity: Homogeneity
    shuffled_homogeneity: Homogeneity
    comparisons: tuple[ComparisonFindings, ...]
    layers: tuple[LayerFindings, ...]
    shuffled_layers: tuple[LayerFindings, ...]
    axes: tuple[Axis, ...]


def spectrum_findings(metrics: NDArray[np.float64]) -> SpectrumFindings:
    """The spectra of metrics at several positions, shape (positions, n, n), and of their mean."""
    mean = np.linalg.eigvalsh(metrics.mean(axis=0))[::-1]
    each = np.asarray(np.linalg.eigvalsh(metrics)[:, ::-1], dtype=np.float64)
    counts = np.array([dims_for(spectrum) for spectrum in each], dtype=np.float64)
    dims = []
    for number, (fraction, of_mean) in enumerate(zip(TABLE_2_FRACTIONS, dims_for(mean), strict=True)):
        over_positions = summarize(counts[:, number])
        dims.append(DimsFor(fraction, of_mean, over_positions.mean, over_positions.deviation))
    return SpectrumFindings(
        mean_metric_eigenvalues=mean,
        eigenvalues=each,
        dims=tuple(dims),
        effective_rank=effective_rank(mean),
        condition_number=float(mean[0] / mean[-1]) if mean[-1] > 0 else float("inf"),
    )


def speed_findings(metrics: NDArray[np.float64], seed: int) -> SpeedFindings:
    """The apparent speed of random directions under the mean of metrics, shape (positions, n, n)."""
    eigenvalues = np.linalg.eigvalsh(metrics.mean(axis=0))
    samples = sample_apparent_speed(eigenvalues, RANDOM_DIRECTIONS, seed)
    measured, expected = summarize(samples), apparent_speed_moments(eigenvalues)
    return SpeedFindings(samples, measured.mean, measured.deviation, expected.mean, expected.deviation)


def compare_all(
    metrics: Mapping[str, NDArray[np.float64]], methods: Mapping[str, str]
) -> tuple[ComparisonFindings, ...]:
    """Rows of Table 3: every distance against every one that is named before it.

    Args:
        metrics: Of each distance, at the same positions, shape (positions, n, n).
        methods: The estimator of each.

    Returns:
        The pairs with the first distance, those with the second, and so on.
    """
    return tuple(
        _compare(reference, other, methods[other], metrics[reference], metrics[other])
        for reference, other in combinations(metrics, 2)
    )


def _compare(
    reference: str, distance: str, method: str, first: NDArray[np.float64], second: NDArray[np.float64]
) -> ComparisonFindings:
    pairs = [compare_metrics(one, two) for one, two in zip(first, second, strict=True)]
    row = summarize_comparisons(pairs)
    return ComparisonFindings(
        reference=reference,
        distance=distance,
        method=method,
        positions=len(pairs),
        means=MetricComparison(**{name: summary.mean for name, summary in row.items()}),
        deviations=MetricComparison(**{name: summary.deviation for name, summary in row.items()}),
    )


def layer_findings(amplifications: Mapping[str, NDArray[np.float64]]) -> tuple[LayerFindings, ...]:
    """Amplifications by layer, means over positions, shape (n,) each."""
    return tuple(LayerFindings(name, values) for name, values in amplifications.items())
