"""Typicality of latents: how the prior's draws lie around its mean, by the χ distribution that fits them."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float64

# As far as all but so many of the prior's draws lie is near it.
_FARTHER = 0.01


class Typicality:
    """Distribution of the Mahalanobis distance d of a prior's draws from its mean.

    d² has mean n and some variance v, and is taken for n/ν times a χ²_ν of the same two moments, ν = 2 n²/v: exact for
    standard-normal coordinates, where ν = n. Its cube root is nearly normal (Wilson & Hilferty, PNAS 17, 1931), which
    gives shares to .01 and, of ten coordinates and more, to .001.

    Args:
        n: Number of coordinates, at least 1.
        variance: v, at least 0: the sum over coordinates in units of their deviations of their kurtosis less 1, of
            standard-normal ones 2 each.
    """

    def __init__(self, n: int, variance: float) -> None:
        self._n = n
        # Draws that all lie equally far still need some width.
        self._variance = 2 * max(variance, 1e-6 * n) / (9 * n**2) / 2
        self._mean = 1 - self._variance

    def of(self, distances: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """Shares of the prior's draws that lie at least as far: near 1 at the mean, .5 at the median, 0 far off.

        Args:
            distances: Mahalanobis distances, at least 0, shape (m,).
        """
        roots = (np.square(distances) / self._n) ** (1 / 3)
        normal = NormalDist(self._mean, math.sqrt(self._variance))
        shares: Float64[np.ndarray, " m"] = np.array([1 - normal.cdf(root) for root in roots])
        return shares

    @property
    def farthest(self) -> float:
        """The distance beyond which one of a hundred draws lies."""
        root = NormalDist(self._mean, math.sqrt(self._variance)).inv_cdf(1 - _FARTHER)
        return math.sqrt(self._n * root**3)
