"""BasinCMA whose Adam works in the eigenbasis of the metric."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.basin_cma import BasinCMA
from pullback.inversion.solvers.coordinates import Axes, Coordinates, check_exponent


@dataclass(frozen=True, kw_only=True)
class BasinCMAHessianAdam(BasinCMA):
    """BasinCMA as Wang & Ponce do it ("The Geometry of Deep Generative Image Models and its Applications", ICLR 2021).

    Adam moves candidates along the axes of the eigenbasis; CMA-ES draws them in the latent's own coordinates, noise and
    class each by a CMA-ES of its own, paired by their numbers. The best of the last generation are refined further,
    with a step size that is halved every 200 updates. The paper rotates only, p = 0. In its published code the arm
    without a basis, too, maps refined candidates back by the eigenbasis; here it has none at all.

    Attributes:
        eigenbasis: U and λ, of the problem's generator and of the space that moves, of any distance; None for the
            latent's own coordinates.
        exponent: p, finite and ≥ 0: how far directions that change the image slowly are stretched for Adam.
        halved_every: Updates of the last stage after which the step size is halved, at least 1.

    Raises:
        InvalidInputError: An option is out of range.
    """

    class_rate: float = 1.0
    outer: int = 10
    inner: int = 10
    final: int = 500
    finalists: int | None = 4
    sigma: float = 0.4
    class_sigma: float | None = 0.2
    class_from_zero: bool = True
    clamp: float | None = None
    eigenbasis: Eigenbasis | None = None
    exponent: float = 0.0
    halved_every: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        check_exponent(self.exponent)

    def adam_coordinates(self, problem: Problem) -> Coordinates:
        """Along the axes of the eigenbasis, where there is one."""
        return self._axes.coordinates(problem)

    def rate(self, update: int, updates: int, *, final: bool) -> float:
        """The step size of one of so many updates of a candidate, in units of the learning rate."""
        del updates
        return 0.5 ** (update // self.halved_every) if final else 1.0

    @cached_property
    def _axes(self) -> Axes:
        return Axes(self.eigenbasis, self.exponent)
