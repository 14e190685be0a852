"""Homogeneity: how alike the metric acts at different positions (Eq. 5 and 6, Fig. 3, Table 4, Sec. A.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.checks import as_columns, as_metric, as_metrics
from pullback.geometry.statistics.correlation import log_pearson, pearson, relative_floor
from pullback.geometry.statistics.summary import Summary, summarize


@dataclass(frozen=True, eq=False)
class Homogeneity:
    """Agreement of the metric between all pairs of positions.

    Attributes:
        linear: C^H_ij = corr(Λ_ij, Λ_j), shape (p, p); the eigenvectors of position i, the metric of position j.
        log: C^H_ij log = corr(log Λ_ij, log Λ_j), shape (p, p).
    """

    linear: Float64[np.ndarray, "p p"]
    log: Float64[np.ndarray, "p p"]

    @property
    def linear_summary(self) -> Summary:
        """Mean and deviation of `linear` off the diagonal (Table 4)."""
        return summarize(_off_diagonal(self.linear))

    @property
    def log_summary(self) -> Summary:
        """Mean and deviation of `log` off the diagonal (Table 4)."""
        return summarize(_off_diagonal(self.log))


@dataclass(frozen=True, eq=False)
class Consistency:
    """Agreement of one basis with metrics at several positions.

    Attributes:
        linear: corr(Λ_j(U), Λ_j) at each position j, shape (p,), with Λ_j(U) = diag(Uᵀ H_j U).
        log: The same of the logarithms, shape (p,).
    """

    linear: Float64[np.ndarray, " p"]
    log: Float64[np.ndarray, " p"]

    @property
    def linear_summary(self) -> Summary:
        """Mean and deviation of `linear` over positions."""
        return summarize(self.linear)

    @property
    def log_summary(self) -> Summary:
        """Mean and deviation of `log` over positions."""
        return summarize(self.log)


def metric_action(vectors: NDArray[Any], metric: NDArray[Any]) -> Float64[np.ndarray, " k"]:
    """diag(UᵀHU): the rate of image change along each vector (the paper, Eq. 5; with Uᵢ and Hⱼ it is Λ_ij).

    Args:
        vectors: U, orthonormal columns, shape (n, k).
        metric: H, shape (n, n).

    Returns:
        Shape (k,), in the units of H.

    Raises:
        InvalidInputError: H is no metric, or the vectors have another shape or are not orthonormal.
    """
    metric = as_metric(metric)
    vectors = as_columns(vectors, len(metric))
    return _action(vectors, metric)


def metric_homogeneity(metrics: NDArray[Any], *, floor: float | None = None) -> Homogeneity:
    """C^H between all pairs of positions, linear and logarithmic (the paper, Eq. 5 and 6, Table 4).

    A metric with a flat spectrum has nothing to correlate: its column is NaN, as the paper remarks in A.7.

    Args:
        metrics: H at p positions, shape (p, n, n), p ≥ 2.
        floor: On the log scale, directions in which Λ_ij or Λ_j is at most this share of λ₁(Hⱼ) are left out, those
            at zero and below among them; n times the rounding of float64 when omitted. Give more where the metrics
            come from float32 second derivatives (1e-7), whose trailing eigenvalues are noise.

    Raises:
        InvalidInputError: A matrix is no metric, there are fewer than 2, or the floor is out of range.
    """
    metrics = as_metrics(metrics)
    positions, n, _ = metrics.shape
    if positions < 2:
        raise InvalidInputError("homogeneity compares at least 2 positions, but 1 came")
    floor = relative_floor(floor, n)
    values, vectors = np.linalg.eigh(metrics)
    linear, log = np.ones((positions, positions)), np.ones((positions, positions))
    for i in range(positions):
        for j in range(i, positions):
            # Λ_ij = diag(Uᵢᵀ Uⱼ Λⱼ Uⱼᵀ Uᵢ) = M Λⱼ with M = (Uᵢᵀ Uⱼ)², entry by entry; and Λ_ji = Mᵀ Λᵢ: one
            # product of matrices for both, and no cancellation in small entries.
            mixing = (vectors[i].T @ vectors[j]) ** 2
            for a, b, action in ((i, j, mixing @ values[j]), (j, i, values[i] @ mixing)):
                linear[a, b] = pearson(action, values[b])
                log[a, b] = log_pearson(action, values[b], floor)
    return Homogeneity(linear, log)


def metric_consistency(vectors: NDArray[Any], metrics: NDArray[Any], *, floor: float | None = None) -> Consistency:
    """C^H of one basis, such as that of a global metric, with metrics at positions that it was not made from.

    Args:
        vectors: U, orthonormal columns, shape (n, n), in descending order of the eigenvalues that they belong to.
        metrics: H at p positions, shape (p, n, n); a held-out mean metric is p = 1.
        floor: As `metric_homogeneity` has it.

    Raises:
        InvalidInputError: A matrix is no metric, the vectors are no orthonormal basis, or the floor is out of range.
    """
    metrics = as_metrics(metrics)
    n = metrics.shape[1]
    vectors = as_columns(vectors, n)
    if vectors.shape != (n, n):
        raise InvalidInputError(f"a basis of {n} dimensions has shape ({n}, {n}), but {vectors.shape} came")
    floor = relative_floor(floor, n)
    linear, log = np.empty(len(metrics)), np.empty(len(metrics))
    for j, metric in enumerate(metrics):
        # Λ_j, descending like the vectors
        values = np.linalg.eigvalsh(metric)[::-1]
        linear[j], log[j] = agreement(vectors, metric, values, floor)
    return Consistency(linear, log)


def agreement(
    vectors: NDArray[np.float64], metric: NDArray[np.float64], eigenvalues: NDArray[np.float64], floor: float
) -> tuple[float, float]:
    """C^H of a basis with a metric, linear and logarithmic, of arrays that were checked (the paper, Eq. 6).

    Args:
        vectors: U, shape (n, n), in the order of the eigenvalues.
        metric: H, shape (n, n).
        eigenvalues: Of H, shape (n,).
        floor: Share of the largest eigenvalue up to which directions are left out on the log scale.
    """
    action = _action(vectors, metric)
    return pearson(action, eigenvalues), log_pearson(action, eigenvalues, floor)


def _action(vectors: NDArray[np.float64], metric: NDArray[np.float64]) -> NDArray[np.float64]:
    # diag(UᵀHU), without the products off the diagonal
    action: NDArray[np.float64] = np.einsum("nk,nk->k", metric @ vectors, vectors)
    return action


def _off_diagonal(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = matrix[~np.eye(len(matrix), dtype=bool)]
    return values
