"""CMA-ES: how the mean, the step size and the covariance of a normal distribution follow the best of what it drew.

The (μ/μ_w, λ) strategy with cumulative step-size adaptation, and rank-one and rank-μ updates of the covariance. Numbers
in brackets are equations of Hansen, "The CMA Evolution Strategy: A Tutorial" (arXiv:1604.00772).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float32, Float64

from pullback.search.methods.method import State
from pullback.search.methods.recombination import (
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
from pullback.search.methods.triangles import substitute

D = TypeVar("D", bound="Normal")


class Normal(State):
    """N(m, σ² C), C = A Aᵀ, with the paths along which it has gone; what A is, is for each kind to say.

    Attributes:
        mean: m, shape (k,).
        sigma: σ.
        path: p_σ, shape (k,).
        rank_one_path: p_c, shape (k,).
        updates: Updates so far.
    """

    mean: Float64[np.ndarray, " k"]
    sigma: float
    path: Float64[np.ndarray, " k"]
    rank_one_path: Float64[np.ndarray, " k"]
    updates: int

    @abstractmethod
    def steps_of(self, normal: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
        """A z of rows z."""

    @abstractmethod
    def whitened(self, steps: Float64[np.ndarray, "m k"]) -> Float64[np.ndarray, "m k"]:
        """A⁻¹ y of rows y."""

    @abstractmethod
    def turned(self, coordinates: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        """Whitened coordinates, in which the path is kept whatever A becomes."""

    @property
    @abstractmethod
    def longest(self) -> float:
        """The largest standard deviation, in units of σ."""

    @abstractmethod
    def adapted(
        self: D,
        kept: float,
        rank_one: tuple[float, Float64[np.ndarray, " k"]],
        rank_mu: tuple[float, Float64[np.ndarray, "μ k"], Float64[np.ndarray, " μ"]],
    ) -> D:
        """The distribution whose C is a C + c₁ p pᵀ + c_μ Σ wᵢ yᵢ yᵢᵀ.

        Args:
            kept: a.
            rank_one: c₁ and p.
            rank_mu: c_μ, the yᵢ and the wᵢ.
        """

    def sample(self, n: int, rng: np.random.Generator) -> Float64[np.ndarray, "n k"]:
        """Draws n points."""
        # x = m + σ A z, z ~ N(0, I) (38)–(40)
        steps = self.steps_of(rng.standard_normal((n, self.mean.size)))
        points: Float64[np.ndarray, "n k"] = self.mean + self.sigma * steps
        return points

    def updated(
        self: D,
        points: Float64[np.ndarray, "m k"],
        scores: Float64[np.ndarray, " m"],
        *,
        first: float,
        sigma: float | None = None,
        learning_rate: float = 1.0,
        adapt_covariance: bool = True,
        negative_weights: bool = False,
    ) -> D:
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
        # y = (x − m)/σ, and A⁻¹ y
        steps = (points - self.mean) / self.sigma
        coordinates = self.whitened(steps)
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
        whitened = self.turned((pulls * factors) @ coordinates[best])
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
        changes: dict[str, Any] = {
            "mean": self.mean + learning_rate * self.sigma * step,  # (42)
            "sigma": bounded_sigma(sigma, first, self.longest),
            "path": path,
            "rank_one_path": rank_one_path,
            "updates": self.updates + 1,
        }
        moved = replace(self, **changes)
        if not adapt_covariance:
            return moved
        # (57) and (58)
        rank_one_rate = 2 / ((n + 1.3) ** 2 + mass)
        rank_mu_rate = min(1 - rank_one_rate, 2 * (0.25 + mass + 1 / mass - 2) / ((n + 2) ** 2 + mass))
        # (47): C ← (1 + c₁ δ(h_σ) − c₁ − c_μ) C + c₁ p_c p_cᵀ + c_μ Σ w_i y_i y_iᵀ
        lost = 0.0 if moves else rank_one_path_rate * (2 - rank_one_path_rate)
        selected = chosen[: weights.size]
        kept = 1 + rank_one_rate * lost - rank_one_rate - rank_mu_rate
        return moved.adapted(kept, (rank_one_rate, rank_one_path), (rank_mu_rate, selected, weights))


@dataclass(frozen=True, eq=False)
class Distribution(Normal):
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

    def steps_of(self, normal: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
        """B D z."""
        steps: Float64[np.ndarray, "n k"] = (normal * self.lengths) @ self.axes.T
        return steps

    def whitened(self, steps: Float64[np.ndarray, "m k"]) -> Float64[np.ndarray, "m k"]:
        """D⁻¹ Bᵀ y."""
        coordinates: Float64[np.ndarray, "m k"] = steps @ self.axes / self.lengths
        return coordinates

    def turned(self, coordinates: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        """Back into the space's own axes: with what was whitened, C^-½ y = B D⁻¹ Bᵀ y."""
        turned: Float64[np.ndarray, " k"] = coordinates @ self.axes.T
        return turned

    @property
    def longest(self) -> float:
        """The greatest of d."""
        return float(self.lengths.max())

    def adapted(
        self,
        kept: float,
        rank_one: tuple[float, Float64[np.ndarray, " k"]],
        rank_mu: tuple[float, Float64[np.ndarray, "μ k"], Float64[np.ndarray, " μ"]],
    ) -> Distribution:
        """With C as it becomes; B and d follow where they are too old."""
        (one_rate, path), (mu_rate, steps, weights) = rank_one, rank_mu
        covariance = kept * self.covariance + one_rate * np.outer(path, path) + mu_rate * (steps.T * weights) @ steps
        gap = 1 / (10 * self.mean.size * (one_rate + mu_rate))
        return _decomposed(replace(self, covariance=covariance), gap=gap)


@dataclass(frozen=True, eq=False)
class TriangularDistribution(Normal):
    """N(m, σ² L Lᵀ), L lower triangular: for hundreds of axes, in 2 k² bytes instead of 16 k².

    Krause, Arbonès & Igel, "CMA-ES with Optimal Covariance Update and Storage Complexity" (NIPS 2016). L⁻¹ y whitens as
    C^-½ y does but for a rotation, which neither lengths nor what is drawn depend on.

    Attributes:
        mean: m, shape (k,).
        sigma: σ.
        root: The rows of L one after the other, each up to the diagonal, shape (k (k + 1) / 2,). In float32: an update
            changes C by some 1e-4, a thousand times what rounding does.
        path: p_σ, shape (k,), whitened.
        rank_one_path: p_c, shape (k,).
        updates: Updates so far.
    """

    mean: Float64[np.ndarray, " k"]
    sigma: float
    root: Float32[np.ndarray, " packed"]
    path: Float64[np.ndarray, " k"]
    rank_one_path: Float64[np.ndarray, " k"]
    updates: int

    @classmethod
    def begin(cls, mean: Float64[np.ndarray, " k"], sigma: float) -> TriangularDistribution:
        """N(mean, σ² I)."""
        none = np.zeros_like(mean)
        return cls(mean, sigma, _packed(np.eye(mean.size)), none, none, 0)

    def steps_of(self, normal: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
        """L z."""
        steps: Float64[np.ndarray, "n k"] = normal @ self._root.T
        return steps

    def whitened(self, steps: Float64[np.ndarray, "m k"]) -> Float64[np.ndarray, "m k"]:
        """L⁻¹ y."""
        coordinates: Float64[np.ndarray, "m k"] = substitute(self._root, steps.T).T
        return coordinates

    def turned(self, coordinates: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        """As they are."""
        return coordinates

    @property
    def longest(self) -> float:
        """The greatest standard deviation of a coordinate: √max Cᵢᵢ."""
        return float(np.linalg.norm(self._root, axis=1).max())

    def adapted(
        self,
        kept: float,
        rank_one: tuple[float, Float64[np.ndarray, " k"]],
        rank_mu: tuple[float, Float64[np.ndarray, "μ k"], Float64[np.ndarray, " μ"]],
    ) -> TriangularDistribution:
        """With L of C as it becomes."""
        (one_rate, path), (mu_rate, steps, weights) = rank_one, rank_mu
        root = self._root
        covariance = kept * root @ root.T + one_rate * np.outer(path, path) + mu_rate * (steps.T * weights) @ steps
        return replace(self, root=_packed(np.linalg.cholesky(covariance)))

    @cached_property
    def _root(self) -> Float64[np.ndarray, "k k"]:
        root = np.zeros((self.mean.size, self.mean.size))
        root[_lower(self.mean.size)] = self.root
        return root


@lru_cache(maxsize=4)
def _lower(k: int) -> Bool[np.ndarray, "k k"]:
    """Where a lower triangle of k rows is."""
    return np.tri(k, dtype=bool)


def _packed(root: Float64[np.ndarray, "k k"]) -> Float32[np.ndarray, " packed"]:
    packed: Float32[np.ndarray, " packed"] = root[_lower(len(root))].astype(np.float32)
    return packed


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
