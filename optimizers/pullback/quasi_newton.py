"""Quasi-Newton directions: what pairs of steps and changes of the gradient tell of the inverse Hessian."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def two_loops(
    gradient: Float[Tensor, "*batch k"],
    steps: Float[Tensor, "*batch pairs k"],
    changes: Float[Tensor, "*batch pairs k"],
    curvatures: Float[Tensor, "*batch pairs"],
) -> Float[Tensor, "*batch k"]:
    """−H g, H the inverse Hessian that the pairs tell (Nocedal & Wright, Numerical Optimization, Algorithm 7.4).

    Args:
        gradient: g.
        steps: sᵢ, the newest last; at least one.
        changes: yᵢ, by how much the gradient changed along each.
        curvatures: ρᵢ = 1 / sᵢᵀyᵢ; a pair whose ρ is 0 is none. That of the newest is above 0, or nothing can be told
            and the direction is not finite.
    """
    rest, shares = gradient, []
    for pair in reversed(range(steps.shape[-2])):
        # αᵢ = ρᵢ sᵢᵀq, q ← q − αᵢ yᵢ
        shares.append(curvatures[..., pair, None] * dot(steps[..., pair, :], rest))
        rest = rest - shares[-1] * changes[..., pair, :]
    newest = changes[..., -1, :]
    # γ = sᵀy / yᵀy of the newest pair
    rest = rest / (curvatures[..., -1:] * dot(newest, newest))
    for pair in range(steps.shape[-2]):
        # r ← r + sᵢ (αᵢ − ρᵢ yᵢᵀr)
        back = curvatures[..., pair, None] * dot(changes[..., pair, :], rest)
        rest = rest + steps[..., pair, :] * (shares.pop() - back)
    return -rest


def steepest(gradient: Float[Tensor, "*batch k"]) -> Float[Tensor, "*batch k"]:
    """The direction along which the function falls fastest, of length 1; zero where the gradient is."""
    return -gradient / dot(gradient, gradient).sqrt().clamp_min(torch.finfo(gradient.dtype).tiny)


def dot(a: Float[Tensor, "*batch k"], b: Float[Tensor, "*batch k"]) -> Float[Tensor, "*batch 1"]:
    """aᵀb of each row."""
    return (a * b).sum(dim=-1, keepdim=True)
