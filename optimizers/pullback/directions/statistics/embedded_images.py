"""Embeddings of the images of many latents, some at a time, as memory allows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.distances.distance import EmbeddingDistance
from pullback.generators.generator import Generator
from pullback.memory import block_by_block, budget_of

# Images that pass the networks at once, at most.
_AT_ONCE = 16


def embedded_images(
    generator: Generator, embedding: EmbeddingDistance, latents: Float[Tensor, "count n"], space: str
) -> Iterator[Float[Tensor, "some features"]]:
    """φ of the images of latents, each part when it is asked for; nothing is differentiated.

    Args:
        generator: The generator.
        embedding: φ.
        latents: Latents of `space`, on any device.
        space: Name of the space.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: Latents of another shape.
        MemoryExhaustedError: Memory does not suffice for a single image.
    """

    @torch.no_grad()
    def embedded(part: slice) -> Tensor:
        images = generator.render(latents[part].to(generator.device, generator.dtype), space)
        return embedding.embed(images.to(embedding.device, embedding.dtype))

    block = budget_of(generator.device).block(f"embedded images of space {space!r}", generator, embedding)
    rows = block.rows(min(len(latents), _AT_ONCE), lambda: embedded(slice(0, 1)))
    yield from block_by_block(len(latents), rows, block, embedded)
