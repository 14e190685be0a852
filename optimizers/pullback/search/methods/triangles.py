"""Cholesky factors, and systems that are solved by them; SciPy, which is slow to import, is loaded when it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64


def factor(matrix: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "n n"]:
    """L of a positive-definite L Lᵀ, in the lower triangle; above it stands anything.

    Raises:
        numpy.linalg.LinAlgError: It is not positive definite.
    """
    lower: Float64[np.ndarray, "n n"] = _linalg().cho_factor(matrix, lower=True, check_finite=False)[0]
    return lower


def solve_by_factor(lower: Float64[np.ndarray, "n n"], sides: Float64[np.ndarray, "n ..."]) -> Any:
    """(L Lᵀ)⁻¹ of right sides, of their shape."""
    return _linalg().cho_solve((lower, True), sides, check_finite=False)


def substitute(lower: Float64[np.ndarray, "n n"], sides: Float64[np.ndarray, "n ..."]) -> Any:
    """L⁻¹ of right sides, of their shape."""
    return _linalg().solve_triangular(lower, sides, lower=True, check_finite=False)


def _linalg() -> Any:
    import scipy.linalg  # type: ignore[import-untyped]  # noqa: PLC0415

    return scipy.linalg
