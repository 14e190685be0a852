"""Decomposition of a metric that is known by its rows R, H = Rᵀ R: its leading eigenpairs without n² numbers; NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.geometry.provenance import Provenance
from pullback.geometry.signs import signs_of
from pullback.geometry.statistics.agreement import agreement_of_leading

# Bytes of float64 that are made of the rows at once.
_AT_ONCE = 32 * 2**20
# Products of unit vectors below which they are orthogonal but for rounding that was amplified.
_NEARLY = 1e-3


class RowsMetric:
    """The metric c Rᵀ R of N rows of n coordinates; only the smaller of R Rᵀ and Rᵀ R is ever made.

    Products are summed up in float64, in the order of the rows, whatever precision these have.

    Args:
        rows: Parts of R, each of shape (r, n), in order.
        halves: For each part, to which half of the sample it belongs: 0 or 1.
        weight: c.
    """

    def __init__(self, rows: Sequence[NDArray[Any]], halves: Sequence[int], weight: float) -> None:
        self._rows = rows
        self._weight = weight
        self.dim = int(rows[0].shape[1])
        self.count = sum(len(part) for part in rows)
        self._half = np.repeat(np.asarray(halves), [len(part) for part in rows])

    @property
    def trace(self) -> float:
        """The trace of H."""
        return self._weight * sum(float(np.square(part, dtype=np.float64).sum()) for part in self._rows)

    def leading(self, k: int, provenance: Provenance) -> Eigenbasis:
        """The k leading eigenpairs, or as many as there are, with the floor that keeps the trace.

        Raises:
            InvalidInputError: The rows are all zero.
        """
        vectors, values = self._pairs(k)
        if not values.size or values[0] <= 0:
            raise InvalidInputError("the images do not change with these latents: the metric is zero")
        taken, n = values.size, self.dim
        floor = max(0.0, self.trace - float(values.sum())) / (n - taken) if taken < n else 0.0
        rows = vectors.T
        vectors *= signs_of(rows).T
        return Eigenbasis(values, vectors, None, provenance, floor=min(floor, float(values[-1])))

    def agreement(self, k: int) -> float | None:
        """What the two halves of the sample say of each other by their k leading eigenvectors; None without halves."""
        first, second = (np.flatnonzero(self._half == half) for half in (0, 1))
        if not (first.size and second.size):
            return None
        if self.count > self.dim:
            return leading_agreement(self._covariance(0) / first.size, self._covariance(1) / second.size, k)
        gram = self._gram
        (values, vectors), (other_values, other_vectors) = (
            _largest(gram[np.ix_(half, half)], k) for half in (first, second)
        )
        one = _action_of_rows(gram[np.ix_(second, first)], values, vectors), other_values / second.size
        other = _action_of_rows(gram[np.ix_(first, second)], other_values, other_vectors), values / first.size
        return agreement_of_leading(one, other, self.dim)

    def _pairs(self, k: int) -> tuple[Float64[np.ndarray, "n k"], Float64[np.ndarray, " k"]]:
        if self.count > self.dim:
            values, vectors = _largest(self._covariance(), k)
            return vectors, self._weight * values
        # R Rᵀ = W Σ² Wᵀ, and U = Rᵀ W Σ⁻¹
        values, combinations = _largest(self._gram, k)
        combinations /= np.sqrt(values)
        vectors = np.empty((self.dim, values.size))
        for columns, part in self._columns():
            vectors[columns] = part.T @ combinations
        return _orthonormal(vectors), self._weight * values

    @cached_property
    def _gram(self) -> Float64[np.ndarray, "N N"]:
        """R Rᵀ."""
        gram = np.zeros((self.count, self.count))
        for _, part in self._columns():
            gram += part @ part.T
        return gram

    def _covariance(self, half: int | None = None) -> Float64[np.ndarray, "n n"]:
        """Rᵀ R, of all rows or of those of one half."""
        total = np.zeros((self.dim, self.dim))
        start = 0
        for part in self._rows:
            if half is None or self._half[start] == half:
                wide = part.astype(np.float64)
                total += wide.T @ wide
            start += len(part)
        return total

    def _columns(self) -> Iterator[tuple[slice, Float64[np.ndarray, "N c"]]]:
        """R in float64, some columns at a time."""
        width = max(1, _AT_ONCE // (8 * self.count))
        for start in range(0, self.dim, width):
            columns = slice(start, min(start + width, self.dim))
            yield columns, np.concatenate([part[:, columns] for part in self._rows]).astype(np.float64)


def leading_of_metric(metric: Float64[np.ndarray, "n n"], k: int, provenance: Provenance) -> Eigenbasis:
    """The k leading eigenpairs of a metric, or as many as there are, with the floor that keeps the trace.

    Raises:
        InvalidInputError: The metric is zero or not finite.
    """
    if not np.isfinite(metric).all():
        raise InvalidInputError("a metric is finite, but this one holds NaN or infinity")
    values, vectors = _largest(metric, k)
    if not values.size:
        raise InvalidInputError("the images do not change with these latents: the metric is zero")
    n = len(metric)
    floor = max(0.0, float(np.trace(metric) - values.sum())) / (n - values.size) if values.size < n else 0.0
    vectors *= signs_of(vectors.T).T
    return Eigenbasis(values, vectors, None, provenance, floor=min(floor, float(values[-1])))


def leading_agreement(first: Float64[np.ndarray, "n n"], second: Float64[np.ndarray, "n n"], k: int) -> float:
    """What the mean metrics of two halves of a sample say of each other by their k leading eigenvectors."""
    (values, vectors), (other_values, other_vectors) = (_largest(metric, k) for metric in (first, second))
    one, other = (_action(vectors, second), other_values), (_action(other_vectors, first), values)
    return agreement_of_leading(one, other, len(first))


def _largest(matrix: Float64[np.ndarray, "m m"], k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The k largest eigenvalues of a symmetric matrix that stand above rounding, descending, and their vectors."""
    # LAPACK's syevd, all of it: SciPy's syevr computes k alone, in three quarters of the time, but keeps the
    # interpreter's lock for all these seconds, and a worker that gives no sign of life is ended.
    size = len(matrix)
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[max(0, size - k) :], vectors[:, max(0, size - k) :]
    kept = max(0, int((values > size * np.finfo(np.float64).eps * max(values[-1], 0.0)).sum()))
    return values[::-1][:kept].copy(), np.ascontiguousarray(vectors[:, ::-1][:, :kept])


def _orthonormal(vectors: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
    """Columns that small singular values left not quite orthogonal, each made so to the better ones before it."""
    products = vectors.T @ vectors
    if np.abs(products - np.eye(len(products))).max() < _NEARLY:
        # V L⁻ᵀ with VᵀV = L Lᵀ: as good as Householder's way where L is nearly I, in a fifth of the time.
        inverse: NDArray[np.float64] = np.linalg.inv(np.linalg.cholesky(products))
        return vectors @ inverse.T
    orthonormal, triangle = np.linalg.qr(vectors)
    orthonormal *= np.where(np.diagonal(triangle) < 0, -1.0, 1.0)
    return orthonormal


def _action_of_rows(
    products: Float64[np.ndarray, "M N"], values: Float64[np.ndarray, " k"], combinations: Float64[np.ndarray, "N k"]
) -> NDArray[np.float64]:
    """The rates uᵀHu of M rows' mean metric along the leading vectors of N others, by products of rows alone.

    Args:
        products: R₂ R₁ᵀ.
        values: Σ₁², the leading eigenvalues of R₁ R₁ᵀ.
        combinations: W₁, its eigenvectors.
    """
    if not values.size:
        return np.empty(0)
    # R₂ U₁ = R₂ R₁ᵀ W₁ Σ₁⁻¹
    action: NDArray[np.float64] = np.square(products @ (combinations / np.sqrt(values))).sum(axis=0) / len(products)
    return action


def _action(vectors: NDArray[np.float64], metric: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rates uᵀHu along columns."""
    action: NDArray[np.float64] = np.einsum("nk,nk->k", metric @ vectors, vectors)
    return action
