"""The genetic algorithm of XDream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from pullback.search.methods.method import Beginning, Drawn, Method, Origin, State
from pullback.search.methods.recombination import ranked
from pullback.search.spaces import SearchSpace


@dataclass(frozen=True, eq=False)
class Pool(State):
    """Those that may become parents.

    Attributes:
        points: Shape (p, k); none before the first scores.
        scores: Shape (p,).
        ids: One for each; empty where a point has none.
    """

    points: Float64[np.ndarray, "p k"]
    scores: Float64[np.ndarray, " p"]
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Genetic(Method[Pool]):
    """Offspring of two parents each, of which the fitter are preferred; coordinates of both are mixed, and some mutate.

    Xiao & Kreiman, "XDream: Finding preferred stimuli for visual neurons using generative networks and gradient-free
    optimization" (PLoS Comput. Biol. 16, 2020). The parents are the last generation; where only a part of it has
    scores, the best of those before fill it up.

    Attributes:
        space: The space with its prior, from which the first generation is drawn.
        population: Size of the pool of parents.
        mutation_rate: Share of the coordinates that mutate.
        mutation_size: Standard deviation of a mutation.
        selectivity: How strongly fitter parents are preferred.
    """

    space: SearchSpace
    population: int
    mutation_rate: float
    mutation_size: float
    selectivity: float

    name: ClassVar[str] = "genetic"
    takes_start: ClassVar[bool] = False
    state_type: ClassVar[type[Pool]] = Pool
    least: ClassVar[int] = 1

    def first(self, beginning: Beginning) -> Pool:
        """An empty pool."""
        del beginning
        return self.begin()

    def begin(self) -> Pool:
        """An empty pool."""
        return Pool(np.zeros((0, self.space.searched)), np.zeros(0), ())

    def sample(self, state: Pool, n: int, rng: np.random.Generator) -> Drawn:
        """Offspring; draws from the prior while there is no parent."""
        if not state.ids:
            return Drawn.sampled(self.space.draw(n, rng))
        parents = rng.choice(len(state.ids), size=(n, 2), p=_chances(state.scores, self.selectivity))
        shape = (n, self.space.searched)
        # Each coordinate from the one or the other, equally often.
        mixed = np.where(rng.random(shape) < 0.5, state.points[parents[:, 0]], state.points[parents[:, 1]])
        mutates = rng.random(shape) < self.mutation_rate
        points = mixed + np.where(mutates, self.mutation_size * rng.standard_normal(shape), 0)
        names = [dict.fromkeys(state.ids[parent] for parent in pair) for pair in parents]
        return Drawn(points, tuple(Origin("offspring", tuple(filter(None, pair))) for pair in names))

    def update(
        self, state: Pool, points: Float64[np.ndarray, "m k"], scores: Float64[np.ndarray, " m"], ids: tuple[str, ...]
    ) -> Pool:
        """The pool of these points, filled up to the population by the best of the pool before."""
        kept = ranked(state.scores)[: max(self.population - len(ids), 0)]
        return Pool(
            np.concatenate([points, state.points[kept]]),
            np.concatenate([scores, state.scores[kept]]),
            ids + tuple(state.ids[i] for i in kept),
        )

    def incumbent(self, state: Pool) -> None:
        """It searches around no single point."""
        del state


def _chances(scores: Float64[np.ndarray, " p"], selectivity: float) -> Float64[np.ndarray, " p"]:
    """Chances to become a parent, ∝ exp(selectivity · z) with z the standardised score."""
    spread = scores.std()
    standard = (scores - scores.max()) / spread if spread > 0 else np.zeros_like(scores)
    weights = np.exp(selectivity * standard)
    chances: Float64[np.ndarray, " p"] = weights / weights.sum()
    return chances
