"""Straight walk from one latent to another."""

from __future__ import annotations

from torch import Tensor

from pullback.directions.traversals.between.ends import Ends
from pullback.directions.traversals.walk import Walk


def straight(ends: Ends, steps: Tensor) -> Walk:
    """z(t) = (1 − t) z₀ + t z₁.

    Args:
        ends: z₀ and z₁.
        steps: t, ascending within [0, 1], shape (frames,).

    Raises:
        InvalidInputError: Steps are not such.
    """
    start, end = ends.doubled
    t = ends.shares(steps)
    return ends.walk((1 - t) * start + t * end, steps)
