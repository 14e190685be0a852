"""SphereCMA: Wang & Ponce, "High-performance evolutionary algorithms for online neuron control" (GECCO 2022)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_arms.arm import Points, on_sphere


class SphereCMA:
    """Directions on a sphere: isotropic tangent steps whose angle falls by a schedule, a mean that goes beyond its aim.

    The first generation is drawn uniformly from the sphere, and the mean begins at the direction of its weighted
    better half. From then on a generation is the mean, which is shown but not ranked, and the offspring.

    Args:
        dim: Coordinates.
        seed: Of its random numbers.
        norm: Radius of the sphere.
        generations: Over which the angle falls exponentially.
        first_angle: Of an offspring to the mean in degrees, at first.
        last_angle: The same at the end.
        learning_rate: How far the mean goes, 1 = to the weighted mean of the selected.
        population: Offspring of a generation.
        selected: How many of them count.
    """

    def __init__(
        self,
        dim: int,
        seed: int,
        *,
        norm: float,
        generations: int = 75,
        first_angle: float = 50.0,
        last_angle: float = 7.33,
        learning_rate: float = 1.5,
        population: int = 40,
        selected: int = 20,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._dim, self._norm, self._rate = dim, norm, learning_rate
        self._population, self._selected = population, selected
        # Standard deviations of a coordinate of a tangent step: the angles over √n.
        self._steps = np.radians(np.geomspace(first_angle, last_angle, generations)) / np.sqrt(dim)
        self._told = 0
        self._mean = np.zeros(dim)

    def ask(self) -> Points:
        """Draws from the sphere at first; then the mean and its offspring."""
        normal = self._rng.standard_normal((self._population, self._dim))
        if self._told == 0:
            return on_sphere(normal, self._norm)
        tangent = normal - np.outer(normal @ self._mean, self._mean)
        tangent *= self._steps[min(self._told, len(self._steps)) - 1]
        angles = np.linalg.norm(tangent, axis=1, keepdims=True)
        # exp_m(t) = cos|t| m + sin|t| t/|t|
        offspring = np.cos(angles) * self._mean + np.sin(angles) * tangent / angles
        return self._norm * np.vstack([self._mean, offspring])

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """Moves the mean along the great circle towards the weighted mean of the best, and on."""
        first = self._told == 0
        ranked = points if first else points[1:]
        order = np.argsort(-(scores if first else scores[1:]), kind="stable")
        parents = len(ranked) // 2 if first else self._selected
        weights = np.log(parents + 0.5) - np.log(np.arange(1, parents + 1))
        aim = weights @ ranked[order[:parents]]
        aim /= np.linalg.norm(aim)
        if not first:
            # SLERP(m, a, r) = (sin((1 − r) θ) m + sin(r θ) a) / sin θ, here with r > 1
            angle = np.arccos(np.clip(self._mean @ aim, -1, 1))
            if angle > 0:
                sines = np.sin([(1 - self._rate) * angle, self._rate * angle]) / np.sin(angle)
                aim = sines[0] * self._mean + sines[1] * aim
        self._mean = aim / np.linalg.norm(aim)
        self._told += 1
