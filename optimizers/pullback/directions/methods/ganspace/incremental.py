"""Principal components of values that come batch by batch, and their covariance with the latents."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.geometry.signs import signs_of

# Multiplications in a piece: a tenth of a second of one core.
_WORK = 1 << 30


class IncrementalComponents:
    """The leading principal components, and cov(x, z), of values x that belong to latents z.

    Incremental PCA (Ross, Lim, Lin and Yang, "Incremental Learning for Robust Visual Tracking", 2008, section 3.1, as
    `sklearn.decomposition.IncrementalPCA`): components Σ V, the rows of a batch and the step from the mean so far to
    that of the batch lie below each other, Y, whose leading components replace those so far. Y has few rows, so they
    come from Y Yᵀ = U Σ² Uᵀ as Σ V = Uᵀ Y: ten times as fast as a singular value decomposition, and some columns at a
    time. What rounding leaves of the angles between rows of Σ V is in the next Y Yᵀ, so that it does not add up.

    Args:
        features: Length of x.
        dim: Length of z.
        kept: How many components are followed, at most `features`.
    """

    def __init__(self, features: int, dim: int, kept: int) -> None:
        self._count = 0
        self._mean = np.zeros(features)
        self._latent_mean = np.zeros(dim)
        # Σ V, in its first rows.
        self._scaled = np.zeros((kept, features))
        self._rank = 0
        # Σ (x − x̄)(z − z̄)ᵀ
        self._products = np.zeros((features, dim))

    def add_in_pieces(
        self, latents: Float64[np.ndarray, "batch n"], values: Float64[np.ndarray, "batch features"]
    ) -> Generator[None, None, None]:
        """Takes a batch.

        Yields:
            Nothing, after every few columns.
        """
        mean, latent_mean = values.mean(axis=0), latents.mean(axis=0)
        total = self._count + len(values)
        weight = self._count * len(values) / total
        by_value, by_latent = mean - self._mean, latent_mean - self._latent_mean
        centred = latents - latent_mean

        def stacked(block: slice) -> NDArray[np.float64]:
            step = np.sqrt(weight) * by_value[block]
            return np.vstack([self._scaled[: self._rank, block], values[:, block] - mean[block], step])

        rows = self._rank + len(values) + 1
        if rows >= len(mean):
            # Yᵀ Y = V Σ² Vᵀ is the smaller one.
            whole = stacked(slice(None))
            squares, axes = _descending(whole.T @ whole)
            self._rank = len(self._scaled)
            self._scaled[:] = np.sqrt(squares[: self._rank, None]) * axes.T[: self._rank]
            yield
        else:
            gram = np.zeros((rows, rows))
            for block in _blocks(len(mean), rows * rows):
                part = stacked(block)
                gram += part @ part.T
                yield
            turned = _descending(gram)[1].T[: len(self._scaled)]
            for block in _blocks(len(mean), rows * len(turned)):
                self._scaled[: len(turned), block] = turned @ stacked(block)
                yield
            self._rank = len(turned)
        for block in _blocks(len(mean), rows * len(latent_mean)):
            # Sums are centred as they grow (Chan, Golub and LeVeque, 1983).
            self._products[block] += (values[:, block] - mean[block]).T @ centred
            self._products[block] += weight * np.outer(by_value[block], by_latent)
            yield
        self._mean += len(values) / total * by_value
        self._latent_mean += len(values) / total * by_latent
        self._count = total

    @property
    def mean(self) -> Float64[np.ndarray, " features"]:
        """x̄ so far."""
        return self._mean

    @property
    def variances(self) -> Float64[np.ndarray, " rank"]:
        """Along the components so far, descending."""
        found: NDArray[np.float64] = np.square(self._scaled[: self._rank]).sum(axis=1) / (self._count - 1)
        return found

    def axes(self, k: int) -> Float64[np.ndarray, "k features"]:
        """The k leading ones, none of whose variances is zero, as unit rows whose largest entries are positive."""
        rows = self._scaled[:k]
        found: NDArray[np.float64] = rows * (signs_of(rows) / np.linalg.norm(rows, axis=1, keepdims=True))
        return found

    @property
    def covariance(self) -> Float64[np.ndarray, "features n"]:
        """cov(x, z) so far."""
        return self._products / (self._count - 1)


def _blocks(columns: int, work: int) -> Iterator[slice]:
    """Columns, as many at a time as a piece holds when each takes so many multiplications."""
    at_once = max(1, _WORK // work)
    for start in range(0, columns, at_once):
        yield slice(start, start + at_once)


def _descending(
    symmetric: Float64[np.ndarray, "m m"],
) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m m"]]:
    """Eigenvalues, those that rounding took below zero raised to it, and eigenvectors as columns."""
    ascending, vectors = np.linalg.eigh(symmetric)
    return ascending[::-1].clip(min=0), vectors[:, ::-1]
