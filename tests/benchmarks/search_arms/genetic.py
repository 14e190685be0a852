"""XDream's genetic algorithm: Xiao & Kreiman, PLoS Comput. Biol. 16 (2020)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_arms.arm import Points


class Genetic:
    """Offspring of two parents each, coordinates mixed and mutated; the best may stay as they are.

    Args:
        dim: Coordinates.
        seed: Of its random numbers.
        population: Points of a generation.
        mutation_rate: Share of the coordinates that mutate.
        mutation_size: Standard deviation of a mutation.
        temperature: Chances of parents are exp((score − best) / (temperature · SD of scores)).
        skew: Share of the coordinates that the first parent gives.
        conserved: How many of the best stay in the next generation, unchanged.
    """

    def __init__(
        self,
        dim: int,
        seed: int,
        *,
        population: int = 20,
        mutation_rate: float = 0.5,
        mutation_size: float = 0.5,
        temperature: float = 2.0,
        skew: float = 0.5,
        conserved: int = 0,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._mutation, self._temperature = (mutation_rate, mutation_size), temperature
        self._skew, self._conserved = skew, conserved
        self._points = self._rng.standard_normal((population, dim))

    def ask(self) -> Points:
        """The generation."""
        return self._points

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """Breeds the next."""
        order = np.argsort(-scores, kind="stable")
        scores = scores[order]
        chances = np.exp((scores - scores[0]) / max(self._temperature * scores.std(), 1e-8))
        children = len(points) - self._conserved
        parents = self._rng.choice(order, size=(children, 2), p=chances / chances.sum())
        shape = (children, points.shape[1])
        mixed = np.where(self._rng.random(shape) < self._skew, points[parents[:, 0]], points[parents[:, 1]])
        rate, size = self._mutation
        mixed += np.where(self._rng.random(shape) < rate, size * self._rng.standard_normal(shape), 0)
        self._points = np.vstack([points[order[: self._conserved]], mixed])
