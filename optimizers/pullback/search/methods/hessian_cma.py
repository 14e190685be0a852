"""CMA-ES in the eigenbasis of the metric, which gives it its first covariance."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.search.methods.adaptation import Distribution, Normal, TriangularDistribution
from pullback.search.methods.method import Beginning, Drawn, Method, State

# Eigenvalues count as at least this share of the largest: zero, or below by rounding, would ask for endless steps.
_FLOOR = 1e-4
# Of up to so many axes the covariance and its decomposition are kept whole, 16 k² bytes: .9 MB. Of more, a root.
_MOST_WHOLE = 240


@dataclass(frozen=True, eq=False)
class HessianState(State):
    """A distribution in coordinates y, and what these are: x = start + U diag(s) y.

    Attributes:
        start: Shape (n,).
        axes: U, shape (n, k), orthonormal columns.
        scales: s, shape (k,), of mean square 1.
        distribution: Of y.
    """

    start: Float64[np.ndarray, " n"]
    axes: Float64[np.ndarray, "n k"]
    scales: Float64[np.ndarray, " k"]
    distribution: Normal

    parts: ClassVar[Mapping[str, type[State]]] = {"distribution": Distribution}
    constants: ClassVar[tuple[str, ...]] = ("start", "axes", "scales")

    def points(self, coordinates: Float64[np.ndarray, "m k"]) -> Float64[np.ndarray, "m n"]:
        """The points x of coordinates y."""
        points: Float64[np.ndarray, "m n"] = self.start + coordinates * self.scales @ self.axes.T
        return points

    def coordinates(self, points: Float64[np.ndarray, "m n"]) -> Float64[np.ndarray, "m k"]:
        """The coordinates y of points x, or of what lies nearest to these in start + span(U)."""
        coordinates: Float64[np.ndarray, "m k"] = (points - self.start) @ self.axes / self.scales
        return coordinates


@dataclass(frozen=True, eq=False)
class ManyAxesState(HessianState):
    """The same of more axes than a whole covariance is kept of."""

    parts: ClassVar[Mapping[str, type[State]]] = {"distribution": TriangularDistribution}


@dataclass(frozen=True)
class HessianCMA(Method[HessianState]):
    """CMA-ES whose first covariance is C₀ = σ² U diag(λ^−2p) Uᵀ: short steps where images change fast.

    Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021), section 6. U holds
    the leading eigenvectors of the metric, and the search stays in start + span(U). λ^−p is scaled to mean square 1
    over the axes, so that σ is the root mean square step along them, whatever p and the unit of the metric.

    The paper adapts the step size by the length of the path. In the few dozen generations that an experiment has, that
    hardly moves it; here it falls by the same factor in every update, unless adaptation is asked for. And the mean
    moves away from the worse half of a generation as well as towards the better one, unless `negative_weights` is off:
    it goes less astray, which counts where scores are noisy and generations few.

    Attributes:
        sigma: First step size σ.
        exponent: p.
        axes: How many eigenvectors.
        adapt_covariance: Whether the covariance is adapted, or stays as it begins.
        decay_generations: Updates over which the step size falls to `last_sigma`; 0 = it is adapted.
        learning_rate: How far the mean moves: 1 = as far as the weighted steps of a generation.
        negative_weights: Whether the mean moves away from the worse half of a generation, not only towards the better;
            needs a step size that falls.
        last_sigma: None where the step size is adapted.
    """

    sigma: float
    exponent: float
    axes: int
    adapt_covariance: bool
    decay_generations: int
    learning_rate: float
    negative_weights: bool
    last_sigma: float | None = None

    name: ClassVar[str] = "hessian_cma"
    state_type: ClassVar[type[HessianState]] = HessianState

    def state_type_of(self, arrays: Container[str]) -> type[HessianState]:
        """By how the covariance is kept: a search that began with a whole one goes on with it."""
        return HessianState if "distribution.covariance" in arrays else ManyAxesState

    def first(self, beginning: Beginning) -> HessianState:
        """Around the point, or the prior's mean, along the eigenvectors of the eigenbasis."""
        if beginning.eigenbasis is None:
            raise InvalidInputError("method 'hessian_cma' needs an eigenbasis of the space, but none came")
        return self.begin(beginning.centre, beginning.space.eigenbasis(beginning.eigenbasis))

    def begin(self, start: Float64[np.ndarray, " n"], eigenbasis: Eigenbasis) -> HessianState:
        """The search around a point.

        Args:
            start: Shape (n,).
            eigenbasis: Of the metric on points.
        """
        spectrum = eigenbasis.eigenvalues[: self.axes] / eigenbasis.eigenvalues[0]
        scales = spectrum.clip(_FLOOR) ** -self.exponent
        scales /= np.sqrt(np.square(scales).mean())
        none, axes = np.zeros(self.axes), eigenbasis.top(self.axes)
        if self.axes > _MOST_WHOLE:
            return ManyAxesState(start, axes, scales, TriangularDistribution.begin(none, self.sigma))
        return HessianState(start, axes, scales, Distribution.begin(none, self.sigma))

    def sample(self, state: HessianState, n: int, rng: np.random.Generator) -> Drawn:
        """Draws from the distribution."""
        return Drawn.sampled(state.points(state.distribution.sample(n, rng)))

    def update(
        self,
        state: HessianState,
        points: Float64[np.ndarray, "m n"],
        scores: Float64[np.ndarray, " m"],
        ids: tuple[str, ...],
    ) -> HessianState:
        """The distribution after a generation; of points outside the span, their part within counts."""
        del ids
        distribution = state.distribution.updated(
            state.coordinates(points),
            scores,
            first=self.sigma,
            sigma=self._sigma(state.distribution.updates + 1),
            learning_rate=self.learning_rate,
            adapt_covariance=self.adapt_covariance,
            negative_weights=self.negative_weights,
        )
        return replace(state, distribution=distribution)

    def incumbent(self, state: HessianState) -> Float64[np.ndarray, " n"]:
        """The mean."""
        mean: Float64[np.ndarray, " n"] = state.points(state.distribution.mean[None])[0]
        return mean

    def _sigma(self, updates: int) -> float | None:
        """The step size after so many updates; None where it is adapted."""
        if self.last_sigma is None:
            return None
        # σ_t = σ (σ_last/σ)^(t/T), t ≤ T
        gone: float = min(updates / self.decay_generations, 1.0)
        sigma: float = self.sigma * (self.last_sigma / self.sigma) ** gone
        return sigma
