"""Density-preserving traversal: straight on, then back to the start's norm."""

from __future__ import annotations

import torch
from torch import Tensor

from pullback.directions.traversals.checks import as_direction, as_start, as_steps, as_walk
from pullback.directions.traversals.walk import Walk
from pullback.errors import InvalidInputError

# Norm of what is scaled, in units of the start's, below which its direction is rounding.
_LEAST_NORM = 1e-6


def density_preserving(start: Tensor, vector: Tensor, steps: Tensor, space: str) -> Walk:
    """z(ε) = (z₀ + ε v) ‖z₀‖ / ‖z₀ + ε v‖: the density of a standard normal prior stays that of the start.

    Li et al., "Discovering Density-Preserving Latent Space Walks in GANs for Semantic Image Transformations" (ACM MM
    2021), Eq. 2. It runs on the great circle of `spherical`, ever slower, and ends a quarter round.

    Args:
        start: z₀, shape (n,), not zero.
        vector: v, shape (n,); a step of 1 adds it as it is.
        steps: ε, ascending, shape (frames,).
        space: Name of the space in which both lie.

    Returns:
        The walk, on the start's device and in its precision.

    Raises:
        InvalidInputError: The start is zero, a step leads through the origin, or as `linear` does.
    """
    origin, steps = as_start(start), as_steps(steps)
    along = as_direction(vector, origin)
    radius = torch.linalg.vector_norm(origin)
    if radius == 0:
        raise InvalidInputError("the start has the norm 0, to which no other latent can be scaled; take another start")
    straight = origin + steps.to(origin)[:, None] * along
    norms = torch.linalg.vector_norm(straight, dim=1, keepdim=True)
    if len(lost := (norms <= _LEAST_NORM * radius).flatten().nonzero()):
        raise InvalidInputError(
            f"step {float(steps[int(lost[0, 0])]):g} leads to the origin, which has no direction; leave this step out"
        )
    # z = (z₀ + ε v) ‖z₀‖ / ‖z₀ + ε v‖
    return as_walk(straight * (radius / norms), space, steps, start)
