"""Levenberg–Marquardt over latents, batched over images and restarts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.inversion.problems.evaluation import Query
from pullback.inversion.problems.problem import Problem
from pullback.inversion.problems.residual import check_residual
from pullback.inversion.solvers.descent import Descent, DescentState, Seen, where

# The damping at the start, as a share of the largest element of the diagonal of JᵀJ.
_DAMPING = 1e-2
# Beyond it a step is zero for all that matters.
_MOST_DAMPING = 1e20


@dataclass(frozen=True, kw_only=True)
class LevenbergMarquardt(Descent):
    """Levenberg–Marquardt on the residual r, of which the loss is ‖r‖²: δ = −(JᵀJ + μ I)⁻¹ Jᵀr, J = ∂r/∂z.

    μ is adapted by the ratio of the gain to the one that the linear model predicts: H. B. Nielsen, "Damping parameter
    in Marquardt's method" (IMM-REP-1999-05, 1999). Every step evaluates loss, gradient and Jacobian at the point that
    each restart tries: it is taken where the loss falls, and tried again with more damping where it does not. J is
    computed by forward mode, a column being about as much work as a forward and a backward pass: a step counts n + 1
    evaluations, n the dimensions that move. The problem has no L1 term and no alignment (see `check_residual`).
    """

    def cost(self, problem: Problem, updates: int) -> int:
        """One for each update, and one for each column of its Jacobian."""
        return updates * (1 + problem.generator.space(problem.moves).dim)

    def query(self, state: DescentState, points: Float[Tensor, "images alive dim"]) -> Query:
        """Gradients and Jacobians."""
        del state
        return Query(points, gram="residual")

    def init(self, problem: Problem, starts: Tensor) -> DescentState:
        """The state before the first step.

        Args:
            problem: What to minimise.
            starts: Starting points, shape (images, restarts, dim).

        Raises:
            InvalidInputError: The loss has no residual, the starts have another shape or are not finite, or the
                evaluations do not suffice for them.
        """
        check_residual(problem)
        return super().init(problem, starts)

    def memory(self, problem: Problem, coordinates: Float[Tensor, "images restarts k"]) -> dict[str, Tensor]:
        """The point that was taken last with its loss, Jᵀr and JᵀJ, the damping, and the gain that it promised."""
        del problem
        zero = torch.zeros_like(coordinates[..., :1])
        return {
            "point": coordinates,
            "loss": zero + torch.inf,
            "slope": torch.zeros_like(coordinates),
            "gram": coordinates.new_zeros(*coordinates.shape, coordinates.shape[-1]),
            "damping": zero + _MOST_DAMPING,
            "growth": zero + 2,
            "promised": zero,
        }

    def move(
        self, state: DescentState, seen: Seen, progress: float
    ) -> tuple[Float[Tensor, "images alive k"], dict[str, Tensor]]:
        """The next point to try."""
        del progress
        assert seen.gram is not None  # noqa: S101  (it was asked for)
        old, gram = state.memory, seen.gram.to(state.coordinates)
        gain = old["loss"] - seen.loss[..., None]
        taken = seen.finite & gram.isfinite().flatten(2).all(dim=2) & (gain > 0)[..., 0]
        # μ ← μ max(1/3, 1 − (2ϱ − 1)³), ϱ the gain over the promised one; at the first point μ = τ max (JᵀJ)ᵢᵢ
        eased = old["damping"] * (1 - (2 * gain / old["promised"] - 1) ** 3).clamp_min(1 / 3)
        first = _DAMPING * gram.diagonal(dim1=2, dim2=3).amax(dim=2, keepdim=True)
        onwards = {
            "point": state.coordinates,
            "loss": seen.loss[..., None],
            # ∇‖r‖² = 2 Jᵀr
            "slope": seen.gradient / 2,
            "gram": gram,
            "damping": torch.where(old["loss"].isinf(), first, eased),
            "growth": torch.full_like(eased, 2),
        }
        # μ ← μ ν, ν ← 2 ν
        backwards = {**old, "damping": old["damping"] * old["growth"], "growth": 2 * old["growth"]}
        memory = {name: where(taken, onwards[name], backwards[name]) for name in onwards}
        memory["damping"] = memory["damping"].clamp(torch.finfo(gram.dtype).tiny, _MOST_DAMPING)
        step, memory["promised"] = _step(memory["gram"], memory["slope"], memory["damping"])
        return memory["point"] + step, memory


def _step(
    gram: Float[Tensor, "images alive n n"],
    slope: Float[Tensor, "images alive n"],
    damping: Float[Tensor, "images alive 1"],
) -> tuple[Float[Tensor, "images alive n"], Float[Tensor, "images alive 1"]]:
    """The step, and by how much it promises to lower the loss; in float64 until the end."""
    identity = torch.eye(gram.shape[-1], dtype=torch.float64, device=gram.device)
    # (JᵀJ + μ I) δ = −Jᵀr. Where that has no solution, the loss there is not finite, and the damping rises.
    damped = gram.double() + damping.double()[..., None] * identity
    step = -torch.linalg.solve_ex(damped, slope.double()).result
    # ‖r‖² − ‖r + Jδ‖² = δᵀ(μ δ − Jᵀr)
    promised = (step * (damping * step - slope)).sum(dim=2, keepdim=True)
    return step.to(slope), promised.to(slope)
