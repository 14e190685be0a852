"""Checks of metrics, spectra and bases of subspaces; NumPy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError

# Room for arrays that passed through float32 elsewhere (LAPACK's float32 eigenvectors are orthonormal to 2e-6);
# our own are good to 1e-13.
TOLERANCE = 1e-5


def check_symmetric(metric: NDArray[np.float64]) -> None:
    """Checks that a square matrix is symmetric to `TOLERANCE` of its largest entry.

    Raises:
        InvalidInputError: It is not; the message says by how much.
    """
    defect = np.abs(metric - metric.T).max()
    if defect > TOLERANCE * np.abs(metric).max():
        raise InvalidInputError(
            f"a metric is symmetric to {TOLERANCE:g} of its largest entry, but this one is off by {defect:.3g}"
        )


def check_orthonormal(vectors: NDArray[np.float64], what: str) -> None:
    """Checks that columns are orthonormal to `TOLERANCE`.

    Args:
        vectors: Shape (n, k).
        what: What the columns are, for the message: `the eigenvectors of an eigenbasis`.

    Raises:
        InvalidInputError: They are not; the message says by how much.
    """
    # ‖VᵀV − I‖_max
    defect = np.abs(vectors.T @ vectors - np.eye(vectors.shape[1])).max()
    if defect > TOLERANCE:
        raise InvalidInputError(f"{what} are orthonormal to {TOLERANCE:g}, but these are off by {defect:.3g}")


def as_metric(metric: NDArray[Any]) -> Float64[np.ndarray, "n n"]:
    """A metric in float64, exactly symmetric.

    Raises:
        InvalidInputError: The array is not square, not finite or not symmetric.
    """
    metric = np.asarray(metric, dtype=np.float64)
    if metric.ndim != 2 or metric.shape[0] != metric.shape[1] or metric.size == 0:
        raise InvalidInputError(f"a metric is a square matrix, but shape {metric.shape} came")
    if not np.isfinite(metric).all():
        raise InvalidInputError("a metric is finite, but this one holds NaN or infinity")
    check_symmetric(metric)
    symmetric: NDArray[np.float64] = (metric + metric.T) / 2
    return symmetric


def as_metrics(metrics: NDArray[Any]) -> Float64[np.ndarray, "positions n n"]:
    """Metrics at several positions in float64, each exactly symmetric.

    Raises:
        InvalidInputError: The array has another shape, or one of the metrics is none; the message says which.
    """
    metrics = np.asarray(metrics, dtype=np.float64)
    if metrics.ndim != 3 or len(metrics) == 0:
        raise InvalidInputError(f"metrics at several positions have shape (positions, n, n), but {metrics.shape} came")
    checked = np.empty_like(metrics)
    for i, metric in enumerate(metrics):
        try:
            checked[i] = as_metric(metric)
        except InvalidInputError as error:
            raise InvalidInputError(f"position {i}: {error}") from None
    return checked


def as_spectrum(eigenvalues: NDArray[Any]) -> Float64[np.ndarray, " n"]:
    """Eigenvalues in float64, descending, those below zero set to zero.

    A metric has none below zero but by rounding.

    Raises:
        InvalidInputError: The array is no vector, is not finite or holds nothing positive.
    """
    eigenvalues = np.asarray(eigenvalues, dtype=np.float64)
    if eigenvalues.ndim != 1 or eigenvalues.size == 0:
        raise InvalidInputError(f"eigenvalues have shape (n,), but {eigenvalues.shape} came")
    if not np.isfinite(eigenvalues).all():
        raise InvalidInputError("eigenvalues are finite, but NaN or infinity came")
    if eigenvalues.max() <= 0:
        raise InvalidInputError(f"the largest eigenvalue has to be positive, but {eigenvalues.max():.3g} came")
    descending: NDArray[np.float64] = np.sort(eigenvalues)[::-1]
    return descending.clip(min=0)


def as_columns(vectors: NDArray[Any], dim: int | None = None) -> Float64[np.ndarray, "n k"]:
    """Orthonormal columns in float64.

    Args:
        vectors: Shape (n, k), 1 ≤ k ≤ n.
        dim: The n that is expected; any when omitted.

    Raises:
        InvalidInputError: The array has another shape, is not finite or its columns are not orthonormal.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or not 1 <= vectors.shape[1] <= vectors.shape[0]:
        raise InvalidInputError(
            f"a basis of a subspace has shape (n, k) with k from 1 to n, but shape {vectors.shape} came"
        )
    if dim is not None and len(vectors) != dim:
        raise InvalidInputError(f"vectors of {dim} dimensions are needed, but shape {vectors.shape} came")
    if not np.isfinite(vectors).all():
        raise InvalidInputError("the vectors of a basis are finite, but NaN or infinity came")
    check_orthonormal(vectors, "the vectors of a basis")
    return vectors
