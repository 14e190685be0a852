"""Pearson correlation, linear and logarithmic, with care for what has no variation and what is zero to rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pullback.errors import InvalidInputError

# Values that spread less than this share of the largest are equal but for rounding.
_FLAT = 1e-12


def pearson(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The correlation of two arrays of one shape, from −1 to 1; NaN where either does not vary."""
    if _is_flat(first) or _is_flat(second):
        return float("nan")
    # Scaled first: squares of very small values leave the range of float64.
    a, b = ((x - x.mean()).ravel() / np.abs(x).max() for x in (first, second))
    return float(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))


def log_pearson(action: NDArray[np.float64], spectrum: NDArray[np.float64], floor: float) -> float:
    """The correlation of log Λ_ij with log Λ_j over the directions where both stand above the floor.

    Args:
        action: Λ_ij, shape (n,).
        spectrum: Λ_j, shape (n,).
        floor: Share of the largest entry of Λ_j; what is at most that is left out.

    Returns:
        From −1 to 1; NaN where fewer than two directions remain, or those do not vary.
    """
    least = floor * max(spectrum.max(), 0.0)
    kept = (action > least) & (spectrum > least)
    if kept.sum() < 2 or _is_flat(action[kept]) or _is_flat(spectrum[kept]):
        return float("nan")
    return pearson(np.log(action[kept]), np.log(spectrum[kept]))


def relative_floor(floor: float | None, dim: int) -> float:
    """The share of the largest eigenvalue below which logarithms say nothing.

    Args:
        floor: What the caller asked for.
        dim: Number of dimensions, which sets the rounding of an eigendecomposition.

    Raises:
        InvalidInputError: The floor is not from 0 to below 1.
    """
    if floor is None:
        return float(dim * np.finfo(np.float64).eps)
    if not 0 <= floor < 1:
        raise InvalidInputError(f"a floor is a share of the largest eigenvalue, from 0 to below 1, but {floor} came")
    return floor


def _is_flat(values: NDArray[np.float64]) -> bool:
    return bool(np.ptp(values) <= _FLAT * np.abs(values).max())
