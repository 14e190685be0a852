"""Traversal of a subspace: along two directions at once."""

from __future__ import annotations

import torch
from torch import Tensor

from pullback.directions.traversals.checks import as_direction, as_start, as_steps, as_walk
from pullback.directions.traversals.walk import Walk


def subspace(start: Tensor, first: Tensor, second: Tensor, steps: Tensor, space: str) -> Walk:
    """z(x, y) = z₀ + x v₁ + y v₂ for every pair of steps.

    Choi et al., "Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of GANs" (ICLR
    2022), Eq. 22.

    Args:
        start: z₀, shape (n,).
        first: v₁, shape (n,): the columns of the grid.
        second: v₂, shape (n,): its rows.
        steps: Values of x, and of y, ascending, shape (frames,).
        space: Name of the space in which all lie.

    Returns:
        The walk, frames² latents row by row: x goes from the first step to the last, then y goes one step on. Its steps
        are the pairs (x, y), shape (frames², 2).

    Raises:
        InvalidInputError: As `linear` does.
    """
    origin, steps = as_start(start), as_steps(steps)
    vectors = torch.stack([as_direction(vector, origin) for vector in (first, second)])
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    pairs = torch.stack([x.flatten(), y.flatten()], dim=1)
    return as_walk(origin + pairs.to(origin) @ vectors, space, pairs, start)
