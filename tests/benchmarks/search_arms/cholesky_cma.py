"""CholeskyCMA: CMA-ES with a factor of the covariance, as Wang & Ponce (ICLR 2021; GECCO 2022) used it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from search_arms.arm import Points


class CholeskyCMA:
    """x = m + σ z A, A changed by rank one every eleventh generation, as in the published program.

    Args:
        dim: Coordinates.
        seed: Of its random numbers.
        sigma: First step size.
        population: Points of a generation.
    """

    def __init__(self, dim: int, seed: int, *, sigma: float, population: int = 40) -> None:
        self._rng = np.random.default_rng(seed)
        self._sigma, self._population = sigma, population
        parents = population // 2
        weights = math.log(parents + 0.5) - np.log(np.arange(1, parents + 1))
        self._weights = weights / weights.sum()
        self._mass = mass = 1 / np.square(self._weights).sum()
        self._cc, self._c1 = 4 / (dim + 4), 2 / (dim + math.sqrt(2)) ** 2
        self._cs = math.sqrt(mass) / (math.sqrt(mass) + math.sqrt(dim))
        self._damping = 1 + self._cs + 2 * max(0.0, math.sqrt((mass - 1) / (dim + 1)) - 1)
        self._expected = math.sqrt(dim) * (1 - 1 / (4 * dim) + 1 / (21 * dim**2))
        self._mean, self._pc, self._ps = np.zeros(dim), np.zeros(dim), np.zeros(dim)
        self._factor, self._inverse = np.eye(dim), np.eye(dim)
        self._normal = np.zeros((population, dim))
        self._told, self._changed = 0, 0

    def ask(self) -> Points:
        """Draws around the mean."""
        self._normal = self._rng.standard_normal(self._normal.shape)
        return self._mean + self._sigma * self._normal @ self._factor

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """Recombines, follows the paths, and now and then changes the factor."""
        best = np.argsort(-scores, kind="stable")[: len(self._weights)]
        self._told += 1
        self._mean = self._weights @ points[best]
        step = self._weights @ self._normal[best]
        self._ps = (1 - self._cs) * self._ps + math.sqrt(self._cs * (2 - self._cs) * self._mass) * step
        self._pc = (1 - self._cc) * self._pc + math.sqrt(self._cc * (2 - self._cc) * self._mass) * step @ self._factor
        self._sigma *= math.exp(self._cs / self._damping * (float(np.linalg.norm(self._ps)) / self._expected - 1))
        if self._told - self._changed > 10:
            self._changed = self._told
            self._change()

    def _change(self) -> None:
        # C ← (1 − c₁) C + c₁ pᵀp, by a factor of it and that one's inverse
        direction = self._pc @ self._inverse
        square = float(direction @ direction)
        shrink = math.sqrt(1 - self._c1)
        growth = math.sqrt(1 + self._c1 / (1 - self._c1) * square)
        self._factor = shrink * (self._factor + (growth - 1) / square * np.outer(direction, self._pc))
        less = (1 - 1 / growth) / square * np.outer(self._inverse @ direction, direction)
        self._inverse = (self._inverse - less) / shrink
