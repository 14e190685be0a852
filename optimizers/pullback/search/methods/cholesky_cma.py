"""CMA-ES with a factor of the covariance that is updated by rank one: for spaces of thousands of dimensions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from pullback.search.methods.method import Beginning, Drawn, Method, State
from pullback.search.methods.recombination import (
    adapted_step,
    bounded_sigma,
    bounded_steps,
    ranked,
    recombination_weights,
    selection_mass,
    step_damping,
)

# Generations between two updates of the factor.
_EVERY = 10


@dataclass(frozen=True, eq=False)
class Factor(State):
    """A matrix a I + Σ_j l_jᵀ r_j of n dimensions, for row vectors: the identity, changed by r rank-one updates.

    An evolution of 100 generations makes 10 updates: 10 pairs of rows instead of n², which at n = 4096 is 134 MB.

    Attributes:
        scale: a.
        left: l, shape (r, n), r ≤ n.
        right: r, shape (r, n).
    """

    scale: float
    left: Float64[np.ndarray, "r n"]
    right: Float64[np.ndarray, "r n"]

    @classmethod
    def identity(cls, n: int) -> Factor:
        """The identity."""
        return cls(1.0, np.zeros((0, n)), np.zeros((0, n)))

    def times(self, rows: Float64[np.ndarray, "m n"]) -> Float64[np.ndarray, "m n"]:
        """The product z A for every row z."""
        product: Float64[np.ndarray, "m n"] = self.scale * rows + rows @ self.left.T @ self.right
        return product

    def times_column(self, column: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """The product A vᵀ for a row v, as a row."""
        product: Float64[np.ndarray, " n"] = self.scale * column + (self.right @ column) @ self.left
        return product

    def updated(self, factor: float, left: Float64[np.ndarray, " n"], right: Float64[np.ndarray, " n"]) -> Factor:
        """The matrix f A + lᵀ r."""
        lefts, rights = np.vstack([factor * self.left, left]), np.vstack([self.right, right])
        if len(lefts) > left.size:
            # As many as the dimensions: from here on, one full matrix, as I · (LᵀR).
            lefts, rights = np.eye(left.size), lefts.T @ rights
        return Factor(factor * self.scale, lefts, rights)


@dataclass(frozen=True, eq=False)
class CholeskyState(State):
    """The distribution N(m, σ² AᵀA), and its paths.

    Attributes:
        mean: m, shape (k,).
        sigma: σ.
        path: p_σ, shape (k,), whitened.
        rank_one_path: p_c, shape (k,).
        updates: Updates so far.
        factor: A.
        inverse: A⁻¹.
    """

    mean: Float64[np.ndarray, " k"]
    sigma: float
    path: Float64[np.ndarray, " k"]
    rank_one_path: Float64[np.ndarray, " k"]
    updates: int
    factor: Factor
    inverse: Factor

    parts: ClassVar[Mapping[str, type[State]]] = {"factor": Factor, "inverse": Factor}


@dataclass(frozen=True)
class CholeskyCMA(Method[CholeskyState]):
    """x = m + σ z A with z ~ N(0, I); A is updated by rank one every tenth generation, and by nothing else.

    CholeskyCMAES of the Ponce laboratory, with its constants (Xiao & Kreiman 2020; Wang & Ponce 2021, section 6).
    The published code updates every eleventh generation, by a slip; this one every tenth, as it was meant.

    Attributes:
        sigma: First step size.
    """

    sigma: float

    name: ClassVar[str] = "cholesky_cma"
    state_type: ClassVar[type[CholeskyState]] = CholeskyState

    def first(self, beginning: Beginning) -> CholeskyState:
        """Around the point, or the prior's mean."""
        return self.begin(beginning.centre)

    def begin(self, start: Float64[np.ndarray, " k"]) -> CholeskyState:
        """N(start, σ² I)."""
        none = np.zeros_like(start)
        identity = Factor.identity(start.size)
        return CholeskyState(start, self.sigma, none, none, 0, identity, identity)

    def sample(self, state: CholeskyState, n: int, rng: np.random.Generator) -> Drawn:
        """Draws from the distribution."""
        normal = rng.standard_normal((n, state.mean.size))
        return Drawn.sampled(state.mean + state.sigma * state.factor.times(normal))

    def update(
        self,
        state: CholeskyState,
        points: Float64[np.ndarray, "m k"],
        scores: Float64[np.ndarray, " m"],
        ids: tuple[str, ...],
    ) -> CholeskyState:
        """The distribution after a generation."""
        del ids
        n = state.mean.size
        weights = recombination_weights(len(points))
        mass = selection_mass(weights)
        path_rate = math.sqrt(mass) / (math.sqrt(mass) + math.sqrt(n))
        damping = step_damping(mass, path_rate, n)
        rank_one_path_rate = 4 / (n + 4)
        # z = (x − m) A⁻¹ / σ, of the better half
        steps = (points - state.mean) / state.sigma
        whitened = state.inverse.times(steps)
        factors = bounded_steps(whitened)
        best = ranked(scores)[: weights.size]
        step = (weights * factors[best]) @ steps[best]
        whitened_step = (weights * factors[best]) @ whitened[best]
        # p_σ ← (1 − c_σ) p_σ + √(c_σ (2 − c_σ) μ_eff) ⟨z⟩, and likewise p_c of ⟨z⟩ A
        path = (1 - path_rate) * state.path + math.sqrt(path_rate * (2 - path_rate) * mass) * whitened_step
        rank_one_path = (1 - rank_one_path_rate) * state.rank_one_path + math.sqrt(
            rank_one_path_rate * (2 - rank_one_path_rate) * mass
        ) * step
        factor, inverse = state.factor, state.inverse
        if (state.updates + 1) % _EVERY == 0:
            factor, inverse = _rank_one(factor, inverse, rank_one_path, rate=2 / (n + math.sqrt(2)) ** 2)
        return CholeskyState(
            state.mean + state.sigma * step,
            bounded_sigma(adapted_step(state.sigma, path, path_rate, damping), self.sigma),
            path,
            rank_one_path,
            state.updates + 1,
            factor,
            inverse,
        )

    def incumbent(self, state: CholeskyState) -> Float64[np.ndarray, " k"]:
        """The mean."""
        return state.mean


def _rank_one(factor: Factor, inverse: Factor, path: Float64[np.ndarray, " k"], rate: float) -> tuple[Factor, Factor]:
    """A and A⁻¹ after C ← (1 − c₁) C + c₁ pᵀp, for C = AᵀA and a row p."""
    # With v = p A⁻¹, C ← Aᵀ M A, M = (1 − c₁) I + c₁ vᵀv. M's root is √(1 − c₁) (I + (ρ − 1) vᵀv/|v|²) with
    # ρ² = 1 + c₁ |v|² / (1 − c₁), and its inverse (I + (1/ρ − 1) vᵀv/|v|²) / √(1 − c₁). A ← M^½ A, A⁻¹ ← A⁻¹ M^-½.
    direction = inverse.times(path[None])[0]
    square = float(direction @ direction)
    shrink = math.sqrt(1 - rate)
    growth = math.sqrt(1 + rate * square / (1 - rate))
    # Where the path is zero, so are v and all that is multiplied by these.
    gain, loss = ((growth - 1) / square, (1 / growth - 1) / square) if square > 0 else (0.0, 0.0)
    return (
        factor.updated(shrink, shrink * gain * direction, path),
        inverse.updated(1 / shrink, loss / shrink * inverse.times_column(direction), direction),
    )
