"""Spherical walk from one latent to another: along a great circle."""

from __future__ import annotations

import torch
from torch import Tensor

from pullback.directions.traversals.between.ends import Ends, apart, check_norms
from pullback.directions.traversals.between.straight import straight
from pullback.directions.traversals.walk import Walk

# Angles, radians, below which the arc is its chord to rounding.
_STRAIGHT = 1e-7


def great_circle(ends: Ends, steps: Tensor) -> Walk:
    """z(t) = r(t) (sin((1 − t) ω) ẑ₀ + sin(t ω) ẑ₁) / sin ω, ω the angle between the two, r(t) = (1 − t) r₀ + t r₁.

    Shoemake, "Animating Rotation with Quaternion Curves" (SIGGRAPH 1985), for latents as White takes it, "Sampling
    Generative Networks" (arXiv:1609.04468); between latents of different norms the norm changes evenly.

    Args:
        ends: z₀ and z₁, neither zero nor opposite to each other.
        steps: t, ascending within [0, 1], shape (frames,).

    Raises:
        InvalidInputError: Ends or steps are not such.
    """
    first, last = check_norms(ends, "a great circle")
    start, end = ends.doubled
    angle = apart(start, end)
    if angle < _STRAIGHT:
        return straight(ends, steps)
    t = ends.shares(steps)
    across = torch.sin((1 - t) * angle) * start / first + torch.sin(t * angle) * end / last
    return ends.walk(((1 - t) * first + t * last) * across / torch.sin(torch.tensor(angle)), steps)
