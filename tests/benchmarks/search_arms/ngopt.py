"""NGOpt of the `nevergrad` package, which chooses an optimizer by dimension, budget and workers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_arms.arm import Points


class NGOpt:
    """`nevergrad.optimizers.NGOpt` from zero, with the standard deviation of its parametrization, 1.

    Args:
        dim: Coordinates.
        seed: Of its random numbers.
        budget: Points in all.
        population: Points that are asked before any of them is told.
    """

    def __init__(self, dim: int, seed: int, *, budget: int, population: int = 40) -> None:
        import nevergrad

        space = nevergrad.p.Array(init=np.zeros(dim))
        space.random_state.seed(seed)
        self._population = population
        self._optimizer = nevergrad.optimizers.NGOpt(space, budget=budget, num_workers=population)
        self._asked: list[Any] = []

    def ask(self) -> Points:
        """What the package proposes."""
        self._asked = [self._optimizer.ask() for _ in range(self._population)]
        return np.array([candidate.value for candidate in self._asked])

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """The package minimizes."""
        del points
        for candidate, score in zip(self._asked, scores, strict=True):
            self._optimizer.tell(candidate, -float(score))
