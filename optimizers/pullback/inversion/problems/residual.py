"""Residual of an inversion: the vector whose squared length is the loss."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.inversion.problems.losses import counted, fill, to_both_sides
from pullback.inversion.problems.problem import Problem


def check_residual(problem: Problem) -> None:
    """Checks that the loss is a sum of squares.

    Raises:
        InvalidInputError: It has an L1 term, which is none, or an alignment is searched, under which what is subtracted
            and how much of the image counts change along.
    """
    if problem.weights.l1:
        raise InvalidInputError(
            f"a residual needs a loss of squares, but the weight l1 = {problem.weights.l1} came; set it to 0, or take "
            "another method"
        )
    if problem.noise is not None:
        raise InvalidInputError(
            "a residual is a function of the latent, but noise maps are searched; leave them out, or take another "
            "method"
        )
    if problem.alignment is not None:
        raise InvalidInputError(
            "a residual needs a target that stays, but an alignment is searched; leave it out, or take another method"
        )


def residual_of(problem: Problem, point: Float[Tensor, " dim"], image: int) -> Callable[[Tensor], Tensor]:
    """The residual r of a point, as a function of the block that moves: the loss is ‖r‖² but for the prior's penalty.

    The penalty is quadratic nearly everywhere; its Hessian is the prior's curvature.

    Args:
        problem: The problem.
        point: Holds what does not move.
        image: Number of the target.

    Raises:
        InvalidInputError: The loss is no sum of squares.
    """
    check_residual(problem)
    weights, target = problem.weights, problem.targets[image : image + 1]
    mask = torch.ones_like(target[:, :1]) if problem.masks is None else problem.masks[image : image + 1]
    # 2 √(w_2 m / (C Σ m)): on [−1, 1] a difference is twice that on [0, 1]; sounds are there already.
    weight = to_both_sides(target) * (weights.l2 * mask / counted(mask, target.shape[1])).sqrt()
    embedding = problem.embedding(image)

    def residual(block: Tensor) -> Tensor:
        rendered = _render(problem, point, image, block)
        terms = []
        if weights.distance:
            # D = ‖φ(G(z)) − φ(x)‖²
            terms.append(math.sqrt(weights.distance) * (problem.distance.embed(fill(rendered, mask)) - embedding))
        if weights.l2:
            terms.append((weight * (rendered - target)).flatten(1))
        return torch.cat(terms, dim=1)[0]

    return residual


def embedding_of(problem: Problem, point: Float[Tensor, " dim"], image: int) -> Callable[[Tensor], Tensor]:
    """The embedding φ(G(z)) of a point, as a function of the block that moves; arguments as for `residual_of`."""

    def embedding(block: Tensor) -> Tensor:
        return problem.distance.embed(_render(problem, point, image, block))[0]

    return embedding


def _render(problem: Problem, point: Tensor, image: int, block: Tensor) -> Tensor:
    moving = problem.moving_block
    latent = torch.cat([point[: moving.start], block, point[moving.stop : problem.latent_dim]])
    context = None if problem.context is None else problem.context[image]
    _, _, noise = problem.split(point)
    return problem.generator.render(latent[None], problem.space, context, None if noise is None else noise[None])
