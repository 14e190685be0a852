"""Adam in the eigenbasis of the global metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion.adam import Adam
from pullback.inversion.problem import Problem

# Smaller eigenvalues, zero and negative ones included, count as this fraction of the largest: scaling by
# λ^−p would otherwise throw a start along directions of which the metric knows nothing but noise.
EIGENVALUE_FLOOR = 1e-4


@dataclass(frozen=True, kw_only=True)
class HessianAdam(Adam):
    """Adam on coordinates in the eigenbasis: z = c Λ̃^−p Uᵀ with λ̃ᵢ = max(λᵢ / λ₁, 1e-4).

    Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021): Adam is not
    invariant under rotation, and does better along the axes of the metric. The paper rotates only, p = 0.

    Attributes:
        eigenbasis: U and λ, of the problem's generator, space and distance.
        exponent: p, finite and ≥ 0: how far directions that change the image slowly are stretched.

    Raises:
        InvalidInputError: An option is out of range.
        UnknownNameError: No such schedule.
    """

    eigenbasis: Eigenbasis
    exponent: float = 0.0
    _maps: dict[tuple[torch.device, torch.dtype], tuple[Tensor, Tensor]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.exponent) and self.exponent >= 0):
            raise InvalidInputError(f"an exponent is finite and not negative, but {self.exponent} came")

    def _to_coordinates(self, problem: Problem, latents: Tensor) -> Tensor:
        # c = z U Λ̃^p
        return latents @ self._maps_for(problem)[0]

    def _to_latents(self, problem: Problem, coordinates: Tensor) -> Tensor:
        # z = c Λ̃^−p Uᵀ
        return coordinates @ self._maps_for(problem)[1]

    def _maps_for(self, problem: Problem) -> tuple[Tensor, Tensor]:
        """The matrices of both maps. The basis is checked each time: a restored state never passed `init`."""
        generator, distance = problem.generator, problem.distance
        self.eigenbasis.check_serves(
            generator=generator.name,
            weights_hash=generator.weights_hash,
            space=problem.space,
            distance=distance.name,
            distance_hash=distance.weights_hash,
        )
        place = (generator.device, generator.dtype)
        if place not in self._maps:
            relative = self.eigenbasis.eigenvalues / self.eigenbasis.eigenvalues[0]
            stretch = np.maximum(relative, EIGENVALUE_FLOOR) ** -self.exponent
            forth = torch.from_numpy(self.eigenbasis.eigenvectors / stretch)
            back = torch.from_numpy((self.eigenbasis.eigenvectors * stretch).T)
            self._maps[place] = (forth.to(*place), back.to(*place))
        return self._maps[place]
