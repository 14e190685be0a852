"""Perturbation of latents: the Fréchet distance of the images against the strength with which they are moved.

Choi et al. (ICLR 2022), Fig. 4; Palaev et al. (ICLR 2023, Tiny Papers), Tables 1 to 3; DP-LaSE (ACM MM 2021), Table 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.directions.statistics.embedded_images import embedded_images
from pullback.directions.statistics.frechet import Moments, MomentSum, frechet_distance
from pullback.directions.statistics.ways import Way
from pullback.distances.distance import EmbeddingDistance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator

# Latents that are moved at once.
_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class PerturbationDistances:
    """Fréchet distances from a reference, as latents are moved.

    Attributes:
        strengths: Above 0, ascending, shape (strengths,).
        distances: Of the images of latents moved by each, shape (strengths,).
        unmoved: Of the images of the same latents before: what the number of images alone makes.
        samples: How many latents.
        embedding: Name of the embedding.
    """

    strengths: Float64[np.ndarray, " strengths"]
    distances: Float64[np.ndarray, " strengths"]
    unmoved: float
    samples: int
    embedding: str

    @property
    def rises(self) -> Float64[np.ndarray, " strengths"]:
        """How much each strength adds to the distance of the unmoved images, shape (strengths,)."""
        added: Float64[np.ndarray, " strengths"] = self.distances - self.unmoved
        return added


def perturbation(
    generator: Generator,
    embedding: EmbeddingDistance,
    way: Way,
    strengths: Sequence[float],
    reference: Moments,
    *,
    space: str,
    samples: int,
    seed: int = 0,
) -> PerturbationDistances:
    """Moves latents of the prior and compares their images with a reference.

    Args:
        generator: The generator.
        embedding: φ, in which `reference` was taken.
        way: How a latent is moved by a strength; see `moved_latents`.
        strengths: In the unit of the way's steps, above 0, ascending.
        reference: Moments of the images that the moved ones are to resemble: of the training set, or of the generator
            (`prior_moments`): with this seed those of the unmoved images themselves, with another an independent draw.
        space: Name of the space whose prior is drawn from and whose latents the way takes.
        samples: How many latents, at least 2.
        seed: Any integer ≥ 0.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: A number is out of range, the reference is of another embedding, or as the way does.
    """
    if not strengths or min(strengths) <= 0 or sorted(set(strengths)) != list(strengths):
        raise InvalidInputError(f"strengths are above 0 and ascend, at least one, but {list(strengths)} came")
    if samples < 2:
        raise InvalidInputError(f"a covariance is taken over at least 2 images, but samples = {samples} came")
    if reference.embedding != embedding.name:
        raise InvalidInputError(
            f"the reference was taken in embedding {reference.embedding!r}, but {embedding.name!r} came"
        )
    totals = [MomentSum(embedding) for _ in (0.0, *strengths)]
    drawn = generator.space(space).sample(samples, seed).to(generator.device, generator.dtype)
    for latents in torch.split(drawn, _AT_ONCE):
        for total, part in zip(totals, moved_latents(way, latents, strengths), strict=True):
            for features in embedded_images(generator, embedding, part, way.space):
                total.add_features(features)
    unmoved, *distances = (frechet_distance(total.result(), reference) for total in totals)
    return PerturbationDistances(np.array(strengths, float), np.array(distances), unmoved, samples, embedding.name)


def moved_latents(
    way: Way, latents: Float[Tensor, "batch d"], strengths: Sequence[float]
) -> Float[Tensor, "strengths batch n"]:
    """Latents as they are, and moved by each strength.

    The sign of a direction says nothing, so every second latent is moved the other way.

    Args:
        way: How.
        latents: Shape (B, d).
        strengths: Above 0, ascending.

    Returns:
        Shape (1 + strengths, B, n), in the way's space.

    Raises:
        InvalidInputError: As the way does.
    """
    steps = torch.tensor([0.0, *strengths], dtype=torch.float64)
    forth = way.move(latents[0::2], steps)
    moved = forth.new_empty(len(steps), len(latents), forth.shape[-1])
    moved[:, 0::2] = forth.transpose(0, 1)
    if len(latents) > 1:
        # Steps ascend on the other side, too.
        moved[:, 1::2] = way.move(latents[1::2], -steps.flip(0)).flip(1).transpose(0, 1)
    return moved
