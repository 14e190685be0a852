"""The gradient sketch: the global metric from ordinary backward passes."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.geometry.estimator import MetricEstimator
from pullback.geometry.memory import check_memory, largest_block, measured_peak
from pullback.geometry.point import embedding_of
from pullback.geometry.seeding import derive_seed


class GradientSketch(MetricEstimator):
    """Estimates E_z[2 JᵀJ] with one backward pass a probe, and no Hessian ever formed.

    A probe is a fresh latent z with a fresh ε of independent signs in the space of embeddings. Its gradient g = Jᵀε has
    E[g gᵀ] = E_z[JᵀJ], so the average of 2 g gᵀ over N probes is unbiased; its relative error falls as
    sqrt(effective rank / N), with effective rank tr H / λ₁. A sketch of fewer probes than the space has
    dimensions is allowed, but has rank N at most: the trailing eigenvectors are then arbitrary.

    Signs rather than normal deviates: their fourth moment is the least that a variance of 1 allows, and they are
    cheaper to draw. Several probes at one latent would save forward passes, at the price of fewer latents.
    """

    method = "sketch"
    shard_size: ClassVar[int] = 16
    default_samples: ClassVar[int] = 2000
    default_max_samples: ClassVar[int] = 50_000
    # On two CPU cores 8 to 32 take the same time a probe; a step of 16 is then the shorter.
    default_batch_size = 16
    _width: int | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._embedding = embedding_of(self.distance)

    def _sum_of_metrics(self, count: int, shard: int) -> Float64[Tensor, "n n"]:
        latents, contexts = self._draw(count, shard)
        width = self._fitting_width()
        total = torch.zeros(self.space.dim, self.space.dim, dtype=torch.float64)
        for start in range(0, count, width):
            part = slice(start, start + width)
            gradients = self._gradients(latents[part], None if contexts is None else contexts[part], shard, start)
            # Σ 2 g gᵀ
            total.addmm_(gradients.T, gradients, alpha=2)
        return total

    def _gradients(
        self, latents: Float[Tensor, "count n"], contexts: Float[Tensor, "count m"] | None, shard: int, first: int
    ) -> Float64[Tensor, "count n"]:
        """Jᵀε of each latent, on the CPU."""
        latents = latents.detach().requires_grad_()
        with torch.enable_grad():
            images = self.generator.render(latents, self.space.name, contexts)
            embeddings = self._embedding.embed(images)
        # Drawn for each probe by itself, so that the batch size does not change them.
        signs = torch.stack([_signs(embeddings.shape[1], self.seed, shard, first + i) for i in range(len(latents))])
        # g = Jᵀε, for every probe of the batch in one backward pass
        (gradients,) = torch.autograd.grad(embeddings, latents, signs.to(embeddings))
        return gradients.to("cpu", torch.float64)

    def _fitting_width(self) -> int:
        """Probes that go through the network at once."""
        limit = min(self.batch_size, self.shard_size, self.samples)
        if self.max_memory is None:
            return limit
        if self._width is None:
            room = self.max_memory - self._memory_of_sums
            latents, contexts = self._draw(limit, 0)

            def peak_of(count: int) -> int:
                context = None if contexts is None else contexts[:count]
                return measured_peak(lambda: self._gradients(latents[:count], context, 0, 0), latents.device)

            self._width, peak = largest_block(peak_of, limit, room)
            check_memory(peak + self._memory_of_sums, self.max_memory, self.method)
        return self._width


def _signs(count: int, seed: int, shard: int, number: int) -> Float[Tensor, " count"]:
    """Independent signs, ±1 with equal probability."""
    rng = torch.Generator().manual_seed(derive_seed(seed, shard, 2, number))
    bits = torch.randint(0, 2, (count,), generator=rng, dtype=torch.int8)
    return bits.mul_(2).sub_(1).float()
