"""Fréchet distance between sets of images in an embedding (Heusel et al., NIPS 2017).

Known as FID where the embedding is InceptionV3's pooled features. A figure belongs to its embedding, whose name goes
with it, and to the number of images: the fewer, the larger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.directions.statistics.embedded_images import embedded_images
from pullback.distances.distance import EmbeddingDistance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and covariance of an embedding over images.

    Attributes:
        embedding: Name of the embedding.
        count: How many images.
        mean: Shape (features,).
        covariance: With N − 1 in the denominator, shape (features, features).
    """

    embedding: str
    count: int
    mean: Float64[np.ndarray, " features"]
    covariance: Float64[np.ndarray, "features features"]

    @cached_property
    def root(self) -> Float64[np.ndarray, "features rank"]:
        """R with C = R Rᵀ, with as many columns as the covariance has rank."""
        values, vectors = np.linalg.eigh(self.covariance)
        # The others are rounding, on both sides of zero: fewer images than features leave many.
        kept = values > np.finfo(np.float64).eps * len(values) * values[-1]
        root: Float64[np.ndarray, "features rank"] = vectors[:, kept] * np.sqrt(values[kept])
        return root


class MomentSum:
    """Mean and covariance, image by image, with no sum of squares of large numbers (Chan, Golub & LeVeque, 1983)."""

    def __init__(self, embedding: EmbeddingDistance) -> None:
        self._embedding = embedding
        self._count = 0
        self._mean: Float64[np.ndarray, " features"] | None = None
        self._scatter: Float64[np.ndarray, "features features"] | None = None

    def add(self, images: Float[Tensor, "batch channels *size"]) -> None:
        """Takes images into the account."""
        with torch.no_grad():
            self.add_features(self._embedding.embed(images.to(self._embedding.device, self._embedding.dtype)))

    def add_features(self, features: Float[Tensor, "batch features"]) -> None:
        """Takes images into the account that were embedded before."""
        rows = features.double().cpu().numpy()
        mean = rows.mean(axis=0)
        centered = rows - mean
        scatter = centered.T @ centered
        if self._mean is None or self._scatter is None:
            self._count, self._mean, self._scatter = len(rows), mean, scatter
            return
        count, shift = self._count + len(rows), mean - self._mean
        # S = S₁ + S₂ + n₁n₂/n (μ₂ − μ₁)(μ₂ − μ₁)ᵀ
        self._scatter += scatter + np.outer(shift, shift) * (self._count * len(rows) / count)
        self._mean = self._mean + shift * (len(rows) / count)
        self._count = count

    def result(self) -> Moments:
        """The moments of all images so far.

        Raises:
            InvalidInputError: There are fewer than 2, or a feature is not finite.
        """
        if self._mean is None or self._scatter is None or self._count < 2:
            raise InvalidInputError(f"a covariance is taken over at least 2 images, but {self._count} came")
        if not np.isfinite(self._scatter).all():
            raise InvalidInputError(f"the embedding {self._embedding.name!r} of these images is not finite")
        return Moments(self._embedding.name, self._count, self._mean, self._scatter / (self._count - 1))


def image_moments(embedding: EmbeddingDistance, batches: Iterable[Float[Tensor, "_ channels *size"]]) -> Moments:
    """The moments of images.

    Args:
        embedding: φ, such as `pullback.distances.load_pooled_features()`.
        batches: Images in [0, 1], some at a time.

    Raises:
        InvalidInputError: There are fewer than 2 images, or a feature is not finite.
    """
    total = MomentSum(embedding)
    for images in batches:
        total.add(images)
    return total.result()


def prior_moments(
    generator: Generator, embedding: EmbeddingDistance, space: str, samples: int, seed: int = 0
) -> Moments:
    """The moments of images whose latents are drawn from the prior.

    Args:
        generator: The generator.
        embedding: φ.
        space: Name of a space whose prior is that of whole images.
        samples: How many, at least 2.
        seed: Any integer ≥ 0.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: Fewer than 2 images, or a feature is not finite.
    """
    total = MomentSum(embedding)
    for features in embedded_images(generator, embedding, generator.space(space).sample(samples, seed), space):
        total.add_features(features)
    return total.result()


def frechet_distance_of_features(
    first: Float64[np.ndarray, "images features"], second: Float64[np.ndarray, "others _"]
) -> float:
    """`frechet_distance` of the moments of two sets of embedded images, for fewer images than features.

    With X the centred rows over √(N − 1), C = Xᵀ X: R = Xᵀ is at hand, and no covariance is taken apart.

    Args:
        first: Features of one image a row.
        second: Those of the other set, in the same embedding.

    Raises:
        InvalidInputError: A set holds fewer than 2 images, a feature is not finite, or the sets have different
            features.
    """
    for rows in (first, second):
        if len(rows) < 2:
            raise InvalidInputError(f"a covariance is taken over at least 2 images, but {len(rows)} came")
        if not np.isfinite(rows).all():
            raise InvalidInputError("an embedding of these images is not finite")
    if first.shape[1] != second.shape[1]:
        raise InvalidInputError(
            f"sets of images are compared in one embedding, but {first.shape[1]} and {second.shape[1]} features came"
        )
    shift = first.mean(axis=0) - second.mean(axis=0)
    one, other = ((rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1) for rows in (first, second))
    # tr C = ‖X‖², tr (C₁C₂)^½ = Σ σ(X₁X₂ᵀ)
    shared = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return float(max(shift @ shift + (one**2).sum() + (other**2).sum() - 2 * shared, 0.0))


def frechet_distance(first: Moments, second: Moments) -> float:
    """‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₁C₂)^½): the squared 2-Wasserstein distance between the normal distributions.

    With C = R Rᵀ, the eigenvalues of C₁C₂ are the squares of the singular values of R₁ᵀR₂, so that tr (C₁C₂)^½ is the
    sum of these: no square root of a matrix that is not symmetric, and no loss of half the digits where images are
    fewer than features.

    Raises:
        InvalidInputError: The moments are of different embeddings.
    """
    if first.embedding != second.embedding or first.mean.shape != second.mean.shape:
        raise InvalidInputError(
            f"sets of images are compared in one embedding, but {first.embedding!r} of {len(first.mean)} features and "
            f"{second.embedding!r} of {len(second.mean)} came"
        )
    shift = first.mean - second.mean
    # tr (C₁C₂)^½ = Σ σ(R₁ᵀR₂)
    shared = np.linalg.svd(first.root.T @ second.root, compute_uv=False).sum()
    spread = np.trace(first.covariance) + np.trace(second.covariance) - 2 * shared
    return float(max(shift @ shift + spread, 0.0))
