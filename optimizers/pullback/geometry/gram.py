"""The exact metric at a latent, as the Gram matrix of a forward-mode Jacobian."""

from __future__ import annotations

import warnings
from typing import ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.func import jvp, vmap

from pullback.distances.distance import Distance
from pullback.generators.generator import Generator
from pullback.geometry.estimator import MetricEstimator

# Features whose products are summed in float64 at once: 64 MiB for 1,000 latent dimensions.
_FEATURES_AT_ONCE = 8192


def gram_metric(
    generator: Generator,
    distance: Distance,
    latent: Float[Tensor, " n"],
    space: str,
    context: Float[Tensor, " m"] | None = None,
    *,
    block: int = 32,
) -> Float64[Tensor, "n n"]:
    """The metric tensor H = 2 JᵀJ at one latent, J = ∂φ(G(z))/∂z.

    The derivatives are taken in the generator's precision, forward mode, without a second-order graph; their
    products are summed in float64. J is held whole: features × n numbers.

    Args:
        generator: The generator G.
        distance: The image distance, of embedding φ.
        latent: z, shape (n,), on the generator's device and in its precision.
        space: Name of the latent's space.
        context: Complete input, shape (m,), that fills the coordinates outside `space`; the generator's default
            context when omitted.
        block: How many columns of J are computed at once.

    Returns:
        H, shape (n, n), float64, symmetric, on the generator's device.
    """

    def embed(z: Tensor) -> Tensor:
        # φ(G(z))
        return distance.embed(generator.render(z[None], space, context))[0]

    def column(direction: Tensor) -> Tensor:
        # J v
        derivative: Tensor = jvp(embed, (latent,), (direction,))[1]
        return derivative

    with torch.no_grad(), warnings.catch_warnings():
        # On first use torch compiles its forward-mode formulas with an interface of its own that it calls deprecated.
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
        directions = torch.eye(len(latent), dtype=latent.dtype, device=latent.device)
        # Jᵀ, some rows at a time
        transposed = torch.cat([vmap(column)(rows) for rows in torch.split(directions, block)])
        metric = torch.zeros_like(directions, dtype=torch.float64)
        for part in torch.split(transposed, _FEATURES_AT_ONCE, dim=1):
            rows = part.double()
            # H = 2 JᵀJ
            metric += 2 * rows @ rows.T
    return (metric + metric.T) / 2


class MeanGram(MetricEstimator):
    """Averages the exact metric over positions drawn from the prior.

    Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021). A step is one
    position; `batch_size` is the number of latent directions that go through the generator at once.
    """

    method: ClassVar[str] = "gram"
    default_samples: ClassVar[int] = 100
    default_batch_size: ClassVar[int] = 32

    @property
    def _samples_per_step(self) -> int:
        return 1

    def _sum_of_metrics(self, count: int, batch: int) -> Float64[Tensor, "n n"]:
        latents, contexts = self._draw(count, batch)
        metrics = [
            gram_metric(
                self.generator,
                self.distance,
                latent,
                self.space.name,
                None if contexts is None else contexts[i],
                block=self.batch_size,
            )
            for i, latent in enumerate(latents)
        ]
        return torch.stack(metrics).sum(dim=0).cpu()
