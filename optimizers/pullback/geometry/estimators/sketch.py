"""The gradient sketch: the global metric from ordinary backward passes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.geometry.estimators.estimator import MetricEstimator
from pullback.geometry.memory import check_memory
from pullback.geometry.point import embedding_of
from pullback.geometry.random_signs import random_signs
from pullback.geometry.seeding import derive_seed
from pullback.memory import budget_of, largest_block, measured_peak


class GradientSketch(MetricEstimator):
    """Estimates E_z[2 JᵀJ] with one backward pass a probe, and no Hessian ever formed.

    A probe is a fresh latent z with a fresh ε of independent signs in the space of embeddings. Its gradient g = Jᵀε has
    E[g gᵀ] = E_z[JᵀJ], so the average of 2 g gᵀ over N probes is unbiased; its relative error falls as
    sqrt(effective rank / N), with effective rank tr H / λ₁. A sketch of fewer probes than the space has
    dimensions is allowed, but has rank N at most: the trailing eigenvectors are then arbitrary. Of a large space the
    gradients themselves are kept, 74 MB for 2,000 of 9,216 dimensions, and decomposed in the end.

    Signs rather than normal deviates: their fourth moment is the least that a variance of 1 allows, and they are
    cheaper to draw. Several probes at one latent would save forward passes, at the price of fewer latents.
    """

    method = "sketch"
    shard_size: ClassVar[int] = 16
    default_samples: ClassVar[int] = 2000
    default_max_samples: ClassVar[int] = 50_000
    # Of small networks, on two CPU cores 8 to 32 take the same time a probe; a step of 16 is then the shorter.
    default_batch_size = 16
    # H = 2 JᵀJ
    weight: ClassVar[float] = 2.0
    _width: int | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._embedding = embedding_of(self.distance)

    @property
    def width(self) -> int:
        """Probes that go through the network at once."""
        return self._fitting_width()

    @property
    def rows_of_sample(self) -> int:
        """One: the gradient."""
        return 1

    def _rows(self, count: int, shard: int) -> Generator[None, None, Float[Tensor, "count n"]]:
        latents, contexts = self._draw(count, shard)
        width = self._fitting_width()
        gradients = []
        for start in range(0, count, width):
            part = slice(start, start + width)
            gradients.append(self._gradients(latents[part], None if contexts is None else contexts[part], shard, start))
            yield
        return torch.cat(gradients)

    def _sum_of_metrics(self, count: int, shard: int) -> Generator[None, None, Float64[Tensor, "n n"]]:
        latents, contexts = self._draw(count, shard)
        width = self._fitting_width()
        total = torch.zeros(self.space.dim, self.space.dim, dtype=torch.float64)
        for start in range(0, count, width):
            part = slice(start, start + width)
            gradients = self._gradients(latents[part], None if contexts is None else contexts[part], shard, start)
            # Σ 2 g gᵀ
            gradients = gradients.double()
            total.addmm_(gradients.T, gradients, alpha=self.weight)
            yield
        return total

    def _gradients(
        self, latents: Float[Tensor, "count n"], contexts: Float[Tensor, "count m"] | None, shard: int, first: int
    ) -> Float[Tensor, "count n"]:
        """Jᵀε of each latent, on the CPU."""
        latents = latents.detach().requires_grad_()
        with torch.enable_grad():
            images = self.generator.render(latents, self.space.name, contexts)
            embeddings = self._embedding.embed(images)
        # Each probe has signs of its own, so that the batch size does not change them.
        keys = [derive_seed(self.seed, shard, 2, first + i) for i in range(len(latents))]
        signs = random_signs(keys, embeddings.shape[1], embeddings.detach())
        # g = Jᵀε, for every probe of the batch in one backward pass
        (gradients,) = torch.autograd.grad(embeddings, latents, signs)
        return gradients.to("cpu")

    def _fitting_width(self) -> int:
        """Probes that go through the network at once."""
        if self._width is None:
            self._width = self._within_budget() if self.max_memory is None else self._within(self.max_memory)
        return self._width

    @property
    def _most(self) -> int:
        return min(self.batch_size, self.shard_size, self.samples)

    def _within_budget(self) -> int:
        latents, contexts = self._draw(1, 0)
        kind = f"probes of a sketch in space {self.space.name!r}"
        block = budget_of(latents.device).block(kind, self.generator, self.distance)
        return block.rows(self._most, lambda: self._gradients(latents, contexts, 0, 0))

    def _within(self, max_memory: int) -> int:
        room = max_memory - self._memory_of_sums
        latents, contexts = self._draw(self._most, 0)

        def peak_of(count: int) -> int:
            context = None if contexts is None else contexts[:count]
            return measured_peak(lambda: self._gradients(latents[:count], context, 0, 0), latents.device)

        width, peak = largest_block(peak_of, self._most, room)
        check_memory(peak + self._memory_of_sums, max_memory, self.method)
        return width
