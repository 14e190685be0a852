"""Real images without an end: draws of a generator of the catalogue, made smaller."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pullback.generators import Generator


class ImageStream:
    """Batches of images; batch `number` is always the same, so a training that goes on needs no state of it.

    Args:
        generator: What draws them, in its first space.
        side: Side of the images, px; the generator's must be a multiple of it.
        batch: Images in a batch.
    """

    def __init__(self, generator: Generator, side: int, batch: int) -> None:
        self._generator, self._side, self._batch = generator, side, batch
        self._space = next(iter(generator.spaces))

    def __call__(self, number: int) -> Float[Tensor, "batch 3 side side"]:
        """The batch of that number, in [−1, 1]."""
        latents = self._generator.space(self._space).sample(self._batch, number).to(self._generator.device)
        with torch.no_grad():
            images = self._generator.render(latents, self._space)
        return 2 * functional.adaptive_avg_pool2d(images, self._side) - 1
