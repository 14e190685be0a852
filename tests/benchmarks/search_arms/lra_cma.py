"""LRA-CMA-ES (Nomura, Akimoto & Ono, GECCO 2023) of the `cmaes` package."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_arms.arm import Points


class LRACMA:
    """`cmaes.CMA` from zero, with learning rates that are adapted to the noise.

    Args:
        dim: Coordinates.
        seed: Of its random numbers.
        sigma: First step size.
        population: Points of a generation.
    """

    def __init__(self, dim: int, seed: int, *, sigma: float, population: int = 40) -> None:
        from cmaes import CMA

        self._population = population
        self._strategy = CMA(mean=np.zeros(dim), sigma=sigma, seed=seed, population_size=population, lr_adapt=True)

    def ask(self) -> Points:
        """What the package proposes."""
        return np.array([self._strategy.ask() for _ in range(self._population)])

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """The package minimizes."""
        self._strategy.tell(list(zip(points, (-scores).tolist(), strict=True)))
