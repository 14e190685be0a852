"""BasinCMA both of whose parts work in the eigenbasis of the metric."""

from __future__ import annotations

from dataclasses import dataclass

from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.basin_cma_hessian_adam import BasinCMAHessianAdam
from pullback.inversion.solvers.coordinates import Coordinates


@dataclass(frozen=True, kw_only=True)
class HessianBasinCMA(BasinCMAHessianAdam):
    """BasinCMA with CMA-ES and Adam both on coordinates in the eigenbasis: z = c Λ̃^−p Uᵀ.

    So CMA-ES draws candidates whose images differ about as much along every axis, instead of having to learn that from
    losses.
    """

    class_from_zero: bool = False
    exponent: float = 0.25

    def cma_coordinates(self, problem: Problem) -> Coordinates:
        """Along the axes of the eigenbasis, where there is one."""
        return self._axes.coordinates(problem)

    def cma_blocks(self, problem: Problem) -> list[tuple[slice, float]]:
        """All axes together: one may mix noise and class."""
        whole = problem.generator.space(problem.moves)
        return [(slice(0, whole.dim), self.sigma * problem.moving_prior.spread())]
