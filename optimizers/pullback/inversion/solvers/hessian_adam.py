"""Adam in the eigenbasis of the global metric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.adam import Adam
from pullback.inversion.solvers.coordinates import Axes, Coordinates, check_exponent
from pullback.inversion.solvers.descent import DescentState


@dataclass(frozen=True, kw_only=True)
class HessianAdam(Adam):
    """Adam on coordinates in the eigenbasis: z = c Λ̃^−p Uᵀ with λ̃ᵢ = max(λᵢ / λ₁, 1e-4).

    Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021): Adam is not
    invariant under rotation, and does better along the axes of the metric. The paper rotates only, p = 0.

    Attributes:
        eigenbasis: U and λ, of the problem's generator and of the space that moves, of any distance.
        exponent: p, finite and ≥ 0: how far directions that change the image slowly are stretched.

    Raises:
        InvalidInputError: An option is out of range.
        UnknownNameError: No such schedule.
    """

    eigenbasis: Eigenbasis
    exponent: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_exponent(self.exponent)

    def coordinates(self, problem: Problem, state: DescentState | None) -> Coordinates:
        """Along the axes of the eigenbasis."""
        del state
        return self._axes.coordinates(problem)

    @cached_property
    def _axes(self) -> Axes:
        return Axes(self.eigenbasis, self.exponent)
