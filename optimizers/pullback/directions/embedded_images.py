"""Images of latents as rows of features, and what is taken of such rows: shared by the units of an analysis."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.directions.statistics.frechet import Moments, MomentSum
from pullback.distances.distance import EmbeddingDistance
from pullback.generators.generator import Generator

# Images that pass the networks at once.
_AT_ONCE = 16


@torch.no_grad()
def embedded_images(
    generator: Generator, embedding: EmbeddingDistance, latents: Float[Tensor, "batch n"], space: str
) -> Float[Tensor, "batch features"]:
    """φ of the images of latents of a space, float32 on the CPU."""
    parts = torch.split(latents, _AT_ONCE)
    return torch.cat([embedding.embed(generator.render(part, space)).float().cpu() for part in parts])


def moments_of(embedding: EmbeddingDistance, features: Sequence[Float[Tensor, "_ features"]]) -> Moments:
    """The moments of images that were embedded before, some at a time."""
    total = MomentSum(embedding)
    for part in features:
        total.add_features(part)
    return total.result()
