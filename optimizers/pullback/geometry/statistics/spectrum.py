"""Anisotropy: how unevenly the eigenvalues of a metric are spread (Sec. 3 and A.4, Table 2, Fig. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.checks import as_spectrum

TABLE_2_FRACTIONS = (0.99, 0.999, 0.9999, 0.99999)


def dims_for(eigenvalues: NDArray[Any], fractions: Sequence[float] = TABLE_2_FRACTIONS) -> tuple[int, ...]:
    """How many leading dimensions hold fractions of the sum of the eigenvalues (the paper, Table 2).

    Args:
        eigenvalues: λ, shape (n,), in any order; those below zero count as zero.
        fractions: Each above 0 and at most 1.

    Returns:
        For each fraction, a number from 1 to n.

    Raises:
        InvalidInputError: A fraction is out of range, or the eigenvalues are no spectrum.
    """
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise InvalidInputError(f"a fraction of the spectrum is above 0 and at most 1, but {fraction} came")
    shares = np.cumsum(as_spectrum(eigenvalues))
    return tuple(int(np.searchsorted(shares, fraction * shares[-1])) + 1 for fraction in fractions)


def effective_rank(eigenvalues: NDArray[Any]) -> float:
    """Σλ / λ₁, from 1 to n: the intrinsic dimension that sets how fast an average of samples converges.

    Args:
        eigenvalues: λ, shape (n,), in any order; those below zero count as zero.

    Raises:
        InvalidInputError: The eigenvalues are no spectrum.
    """
    spectrum = as_spectrum(eigenvalues)
    return float((spectrum / spectrum[0]).sum())


def participation_ratio(eigenvalues: NDArray[Any]) -> float:
    """(Σλ)² / Σλ², from 1 (one direction holds everything) to n (a flat spectrum).

    Args:
        eigenvalues: λ, shape (n,), in any order; those below zero count as zero.

    Raises:
        InvalidInputError: The eigenvalues are no spectrum.
    """
    spectrum = as_spectrum(eigenvalues)
    # Scaled first: squares of very small or large eigenvalues leave the range of float64.
    spectrum = spectrum / spectrum[0]
    return float(spectrum.sum() ** 2 / (spectrum**2).sum())


@dataclass(frozen=True, eq=False)
class SpectrumBand:
    """Normalised spectra λ / λ₁ over positions (Fig. 2): by rank, their mean and a band of percentiles.

    Attributes:
        mean: Mean over positions, shape (n,), from 1 down, ≥ 0.
        low: Lower percentile over positions of each rank, shape (n,).
        high: Upper percentile over positions of each rank, shape (n,).
        percentiles: The two percentiles.
    """

    mean: Float64[np.ndarray, " n"]
    low: Float64[np.ndarray, " n"]
    high: Float64[np.ndarray, " n"]
    percentiles: tuple[float, float]


def spectrum_band(spectra: NDArray[Any], percentiles: tuple[float, float] = (5.0, 95.0)) -> SpectrumBand:
    """The mean normalised spectrum over positions, and its band (the paper, Fig. 2).

    Args:
        spectra: Eigenvalues at each position, shape (positions, n); those below zero count as zero.
        percentiles: Lower and upper one, 0 to 100.

    Raises:
        InvalidInputError: The array has another shape, a row is no spectrum, or the percentiles are out of range.
    """
    spectra = np.asarray(spectra, dtype=np.float64)
    if spectra.ndim != 2 or spectra.size == 0:
        raise InvalidInputError(f"spectra over positions have shape (positions, n), but {spectra.shape} came")
    low, high = percentiles
    if not 0 <= low <= high <= 100:
        raise InvalidInputError(f"percentiles go from 0 to 100, the lower first, but {percentiles} came")
    sorted_spectra = np.stack([as_spectrum(row) for row in spectra])
    # λ / λ₁ at each position
    relative = sorted_spectra / sorted_spectra[:, :1]
    bounds = np.percentile(relative, [low, high], axis=0)
    return SpectrumBand(relative.mean(axis=0), bounds[0], bounds[1], (low, high))
