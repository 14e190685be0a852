"""Image → latent: problems, and the solvers that invert them."""

from __future__ import annotations

from pullback.inversion.adam import Adam, AdamState
from pullback.inversion.hessian_adam import HessianAdam
from pullback.inversion.problem import LossWeights, Problem
from pullback.inversion.solve import METHODS, draw_starts, invert, make_solver
from pullback.inversion.solver import InversionResult, Solver, SolverState

__all__ = [
    "METHODS",
    "Adam",
    "AdamState",
    "HessianAdam",
    "InversionResult",
    "LossWeights",
    "Problem",
    "Solver",
    "SolverState",
    "draw_starts",
    "invert",
    "make_solver",
]
