"""Adam along the axes of the metric at the current latent."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.inversion.defaults import MAX_STEPS
from pullback.inversion.problems.evaluation import Evaluation, Query
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.adam import Adam
from pullback.inversion.solvers.coordinates import Coordinates, check_exponent, stretch_of
from pullback.inversion.solvers.descent import DescentState, where


@dataclass(frozen=True, kw_only=True)
class LocalHessianAdam(Adam):
    """Adam on coordinates z = c Λ̃^−p Uᵀ, U and λ those of the metric 2 JᵀJ where each restart stands.

    The metric is computed anew before the first update and every so many updates, with J of the embedding of the image,
    for each restart its own. Then Adam begins anew, for its means belong to the coordinates of before. A column of J is
    a forward-mode pass through generator and distance, about as much work as a forward and a backward pass: each
    metric counts as many evaluations as it has columns. Where it is not finite, or zero, the axes are the latent's own.

    Attributes:
        exponent: p, finite and ≥ 0: how far directions that change the image slowly are stretched.
        every: Updates between two metrics, 1 to 100,000.

    Raises:
        InvalidInputError: An option is out of range.
        UnknownNameError: No such schedule.
    """

    exponent: float = 0.0
    every: int = 25

    def __post_init__(self) -> None:
        super().__post_init__()
        check_exponent(self.exponent)
        if not 1 <= self.every <= MAX_STEPS:
            raise InvalidInputError(f"the metric is computed every 1 to {MAX_STEPS} updates, but {self.every} came")

    def cost(self, problem: Problem, updates: int) -> int:
        """One for each update, and one for each column of the Jacobians before them."""
        return updates + problem.generator.space(problem.moves).dim * math.ceil(updates / self.every)

    def coordinates(self, problem: Problem, state: DescentState | None) -> Coordinates:
        """Along each restart's own axes."""
        if state is None:
            return Coordinates(problem.moving_block, problem.extra)
        axes, stretch = state.memory["axes"], state.memory["stretch"][..., None, :]
        return Coordinates(problem.moving_block, problem.extra, axes / stretch, (axes * stretch).mT)

    def query(self, state: DescentState, points: Float[Tensor, "images alive dim"]) -> Query:
        """Gradients, and where they are due the Jacobians."""
        return Query(points, gram="embedding" if state.step % self.every == 0 else None)

    def memory(self, problem: Problem, coordinates: Float[Tensor, "images restarts k"]) -> dict[str, Tensor]:
        """What Adam remembers, and the axes with how far they are stretched: the latent's own at first."""
        axes = _identity(problem.generator.space(problem.moves).dim, coordinates).repeat(*coordinates.shape[:2], 1, 1)
        return super().memory(problem, coordinates) | {"axes": axes, "stretch": torch.ones_like(axes[..., 0])}

    def turn(self, problem: Problem, state: DescentState, evaluation: Evaluation) -> DescentState:
        """The state along the axes of the metrics that were computed, Adam begun anew."""
        if evaluation.gram is None:
            return state
        points = self.coordinates(problem, state).points(state.coordinates, state.base)
        gram = evaluation.gram
        usable = gram.isfinite().flatten(2).all(dim=2) & (gram.flatten(2).amax(dim=2) > 0)
        # JᵀJ = U Λ Uᵀ; LAPACK's order is ascending. The factor 2 of the metric changes no axes.
        ascending, vectors = torch.linalg.eigh(where(usable, gram, _identity(gram.shape[-1], gram)))
        axes, stretch = vectors.flip(-1), stretch_of(ascending.flip(-1), self.exponent)
        memory = super().memory(problem, state.coordinates)
        memory |= {"axes": axes.to(points).contiguous(), "stretch": stretch.to(points).contiguous()}
        state = replace(state, base=points, memory=memory)
        return replace(state, coordinates=self.coordinates(problem, state).of(points))


def _identity(dim: int, like: Tensor) -> Float[Tensor, "{dim} {dim}"]:
    return torch.eye(dim, dtype=like.dtype, device=like.device)
