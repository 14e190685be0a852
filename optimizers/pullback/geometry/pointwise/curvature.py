"""The second derivative of a distance at equal images, applied to directions of images."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.geometry.point import Point


class Curvature:
    """V ↦ C V of directions of images, C = ∂²D(x, y)/∂y² at y = x = G(z₀); one graph, of the distance alone."""

    def __init__(self, point: Point) -> None:
        with torch.no_grad():
            reference = point.image(point.latent)
        self._leaf = reference.clone().requires_grad_()
        with torch.enable_grad():
            # A term that is zero, but depends on y even where the distance does not.
            squared = point.distance(reference, self._leaf).sum() + 0 * self._leaf.square().sum()
            (self._gradient,) = torch.autograd.grad(squared, self._leaf, create_graph=True)

    def __call__(self, directions: Float[Tensor, "b pixels"]) -> Float[Tensor, "b pixels"]:
        """The product with each row."""
        vectors = directions.reshape(-1, *self._leaf.shape)
        # C v = ∂(∇D · v)/∂y
        (products,) = torch.autograd.grad(self._gradient, self._leaf, vectors, retain_graph=True, is_grads_batched=True)
        return products.flatten(1)
