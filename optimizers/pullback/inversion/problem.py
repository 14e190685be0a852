"""What an inversion minimises."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.geometry.point import check_same_place

# What stands where a mask is 0, in the target and in every reconstruction alike.
_FILLING = 0.5


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss, each finite and ≥ 0, at least one above 0.

    Attributes:
        distance: Of the image distance.
        l1: Of the mean over pixels of |a − b|, images scaled to [−1, 1].
        l2: Of the mean over pixels of (a − b)², images scaled to [−1, 1].

    Raises:
        InvalidInputError: A weight is negative or not finite, or none is above 0.
    """

    distance: float = 1.0
    l1: float = 0.0
    l2: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            weight = getattr(self, field.name)
            if not math.isfinite(weight) or weight < 0:
                raise InvalidInputError(f"a loss weight is finite and not negative, but {field.name} = {weight} came")
        if self.distance == self.l1 == self.l2 == 0:
            raise InvalidInputError("all loss weights are 0; set at least one above 0")


class Problem:
    """Finds latents whose images resemble the targets.

    The loss of a latent z for a target x is w_d D(G(z), x) + w_1 mean|a − b| + w_2 mean(a − b)², with a and b the
    two images on [−1, 1]. Under a mask m, both images become m·image + (1 − m)/2 before D, and the means are weighted
    by m, so that pixels where m is 0 have no influence at all.

    Attributes:
        generator: The generator G.
        distance: The image distance D.
        space: Name of the latent space that is searched.
        targets: Target images, shape (images, C, H, W), in [0, 1].
        masks: Weights of the pixels, shape (images, 1, H, W), in [0, 1]; None where all count.
        weights: Weights of the terms of the loss.
        context: Complete inputs, shape (images, m), whose coordinates outside `space` hold; None for the generator's
            default.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: Targets, masks or context have a wrong shape, are out of range or not finite, a mask is 0
            everywhere, or generator and distance live on different devices or in different precisions.
    """

    def __init__(
        self,
        generator: Generator,
        distance: Distance,
        space: str,
        targets: Tensor,
        *,
        masks: Tensor | None = None,
        weights: LossWeights | None = None,
        context: Tensor | None = None,
    ) -> None:
        check_same_place(generator, distance)
        if not isinstance(distance, EmbeddingDistance):
            raise InvalidInputError(f"an inversion needs a distance with an embedding, and {distance.name!r} has none")
        self.generator = generator
        self.distance = distance
        self.space = generator.space(space).name
        self.weights = LossWeights() if weights is None else weights
        self.targets = _checked(generator, "targets", targets, generator.image_shape)
        self.masks = masks
        if masks is not None:
            self.masks = _checked(generator, "masks", masks, (1, *generator.image_shape[1:]), len(self.targets))
            empty = (self.masks.flatten(1).amax(dim=1) == 0).nonzero().flatten().tolist()
            if empty:
                raise InvalidInputError(f"the mask of target {empty[0]} is 0 everywhere, so that nothing counts")
        self.context = None if context is None else self._checked_context(context)
        with torch.no_grad():
            self._embedding = distance.embed(self._fill(self.targets, self.masks))

    @property
    def images(self) -> int:
        """The number of targets."""
        return len(self.targets)

    @property
    def dim(self) -> int:
        """The number of latent dimensions."""
        return self.generator.space(self.space).dim

    def render(
        self, latents: Float[Tensor, "images restarts dim"]
    ) -> Float[Tensor, "images restarts channels height width"]:
        """Images of latents in [0, 1], each with its target's context, in one forward pass."""
        restarts = latents.shape[1]
        context = None if self.context is None else self.context.repeat_interleave(restarts, dim=0)
        rendered = self.generator.render(latents.flatten(0, 1), self.space, context)
        return rendered.reshape(self.images, restarts, *rendered.shape[1:])

    def evaluate(
        self, latents: Float[Tensor, "images restarts dim"]
    ) -> tuple[Float[Tensor, "images restarts"], Float[Tensor, "images restarts"]]:
        """The loss and the distance of latents, in one forward pass; differentiable.

        Args:
            latents: Shape (images, restarts, dim), on the generator's device and in its precision.

        Returns:
            Loss and distance, each of shape (images, restarts).
        """
        restarts = latents.shape[1]
        rendered = self.render(latents).flatten(0, 1)
        targets = self.targets.repeat_interleave(restarts, dim=0)
        masks = None if self.masks is None else self.masks.repeat_interleave(restarts, dim=0)
        embedding = self.distance.embed(self._fill(rendered, masks))
        # D(G(z), x) = ‖φ(G(z)) − φ(x)‖²
        distance = (embedding - self._embedding.repeat_interleave(restarts, dim=0)).square().sum(dim=1)
        loss = self.weights.distance * distance
        # On [−1, 1] a difference is twice that on [0, 1].
        difference = 2 * (rendered - targets)
        if self.weights.l1:
            loss = loss + self.weights.l1 * _mean(difference.abs(), masks)
        if self.weights.l2:
            loss = loss + self.weights.l2 * _mean(difference.square(), masks)
        return loss.reshape(self.images, restarts), distance.reshape(self.images, restarts)

    @staticmethod
    def _fill(images: Tensor, masks: Tensor | None) -> Tensor:
        return images if masks is None else images * masks + _FILLING * (1 - masks)

    def _checked_context(self, context: Tensor) -> Tensor:
        dim = self.generator.space(self.generator.input_space).dim
        if context.shape not in {(dim,), (self.images, dim)}:
            raise InvalidInputError(
                f"a context has shape ({dim},) or ({self.images}, {dim}), but shape {tuple(context.shape)} came"
            )
        if not context.isfinite().all():
            raise InvalidInputError("a context is finite, but NaN or infinity came")
        return context.to(self.generator.device, self.generator.dtype).expand(self.images, -1)


def _checked(
    generator: Generator, name: str, images: Tensor, shape: tuple[int, ...], count: int | None = None
) -> Tensor:
    """Images or masks on the generator's device and in its precision, if they can be used."""
    wanted = ("images" if count is None else count, *shape)
    if images.ndim != 4 or images.shape[1:] != shape or len(images) != (count or len(images)) or not len(images):
        raise InvalidInputError(
            f"{name} for generator {generator.name!r} have shape ({', '.join(map(str, wanted))}), "
            f"but shape {tuple(images.shape)} came"
        )
    if not images.isfinite().all():
        raise InvalidInputError(f"{name} are finite, but NaN or infinity came")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise InvalidInputError(f"{name} lie between 0 and 1, but values from {low:.4g} to {high:.4g} came")
    return images.detach().to(generator.device, generator.dtype)


def _mean(values: Tensor, masks: Tensor | None) -> Tensor:
    """Mean over pixels and channels, weighted by the mask: shape (B, C, H, W) → (B,)."""
    if masks is None:
        return values.flatten(1).mean(dim=1)
    # Σ m v / (C Σ m)
    return (values * masks).flatten(1).sum(dim=1) / (values.shape[1] * masks.flatten(1).sum(dim=1))
