"""Images of latents as rows of features, and moments of such rows: shared by the units of an analysis."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.directions.statistics.embedded_images import embedded_images as some_at_a_time
from pullback.directions.statistics.frechet import Moments, MomentSum
from pullback.distances.distance import EmbeddingDistance
from pullback.generators.generator import Generator


def embedded_images(
    generator: Generator, embedding: EmbeddingDistance, latents: Float[Tensor, "batch n"], space: str
) -> Float[Tensor, "batch features"]:
    """φ of the images of latents of a space, float32 on the CPU."""
    return torch.cat([part.float().cpu() for part in some_at_a_time(generator, embedding, latents, space)])


def moments_of(embedding: EmbeddingDistance, features: Sequence[Float[Tensor, "_ features"]]) -> Moments:
    """The moments of images that were embedded before, some at a time."""
    total = MomentSum(embedding)
    for part in features:
        total.add_features(part)
    return total.result()
