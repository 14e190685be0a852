"""Linear traversal: straight on."""

from __future__ import annotations

from torch import Tensor

from pullback.directions.traversals.checks import as_direction, as_start, as_steps, as_walk
from pullback.directions.traversals.walk import Walk


def linear(start: Tensor, vector: Tensor, steps: Tensor, space: str) -> Walk:
    """z(t) = z₀ + t v.

    Args:
        start: z₀, shape (n,).
        vector: v, shape (n,); a step of 1 adds it as it is.
        steps: t, ascending, shape (frames,).
        space: Name of the space in which both lie.

    Returns:
        The walk, on the start's device and in its precision.

    Raises:
        InvalidInputError: The shapes differ, something is not finite, the vector is zero, or steps do not ascend.
    """
    origin, steps = as_start(start), as_steps(steps)
    along = as_direction(vector, origin)
    return as_walk(origin + steps.to(origin)[:, None] * along, space, steps, start)
