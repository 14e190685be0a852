"""L-BFGS over latents, batched over images and restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.inversion.problems.problem import Problem
from pullback.inversion.solvers.coordinates import Axes, Coordinates, check_exponent
from pullback.inversion.solvers.descent import Descent, DescentState, Seen, where
from pullback.quasi_newton import dot, steepest, two_loops

# Armijo's condition: the share of the decrease that the slope promises.
_SUFFICIENT = 1e-4
# A step that failed is shortened to a share between these.
_SHORTEST, _LONGEST = 0.1, 0.5
# Pairs with less curvature, relative to the change of the gradient, say nothing.
_CURVATURE = 1e-8
# Failures in a row after which the pairs are forgotten.
_FAILURES = 6


@dataclass(frozen=True, kw_only=True)
class LBFGS(Descent):
    """L-BFGS (Liu & Nocedal, Math. Program. 45, 1989) on coordinates z = c Λ̃^−p Uᵀ, with backtracking.

    Every step is one evaluation, of loss and gradient, at the point that each restart tries. Where Armijo's condition
    holds the point is taken, and the next is tried a whole quasi-Newton step from there; where it does not, or where
    the loss is not finite, a shorter step is tried from the point that was taken last. The first step, along the
    gradient, has length 1.

    Attributes:
        eigenbasis: U and λ, of the problem's generator and of the space that moves, of any distance; None for the
            latent's own coordinates.
        exponent: p, finite and ≥ 0: how far directions that change the image slowly are stretched. L-BFGS does not
            depend on rotations: with p = 0 the eigenbasis changes nothing but rounding.
        history: How many pairs of steps and changes of the gradient it remembers, at least 1.

    Raises:
        InvalidInputError: An option is out of range.
    """

    eigenbasis: Eigenbasis | None = None
    exponent: float = 0.0
    history: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_exponent(self.exponent)
        if self.history < 1:
            raise InvalidInputError(f"L-BFGS remembers at least 1 pair, but history = {self.history} came")

    def coordinates(self, problem: Problem, state: DescentState | None) -> Coordinates:
        """Along the axes of the eigenbasis, where there is one."""
        del state
        return self._axes.coordinates(problem)

    def memory(self, problem: Problem, coordinates: Float[Tensor, "images restarts k"]) -> dict[str, Tensor]:
        """The point that was taken last with its loss and gradient, the step tried from there, and the pairs."""
        del problem
        images, restarts, k = coordinates.shape
        pairs = coordinates.new_zeros(images, restarts, self.history, k)
        one = torch.ones_like(coordinates[..., :1])
        return {
            "point": coordinates,
            "loss": torch.inf * one,
            "gradient": torch.zeros_like(coordinates),
            "direction": torch.zeros_like(coordinates),
            "length": one,
            "failures": torch.zeros_like(one),
            "steps": pairs,
            "changes": pairs,
            "curvatures": pairs[..., 0],
        }

    def move(
        self, state: DescentState, seen: Seen, progress: float
    ) -> tuple[Float[Tensor, "images alive k"], dict[str, Tensor]]:
        """The next point to try."""
        del progress
        old, loss = state.memory, seen.loss[..., None]
        step = state.coordinates - old["point"]
        # gᵀs, of the step that was made: a clamp may have changed what was tried.
        slope = dot(old["gradient"], step)
        # f(c + s) ≤ f(c) + c₁ gᵀs
        taken = seen.finite & (loss <= old["loss"] + _SUFFICIENT * slope.clamp_max(0))[..., 0]
        onwards, backwards = self._onwards(state, seen, step), self._backwards(old, loss, slope)
        memory = {name: where(taken, onwards[name], backwards[name]) for name in old}
        return memory["point"] + memory["length"] * memory["direction"], memory

    def _onwards(self, state: DescentState, seen: Seen, step: Tensor) -> dict[str, Tensor]:
        """What is remembered of a point that is taken."""
        old = state.memory
        # y = ∇f(c + s) − ∇f(c), ρ = 1 / sᵀy
        change = seen.gradient - old["gradient"]
        curvature = dot(step, change)
        # Of the first point there is no step yet.
        is_pair = (old["loss"].isfinite() & (curvature > _CURVATURE * dot(change, change)))[..., 0]
        new = {"steps": step[..., None, :], "changes": change[..., None, :], "curvatures": 1 / curvature}
        pairs = {
            name: where(is_pair, torch.cat([old[name][:, :, 1:], value], dim=2), old[name])
            for name, value in new.items()
        }
        direction = two_loops(seen.gradient, **pairs)
        useful = (pairs["curvatures"][..., -1:] > 0) & (dot(direction, seen.gradient) < 0)
        one = torch.ones_like(curvature)
        return pairs | {
            "point": state.coordinates,
            "loss": seen.loss[..., None],
            "gradient": seen.gradient,
            "direction": torch.where(useful, direction, steepest(seen.gradient)),
            "length": one,
            "failures": torch.zeros_like(one),
        }

    def _backwards(self, old: Mapping[str, Tensor], loss: Tensor, slope: Tensor) -> dict[str, Tensor]:
        """What is remembered after a step that failed."""
        # The minimum of the parabola through f(c), its slope and f(c + s); the least where f(c + s) is not finite.
        share = (-slope / (2 * (loss - old["loss"] - slope))).nan_to_num(0).clamp(_SHORTEST, _LONGEST)
        length, failures = share * old["length"], old["failures"] + 1
        # What was learnt elsewhere may mislead here: as far again, but along the gradient.
        forget = failures == _FAILURES
        far = length * dot(old["direction"], old["direction"]).sqrt()
        return {
            **old,
            "direction": torch.where(forget, steepest(old["gradient"]), old["direction"]),
            "length": torch.where(forget, far, length),
            "failures": failures,
            "curvatures": torch.where(forget, 0, old["curvatures"]),
        }

    @cached_property
    def _axes(self) -> Axes:
        return Axes(self.eigenbasis, self.exponent)
