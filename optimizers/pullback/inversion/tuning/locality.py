"""Locality of a tuning: codes beside a pivot at which a generator is to draw what it drew before."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.generators.generator import Generator
from pullback.generators.priors import Mapped
from pullback.geometry.seeding import derive_seed

# ψ of the draws, as published.
_TRUNCATION = 0.5


def locality_draw(generator: Generator, space: str, seed: int, update: int) -> Float[Tensor, "1 dim"]:
    """w_z, a draw from the prior of a space; behind a mapping network truncated, w̄ + ψ (w − w̄) with ψ = 0.5.

    It depends on the seed and the number of the update alone.
    """
    found = generator.space(space)
    draw = found.sample(1, derive_seed(seed, update))
    if isinstance(found.prior, Mapped):
        mean = found.prior.mean(found.dim)
        draw = mean + _TRUNCATION * (draw - mean)
    return draw.to(generator.device, generator.dtype)


def interpolation_code(
    pivot: Float[Tensor, "1 dim"], draw: Float[Tensor, "1 dim"], reach: float
) -> Float[Tensor, "1 dim"]:
    """w_r = w_p + α (w_z − w_p) / ‖w_z − w_p‖ (Roich et al. 2021, eq. 4), but never beyond the draw itself.

    In `w+` the norm runs over all layers, as in the published code.

    Args:
        pivot: w_p.
        draw: w_z.
        reach: α, in units of the latent. Published is 30, which in `w+` of StyleGAN2 at 1024 px lies on the way to most
            draws; where latents are smaller the draw is nearer than that, and what lies behind it is none that the
            generator was trained for.
    """
    way = draw - pivot
    share = (reach / way.norm().clamp_min(1e-12)).clamp_max(1.0)
    return torch.addcmul(pivot, way, share)
