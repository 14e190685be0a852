"""CMA-ES in the eigenbasis of the metric, which gives it its first covariance."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from pullback.geometry.eigenbasis import Eigenbasis
from pullback.search.methods.adaptation import Distribution, Normal, TriangularDistribution
from pullback.search.methods.eigenframe import Eigenframe, needed_eigenbasis, scales_of
from pullback.search.methods.method import Beginning, Drawn, Method, State
from pullback.search.methods.recombination import falling

# Of up to so many axes the covariance and its decomposition are kept whole, 16 k² bytes: .9 MB. Of more, a root.
_MOST_WHOLE = 240


@dataclass(frozen=True, eq=False)
class HessianState(Eigenframe):
    """A distribution in coordinates along eigenvectors.

    Attributes:
        distribution: Of y.
    """

    distribution: Normal

    parts: ClassVar[Mapping[str, type[State]]] = {"distribution": Distribution}


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
        return self.begin(beginning.centre, needed_eigenbasis(beginning, self.name))

    def begin(self, start: Float64[np.ndarray, " n"], eigenbasis: Eigenbasis) -> HessianState:
        """The search around a point.

        Args:
            start: Shape (n,).
            eigenbasis: Of the metric on points.
        """
        scales = scales_of(eigenbasis, self.axes, self.exponent)
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
        return falling(self.sigma, self.last_sigma, updates / self.decay_generations)
