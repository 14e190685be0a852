"""Distances between subspaces on the Grassmannian.

Choi et al., "Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of GANs"
(ICLR 2022), measure with them how much a latent space is warped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.checks import as_columns


def principal_angles(first: NDArray[Any], second: NDArray[Any]) -> Float64[np.ndarray, " k"]:
    """The principal angles between two subspaces of one dimension.

    Accurate to rounding for small and for large angles: those below 45° come from sines (Björck & Golub,
    "Numerical Methods for Computing Angles Between Linear Subspaces", 1973).

    Args:
        first: W₁, orthonormal columns, shape (n, k).
        second: W₂, orthonormal columns, shape (n, k).

    Returns:
        θ, shape (k,), ascending, radians from 0 to π/2.

    Raises:
        InvalidInputError: The shapes differ, or columns are not orthonormal.
    """
    first, second = as_columns(first), as_columns(second)
    if first.shape != second.shape:
        raise InvalidInputError(
            f"two subspaces of one dimension have bases of one shape, but {first.shape} and {second.shape} came"
        )
    overlap = first.T @ second
    # cos θ = σ(W₁ᵀW₂), descending
    cosines = np.linalg.svd(overlap, compute_uv=False)
    # sin θ = σ((I − P₁) W₂), ascending
    sines = np.linalg.svd(second - first @ overlap, compute_uv=False)[::-1]
    large = np.arccos(np.clip(cosines, 0, 1))
    small = np.arcsin(np.clip(sines, 0, 1))
    angles: NDArray[np.float64] = np.where(cosines**2 < 0.5, large, small)
    return angles


def geodesic_distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """‖arccos σ(W₁ᵀW₂)‖₂, from 0 to √k π/2: the length of the shortest path between two subspaces.

    Args:
        first: W₁, orthonormal columns, shape (n, k).
        second: W₂, orthonormal columns, shape (n, k).

    Raises:
        InvalidInputError: The shapes differ, or columns are not orthonormal.
    """
    return float(np.linalg.norm(principal_angles(first, second)))


def projection_distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """‖P₁ − P₂‖₂ of the orthogonal projections P = W Wᵀ, from 0 to 1: the sine of the largest principal angle.

    Args:
        first: W₁, orthonormal columns, shape (n, k).
        second: W₂, orthonormal columns, shape (n, k).

    Raises:
        InvalidInputError: The shapes differ, or columns are not orthonormal.
    """
    return float(np.sin(principal_angles(first, second)[-1]))


def random_subspace(dim: int, k: int, seed: int = 0) -> Float64[np.ndarray, "dim k"]:
    """A subspace drawn uniformly, the control to which distances are compared.

    Args:
        dim: Dimensions n of the space.
        k: Dimensions of the subspace, from 1 to n.
        seed: Any integer ≥ 0.

    Returns:
        Orthonormal columns, shape (n, k).

    Raises:
        InvalidInputError: A number is out of range.
    """
    if not 1 <= k <= dim:
        raise InvalidInputError(f"a subspace of {dim} dimensions has from 1 to {dim} of them, but {k} came")
    if seed < 0:
        raise InvalidInputError(f"a seed is a whole number from 0 on, but {seed} came")
    # The span of Gaussian vectors is uniform.
    vectors, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, k)))
    return vectors
