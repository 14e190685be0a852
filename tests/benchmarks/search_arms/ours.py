"""Our own optimizers as arms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pullback.geometry import Eigenbasis
from pullback.search import Optimizer, SearchSettings, SearchSpace, complete, make_optimizer
from search_arms.arm import Points, Setting


class Ours:
    """An optimizer of `pullback.search`.

    Args:
        setting: Its method and options.
        space: Where it searches, with what bounds it.
        basis: The eigenbasis of the space.
        images: How many will be shown, which it is told as planned.
        seed: Of its random numbers.
    """

    def __init__(self, setting: Setting, space: SearchSpace, basis: Eigenbasis, images: int, seed: int) -> None:
        settings = SearchSettings(setting.method, **dict(setting.options))  # type: ignore[arg-type]
        population = complete(settings, space.searched).population
        assert population is not None
        self._optimizer: Optimizer = make_optimizer(
            settings,
            space=space,
            eigenbasis=basis,
            seed=seed,
            planned_generations=max(images // population, 1),
        )

    def ask(self) -> Points:
        """What it proposes."""
        return self._optimizer.ask().latents.astype(np.float64)

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """Its tell."""
        self._optimizer.tell(points, scores)
