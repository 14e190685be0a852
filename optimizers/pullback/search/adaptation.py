"""CMA-ES: how the mean, the step size and the covariance of a normal distribution follow the best of what it drew.

The (μ/μ_w, λ) strategy with cumulative step-size adaptation, and rank-one and rank-μ updates of the covariance. Numbers
in brackets are equations of Hansen, "The CMA Evolution Strategy: A Tutorial" (arXiv:1604.00772).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from pullback.search.method import State
from pullback.search.recombination import (
    adapted_step,
    bounded_sigma,
    bounded_steps,
    expected_norm,
    optimal_weights,
    ranked,
    recombination_weights,
    selection_mass,
    shared_among_equals,
    step_damping,
)


@dataclass(frozen=True, eq=False)
class Distribution(State):
    """N(m, σ² C), C = B diag(d²) Bᵀ, with the paths along which it has gone.

    Attributes:
        mean: m, shape (k,).
        sigma: σ.
        covariance: C, shape (k, k).
        axes: B, shape (k, k), orthonormal columns: of C as it was when it was decomposed last.
        lengths: d, shape (k,).
        path: p_σ, shape (k,).
        rank_one_path: p_c, shape (k,).
        updates: Updates so far.
        decomposed: Updates when C was decomposed last.
    """

    mean: Float64[np.ndarray, " k"]
    sigma: float
    covariance: Float64[np.ndarray, "k k"]
    axes: Float64[np.ndarray, "k k"]
    lengths: Float64[np.ndarray, " k"]
    path: Float64[np.ndarray, " k"]
    rank_one_path: Float64[np.ndarray, " k"]
    updates: int
    decomposed: int

    @classmethod
    def begin(cls, mean: Float64[np.ndarray, " k"], sigma: float) -> Distribution:
        """N(mean, σ² I)."""
        none, identity = np.zeros_like(mean), np.eye(mean.size)
        return cls(mean, sigma, identity, identity, np.ones_like(mean), none, none, 0, 0)

    def sample(self, n: int, rng: np.random.Generator) -> Float64[np.ndarray, "n k"]:
        """Draws n points."""
        # x = m + σ B D z, z ~ N(0, I) (38)–(40)
        steps = (rng.standard_normal((n, self.mean.size)) * self.lengths) @ self.axes.T
        points: Float64[np.ndarray, "n k"] = self.mean + self.sigma * steps
        return points

    def updated(
        self,
        points: Float64[np.ndarray, "m k"],
        scores: Float64[np.ndarray, " m"],
        *,
        first: float,
        sigma: float | None = None,
        learning_rate: float = 1.0,
        adapt_covariance: bool = True,
        negative_weights: bool = False,
    ) -> Distribution:
        """The distribution after a generation.

        Args:
            points: Shape (m, k), m ≥ 2; those farther away than samples could be are drawn nearer.
            scores: Shape (m,); greater is better.
            first: The first step size, which bounds those that follow.
            sigma: The step size that follows; adapted when omitted.
            learning_rate: How far the mean moves: 1 = as far as the weighted steps.
            adapt_covariance: Whether C changes.
            negative_weights: Whether the mean moves away from the worse half, too; C follows the better half alone.
                Not with adapted step sizes, whose rule was made for positive weights.
        """
        n = self.mean.size
        # y = (x − m)/σ, and C^-½ y = B diag(1/d) Bᵀ y
        steps = (points - self.mean) / self.sigma
        coordinates = steps @ self.axes / self.lengths
        bounds = bounded_steps(coordinates)
        weights = recombination_weights(len(points))
        pulls = weights
        # What all points have in common weights of sum zero do not see: of points from elsewhere it is what counts.
        if negative_weights and not _agree(bounds[:, None] * coordinates):
            pulls = optimal_weights(len(points))
        mass, pull_mass = selection_mass(weights), selection_mass(pulls)
        # (55) and (56)
        path_rate = (pull_mass + 2) / (n + pull_mass + 5)
        rank_one_path_rate = (4 + pull_mass / n) / (n + 4 + 2 * pull_mass / n)
        # The better half, or all.
        best = ranked(scores)[: pulls.size]
        if pulls is not weights:
            pulls = shared_among_equals(pulls, scores[best])
        factors = bounds[best]
        chosen = factors[:, None] * steps[best]
        step = pulls @ chosen  # (41)
        whitened = (pulls * factors) @ coordinates[best] @ self.axes.T
        # (43), and then (44)
        path = (1 - path_rate) * self.path + math.sqrt(path_rate * (2 - path_rate) * pull_mass) * whitened
        if sigma is None:
            sigma = adapted_step(self.sigma, path, path_rate, step_damping(pull_mass, path_rate, n))
        # (45): p_c stands still while p_σ is long, lest C grow along a direction in which σ grows already.
        settled = math.sqrt(1 - (1 - path_rate) ** (2 * (self.updates + 1)))
        moves = float(np.linalg.norm(path)) < (1.4 + 2 / (n + 1)) * expected_norm(n) * settled
        rank_one_path = (1 - rank_one_path_rate) * self.rank_one_path
        if moves:
            rank_one_path = rank_one_path + math.sqrt(rank_one_path_rate * (2 - rank_one_path_rate) * pull_mass) * step
        moved = replace(
            self,
            mean=self.mean + learning_rate * self.sigma * step,  # (42)
            sigma=bounded_sigma(sigma, first, float(self.lengths.max())),
            path=path,
            rank_one_path=rank_one_path,
            updates=self.updates + 1,
        )
        if not adapt_covariance:
            return moved
        # (57) and (58)
        rank_one_rate = 2 / ((n + 1.3) ** 2 + mass)
        rank_mu_rate = min(1 - rank_one_rate, 2 * (0.25 + mass + 1 / mass - 2) / ((n + 2) ** 2 + mass))
        # (47): C ← (1 + c₁ δ(h_σ) − c₁ − c_μ) C + c₁ p_c p_cᵀ + c_μ Σ w_i y_i y_iᵀ
        lost = 0.0 if moves else rank_one_path_rate * (2 - rank_one_path_rate)
        selected = chosen[: weights.size]
        covariance = (
            (1 + rank_one_rate * lost - rank_one_rate - rank_mu_rate) * self.covariance
            + rank_one_rate * np.outer(rank_one_path, rank_one_path)
            + rank_mu_rate * (selected.T * weights) @ selected
        )
        return _decomposed(replace(moved, covariance=covariance), gap=1 / (10 * n * (rank_one_rate + rank_mu_rate)))


def _agree(coordinates: Float64[np.ndarray, "m k"]) -> bool:
    """Whether whitened points have more in common than samples have: they were not drawn from the distribution."""
    m, n = coordinates.shape
    # √m z̄ ~ N(0, I) of samples, and its length is √n within some ½.
    return float(np.linalg.norm(coordinates.sum(axis=0))) / math.sqrt(m) > math.sqrt(n) + 4


def _decomposed(distribution: Distribution, gap: float) -> Distribution:
    """The same, with B and d of the newest C where they are older than `gap` updates (tutorial, B.2)."""
    if distribution.updates - distribution.decomposed <= gap:
        return distribution
    covariance = (distribution.covariance + distribution.covariance.T) / 2
    variances, axes = np.linalg.eigh(covariance)
    # Rounding may leave none of a variance: condition numbers above 1e14 mean nothing in float64.
    lengths = np.sqrt(variances.clip(1e-14 * variances[-1]))
    return replace(distribution, covariance=covariance, axes=axes, lengths=lengths, decomposed=distribution.updates)
