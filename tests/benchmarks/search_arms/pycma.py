"""The `cma` package itself, as its users call it."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from search_arms.arm import Points


class PyCMA:
    """`cma.CMAEvolutionStrategy` from zero.

    Args:
        dim: Coordinates.
        seed: Of its random numbers.
        sigma: First step size.
        population: Points of a generation.
        diagonal: Whether the covariance stays diagonal.
    """

    def __init__(self, dim: int, seed: int, *, sigma: float, population: int = 40, diagonal: bool = False) -> None:
        import cma

        options = {
            "popsize": population,
            "randn": np.random.RandomState(seed).randn,
            "seed": np.nan,
            "verbose": -10,
            "verb_log": 0,
            "CMA_diagonal": diagonal,
        }
        self._strategy = cma.CMAEvolutionStrategy(np.zeros(dim), sigma, options)

    def ask(self) -> Points:
        """What the package proposes."""
        return np.array(self._strategy.ask())

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """The package minimizes."""
        with warnings.catch_warnings():
            # Flat fitness, as where no spike came.
            warnings.simplefilter("ignore")
            self._strategy.tell(list(points), (-scores).tolist())
