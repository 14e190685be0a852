"""Spherical traversal: along a great circle."""

from __future__ import annotations

import torch
from torch import Tensor

from pullback.directions.traversals.checks import as_direction, as_start, as_steps, as_walk
from pullback.directions.traversals.walk import Walk
from pullback.errors import InvalidInputError

# Share of a vector's length across the start, below which it is rounding.
_LEAST_ACROSS = 1e-6


def spherical(start: Tensor, vector: Tensor, steps: Tensor, space: str) -> Walk:
    """z(s) = cos(s/r) z₀ + sin(s/r) r û, r = ‖z₀‖: the great circle through the start towards the vector.

    û is the unit vector of what v has across z₀. Steps s are lengths of the arc, in units of the latent, so they are
    those of a straight walk along û at the start; the norm stays.

    Args:
        start: z₀, shape (n,), not zero.
        vector: v, shape (n,), not along z₀; its length has no effect.
        steps: s, ascending, shape (frames,).
        space: Name of the space in which both lie.

    Returns:
        The walk, on the start's device and in its precision.

    Raises:
        InvalidInputError: The vector is parallel to the start, the start is zero, or as `linear` does.
    """
    origin, steps = as_start(start), as_steps(steps)
    along = as_direction(vector, origin)
    radius = torch.linalg.vector_norm(origin)
    if radius == 0:
        raise InvalidInputError("a great circle goes round the origin, but the walk starts there; take another start")
    # v − (v·z₀) z₀ / r²
    across = along - (along @ origin) / radius**2 * origin
    length = torch.linalg.vector_norm(across)
    if length <= _LEAST_ACROSS * torch.linalg.vector_norm(along):
        raise InvalidInputError(
            "a vector parallel to the start leads off its sphere, so there is no great circle; take another vector, or "
            "a linear walk"
        )
    angles = steps.to(origin)[:, None] / radius
    # z(s) = cos(s/r) z₀ + sin(s/r) r û
    latents = angles.cos() * origin + angles.sin() * radius * across / length
    return as_walk(latents, space, steps, start)
