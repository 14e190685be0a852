"""The gradient sketch: the global metric from ordinary backward passes."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.geometry.estimator import MetricEstimator
from pullback.geometry.seeding import derive_seed


class GradientSketch(MetricEstimator):
    """Estimates E_z[2 JᵀJ] with one backward pass a probe, and no Hessian ever formed.

    A probe is a fresh latent z with a fresh ε ~ N(0, I) in the space of embeddings. Its gradient g = Jᵀε has
    E[g gᵀ] = E_z[JᵀJ], so the average of 2 g gᵀ over N probes is unbiased; its relative error falls as
    sqrt(effective rank / N), with effective rank tr H / λ₁. A sketch of fewer probes than the space has
    dimensions is allowed, but has rank N at most: the trailing eigenvectors are then arbitrary.
    """

    method: ClassVar[str] = "sketch"
    default_samples: ClassVar[int] = 2000
    # On two CPU cores 8 to 32 take the same time a probe; a step of 16 is then the shorter.
    default_batch_size: ClassVar[int] = 16

    @property
    def _samples_per_step(self) -> int:
        return self.batch_size

    def _sum_of_metrics(self, count: int, batch: int) -> Float64[Tensor, "n n"]:
        latents, context = self._draw(count, batch)
        latents.requires_grad_()
        with torch.enable_grad():
            embedding = self.distance.embed(self.generator.render(latents, self.space.name, context))
        rng = torch.Generator().manual_seed(derive_seed(self.seed, batch, 2))
        probes = torch.randn(embedding.shape, generator=rng).to(embedding)
        # g = Jᵀε, for every probe of the batch in one backward pass
        (gradients,) = torch.autograd.grad(embedding, latents, probes)
        gradients = gradients.to("cpu", torch.float64)
        # Σ 2 g gᵀ
        return 2 * gradients.T @ gradients
