"""Density-preserving walk from one latent to another: straight on, then to the norm that is due."""

from __future__ import annotations

import torch
from torch import Tensor

from pullback.directions.traversals.between.ends import Ends, check_norms
from pullback.directions.traversals.walk import Walk


def constant_density(ends: Ends, steps: Tensor) -> Walk:
    """z(t) = s(t) ((1 − t) r₀ + t r₁) / ‖s(t)‖, s(t) = (1 − t) z₀ + t z₁.

    Eq. 2 of Li et al., between two ends: where they have one norm, the density of a standard normal prior stays. It
    runs on the great circle, faster in the middle. Li et al., "Discovering Density-Preserving Latent Space Walks in
    GANs for Semantic Image Transformations" (ACM MM 2021).

    Args:
        ends: z₀ and z₁, neither zero nor opposite to each other.
        steps: t, ascending within [0, 1], shape (frames,).

    Raises:
        InvalidInputError: Ends or steps are not such.
    """
    first, last = check_norms(ends, "a density-preserving walk")
    start, end = ends.doubled
    t = ends.shares(steps)
    chord = (1 - t) * start + t * end
    norms = torch.linalg.vector_norm(chord, dim=1, keepdim=True)
    return ends.walk(chord * ((1 - t) * first + t * last) / norms, steps)
