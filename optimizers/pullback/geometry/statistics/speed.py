"""Apparent speed of random directions: why an anisotropic space looks isotropic (Sec. A.6, Fig. 2D and 6)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.checks import as_metric, as_spectrum

# Directions whose coordinates are held at once.
_AT_ONCE = 4096


class SpeedMoments(NamedTuple):
    """Mean and variance of the apparent speed over random directions.

    Attributes:
        mean: E[α], in the units of the eigenvalues.
        variance: Var[α].
    """

    mean: float
    variance: float

    @property
    def deviation(self) -> float:
        """The standard deviation, √Var[α]."""
        return float(np.sqrt(self.variance))


def apparent_speed(metric: NDArray[Any], directions: NDArray[Any]) -> Float64[np.ndarray, " m"]:
    """α_H(v) = vᵀHv / vᵀv of directions (the paper, Eq. 9).

    Args:
        metric: H, shape (n, n).
        directions: v, shape (m, n), one a row, of any length but zero.

    Returns:
        α, shape (m,), between the smallest and the largest eigenvalue of H.

    Raises:
        InvalidInputError: H is no metric, or the directions have another shape, are not finite or zero.
    """
    metric = as_metric(metric)
    directions = np.asarray(directions, dtype=np.float64)
    if directions.ndim != 2 or directions.shape[1] != len(metric):
        raise InvalidInputError(
            f"directions for a metric of {len(metric)} dimensions have shape (m, {len(metric)}), "
            f"but {directions.shape} came"
        )
    if not np.isfinite(directions).all():
        raise InvalidInputError("directions are finite, but NaN or infinity came")
    largest = np.abs(directions).max(axis=1, keepdims=True)
    if not largest.all():
        raise InvalidInputError("a direction is not zero, but a zero vector came")
    # Scaled first: squares of very short or long vectors leave the range of float64.
    units = directions / largest
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    speeds: NDArray[np.float64] = np.einsum("mi,mi->m", units @ metric, units)
    return speeds


def sample_apparent_speed(
    eigenvalues: NDArray[Any], count: int = 10_000, seed: int = 0
) -> Float64[np.ndarray, " count"]:
    """α of random directions v ~ N(0, I), from the spectrum alone (the paper, Eq. 9 to 12).

    In the eigenbasis w = Uᵀv is N(0, I) too, and α = Σᵢ cᵢλᵢ with cᵢ = wᵢ² / Σwᵢ²: no eigenvector is needed.

    Args:
        eigenvalues: λ, shape (n,), in any order; those below zero count as zero.
        count: How many directions, at least 1.
        seed: Any integer ≥ 0.

    Raises:
        InvalidInputError: The eigenvalues are no spectrum, or a number is out of range.
    """
    spectrum = as_spectrum(eigenvalues)
    if count < 1:
        raise InvalidInputError(f"at least 1 direction is drawn, but count = {count} came")
    if seed < 0:
        raise InvalidInputError(f"a seed is a whole number from 0 on, but {seed} came")
    rng = np.random.default_rng(seed)
    speeds = np.empty(count)
    for start in range(0, count, _AT_ONCE):
        part = speeds[start : start + _AT_ONCE]
        weights = rng.standard_normal((len(part), len(spectrum))) ** 2
        # α = Σ wᵢ² λᵢ / Σ wᵢ²
        part[:] = weights @ spectrum / weights.sum(axis=1)
    return speeds


def apparent_speed_moments(eigenvalues: NDArray[Any]) -> SpeedMoments:
    """Mean and variance of α over random directions, in closed form (the paper, Eq. 13 to 15).

    The weights c are Dirichlet(½, …, ½), hence E[α] = Σλ / n and Var[α] = 2 / (n + 2) · Var[λ], where
    Var[λ] = Σλ² / n − (Σλ / n)² is the variance among the n eigenvalues.

    Args:
        eigenvalues: λ, shape (n,), in any order; those below zero count as zero.

    Raises:
        InvalidInputError: The eigenvalues are no spectrum.
    """
    spectrum = as_spectrum(eigenvalues)
    return SpeedMoments(float(spectrum.mean()), float(2 / (len(spectrum) + 2) * spectrum.var()))
