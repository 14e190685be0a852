"""CMA-ES on a sphere: all latents have one norm, and only directions are searched."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64

from pullback.errors import InvalidInputError
from pullback.search.methods.method import Beginning, Drawn, Method, Origin, State
from pullback.search.methods.recombination import falling, ranked, recombination_weights
from pullback.search.spaces import SearchSpace


@dataclass(frozen=True, eq=False)
class SphereState(State):
    """The direction around which it searches.

    Attributes:
        mean: Unit vector, shape (k,); zeros while the first generation is to choose it.
        updates: How often it moved.
    """

    mean: Float64[np.ndarray, " k"]
    updates: int


@dataclass(frozen=True)
class SphereCMA(Method[SphereState]):
    """Steps of one angle in random directions, and a mean that moves along the sphere towards the best.

    Wang & Ponce, "High-performance evolutionary algorithms for online neuron control" (GECCO 2022), as used with
    animals. The first generation is drawn from the whole sphere, and its better half makes the first mean, unless there
    is a point to begin at; later full generations begin with the mean itself. The angle falls by the same factor in
    every move.

    Attributes:
        radius: Norm of all points.
        population: Points of a full generation.
        parents: How many of the best of a full generation are selected; of a partial one, the same share.
        first_angle: Step of an offspring in degrees, first.
        last_angle: The same after `decay_generations` moves.
        decay_generations: Moves over which the angle falls.
        learning_rate: How far the mean moves towards the selected: 1 = to them.
    """

    radius: float
    population: int
    parents: int
    first_angle: float
    last_angle: float
    decay_generations: int
    learning_rate: float

    name: ClassVar[str] = "sphere_cma"
    state_type: ClassVar[type[SphereState]] = SphereState

    @classmethod
    def of(cls, options: Mapping[str, Any], space: SearchSpace) -> Method[SphereState]:
        """The method with complete options, for a space whose prior lies around zero."""
        if space.centre.any():
            raise InvalidInputError(
                "method 'sphere_cma' searches coordinates around zero alone, but the space has classes, or bounds that "
                "are not the same on both sides; hold a class, or take another method"
            )
        return super().of(options, space)

    def first(self, beginning: Beginning) -> SphereState:
        """Around the direction of the point; around none yet where there is no point, or it has no direction."""
        point = beginning.point
        return self.begin(np.zeros(beginning.space.searched) if point is None else point)

    def begin(self, start: Float64[np.ndarray, " k"]) -> SphereState:
        """The search around the direction of a point; of zeros, around the one that the first generation makes."""
        return SphereState(start / (np.linalg.norm(start) or 1.0), 0)

    def sample(self, state: SphereState, n: int, rng: np.random.Generator) -> Drawn:
        """The mean, where a full generation is asked for, and offspring; draws from the sphere while there is none."""
        if not state.mean.any():
            normal = rng.standard_normal((n, state.mean.size))
            return Drawn.sampled(self.radius * normal / np.linalg.norm(normal, axis=1, keepdims=True))
        with_mean = n >= self.population
        steps = rng.standard_normal((n - with_mean, state.mean.size))
        # Into the tangent space of the mean, of n − 1 dimensions, where E‖t‖² is the squared angle.
        steps -= np.outer(steps @ state.mean, state.mean)
        steps *= self._angle(state) / math.sqrt(max(state.mean.size - 1, 1))
        points = _exponential(state.mean, steps)
        origins = (Origin("sampled"),) * len(points)
        if with_mean:
            points, origins = np.concatenate([state.mean[None], points]), (Origin("mean"), *origins)
        return Drawn(self.radius * points, origins)

    def update(
        self,
        state: SphereState,
        points: Float64[np.ndarray, "m k"],
        scores: Float64[np.ndarray, " m"],
        ids: tuple[str, ...],
    ) -> SphereState:
        """The mean moved along the great circle towards the weighted mean of the best directions."""
        del ids
        norms = np.linalg.norm(points, axis=1, keepdims=True)
        # A point at zero has no direction, and speaks for staying.
        directions = np.where(norms > 0, points / np.where(norms > 0, norms, 1), state.mean)
        parents = max(1, round(len(points) * self.parents / self.population))
        selected = directions[ranked(scores)[:parents]]
        if not state.mean.any():
            return self.begin(recombination_weights(len(points)) @ directions[ranked(scores)[: len(points) // 2]])
        target = recombination_weights(len(points), parents) @ selected
        # SLERP(m, t, r) = exp_m(r log_m(t)), which does not ask for a unit vector t.
        towards = target - (target @ state.mean) * state.mean
        length = float(np.linalg.norm(towards))
        if length == 0:
            return SphereState(state.mean, state.updates + 1)
        angle = math.atan2(length, float(target @ state.mean))
        moved = _exponential(state.mean, (self.learning_rate * angle / length * towards)[None])[0]
        return SphereState(moved / np.linalg.norm(moved), state.updates + 1)

    def incumbent(self, state: SphereState) -> Float64[np.ndarray, " k"] | None:
        """The mean; None before there is one."""
        return self.radius * state.mean if state.mean.any() else None

    def _angle(self, state: SphereState) -> float:
        """Step of an offspring in radians."""
        # Published are where it begins and ends; in between, a constant factor, as step sizes of CMA-ES fall.
        return math.radians(falling(self.first_angle, self.last_angle, state.updates / self.decay_generations))


def _exponential(mean: Float64[np.ndarray, " k"], steps: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
    """exp_m(t) = cos‖t‖ m + sin‖t‖ t/‖t‖ on the unit sphere."""
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    # sin‖t‖/‖t‖; NumPy's sinc is that of πx.
    points: Float64[np.ndarray, "n k"] = np.cos(lengths) * mean + np.sinc(lengths / np.pi) * steps
    return points
