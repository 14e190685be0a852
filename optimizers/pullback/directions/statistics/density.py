"""Density drift: how far a walk leaves the density at which it starts (DP-LaSE, ACM MM 2021, Sec. 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.directions.traversals.walk import Walk
from pullback.generators.generator import Generator


@dataclass(frozen=True, eq=False)
class DensityDrift:
    """What changes along a walk, against its start.

    Attributes:
        norms: ‖z‖/‖z₀‖ − 1, shape (frames,); 0 for a walk that keeps the norm, NaN from a start of zero.
        log_densities: log p(z) − log p(z₀), shape (frames,): 0 for a walk at one density.
    """

    norms: Float64[np.ndarray, " frames"]
    log_densities: Float64[np.ndarray, " frames"]


def density_drift(
    generator: Generator, walk: Walk, log_density: Callable[[Tensor], Tensor] | None = None
) -> DensityDrift:
    """Norms and log-densities along a walk.

    Args:
        generator: The generator, whose prior says how dense latents of the walk's space lie: −`Prior.penalty`, which is
            log p up to a constant for a normal prior, and for w the normal distribution with its mean and covariance.
        walk: The walk.
        log_density: Another log p up to a constant, such as a learnt one: (frames, n) → (frames,).

    Raises:
        UnknownNameError: The generator has not the walk's space.
    """
    prior = generator.space(walk.space).prior
    # In float64, on the CPU, where priors are.
    latents = torch.cat([walk.start[None], walk.latents]).cpu().double()
    with torch.no_grad():
        densities = -prior.penalty(latents) if log_density is None else log_density(latents)
    norms = torch.linalg.vector_norm(latents, dim=1)
    return DensityDrift((norms[1:] / norms[0] - 1).numpy(), (densities[1:] - densities[0]).double().numpy())
