"""Alignment of a direction: to which eigenvectors, and how far; Wang & Ponce, ICLR 2021, A.9."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv  # type: ignore[import-untyped]

from pullback.directions.direction_set import DirectionSet
from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis

# Of a random unit vector to have so large a share along an eigenvector, in their text.
CHANCE = 5e-4


def eigen_axes(directions: DirectionSet, eigenbasis: Eigenbasis) -> list[tuple[list[int], list[float]]]:
    """The eigenvectors to which each direction is aligned more than chance allows.

    The squared coordinate (uᵀv)² of a random unit vector v of n dimensions along an axis u has the distribution
    Beta(½, (n − 1)/2); an axis counts where the direction's share lies above its upper 5·10⁻⁴ quantile. As in the
    paper, each axis is judged by itself.

    Args:
        directions: k directions.
        eigenbasis: The eigenbasis of their space.

    Returns:
        For each direction the ranks of its eigenvectors, from 0 for the largest eigenvalue, and its share of squared
        length along each, both in descending order of the share.

    Raises:
        InvalidInputError: The eigenbasis has another dimension.
    """
    n = directions.dim
    if eigenbasis.dim != n:
        raise InvalidInputError(
            f"these directions have {n} coordinates, but an eigenbasis of {eigenbasis.dim} dimensions came"
        )
    if n == 1:
        # There is but one axis, for a random vector too.
        return [([], []) for _ in directions.vectors]
    least = betaincinv(0.5, (n - 1) / 2, 1 - CHANCE)
    found = []
    for shares in eigenbasis.rotate(directions.vectors) ** 2:
        ranks = np.argsort(-shares, kind="stable")
        ranks = ranks[shares[ranks] > least]
        found.append((ranks.tolist(), shares[ranks].tolist()))
    return found
