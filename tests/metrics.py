"""Metrics with known eigenvalues and eigenvectors, for tests of what is computed from metrics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pullback.geometry import Eigenbasis, Provenance

PROVENANCE = Provenance("faces", "ab" * 32, "z", "mse", "", "sketch", 2000, 7, "0.1.0")


def rotation(n: int, seed: int = 0) -> NDArray[np.float64]:
    """An orthonormal matrix."""
    vectors, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))
    return vectors


def metric_with(eigenvalues: Sequence[float] | NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """A symmetric matrix with these eigenvalues along the columns of `rotation(n, seed)`."""
    vectors = rotation(len(eigenvalues), seed)
    metric = vectors * np.asarray(eigenvalues) @ vectors.T
    return (metric + metric.T) / 2


def basis_with(eigenvalues: Sequence[float], seed: int = 0, provenance: Provenance = PROVENANCE) -> Eigenbasis:
    """The eigenbasis of such a metric."""
    return Eigenbasis.from_metric(metric_with(eigenvalues, seed), provenance)
