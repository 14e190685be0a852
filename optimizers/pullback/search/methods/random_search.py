"""Random search: draws from the prior, whatever came of those before; what every other method has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from pullback.search.methods.method import Beginning, Drawn, Method, State
from pullback.search.spaces import SearchSpace


@dataclass(frozen=True, eq=False)
class RandomState(State):
    """Nothing: it learns nothing."""


@dataclass(frozen=True)
class RandomSearch(Method[RandomState]):
    """Independent draws from the prior.

    Attributes:
        space: The space with its prior.
    """

    space: SearchSpace

    name: ClassVar[str] = "random"
    takes_start: ClassVar[bool] = False
    takes_initial: ClassVar[bool] = False
    state_type: ClassVar[type[RandomState]] = RandomState
    least: ClassVar[int] = 1

    def first(self, beginning: Beginning) -> RandomState:
        """The only state."""
        del beginning
        return self.begin()

    def begin(self) -> RandomState:
        """The only state."""
        return RandomState()

    def sample(self, state: RandomState, n: int, rng: np.random.Generator) -> Drawn:
        """Draws from the prior."""
        del state
        return Drawn.sampled(self.space.draw(n, rng))

    def update(
        self,
        state: RandomState,
        points: Float64[np.ndarray, "m k"],
        scores: Float64[np.ndarray, " m"],
        ids: tuple[str, ...],
    ) -> RandomState:
        """The same state."""
        del points, scores, ids
        return state

    def incumbent(self, state: RandomState) -> None:
        """It searches around nothing."""
        del state
