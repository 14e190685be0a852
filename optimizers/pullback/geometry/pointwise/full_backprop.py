"""The paper's exact metric at a latent: the Hessian of the squared distance by double backward, row by row."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.geometry.point import Point
from pullback.geometry.pointwise.method import DenseMethod, OneGraphMethod, symmetric
from pullback.pieces import finish


class FullBackprop(OneGraphMethod, DenseMethod):
    """H = ∂²D(G(z₀), G(z))/∂z² at z = z₀, for any distance.

    "Full back-propagation" of Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR
    2021), appendix A.2: the graph of the gradient is kept, and differentiated once for each of its n entries.
    """

    name: ClassVar[str] = "full_backprop"
    needs_embedding: ClassVar[bool] = False

    def _metric(self, point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
        self._check_fits(lambda: finish(_rows(point, 1)), point, kept=4 * point.dim**2)
        return symmetric((yield from _rows(point, point.dim)))


def _rows(point: Point, count: int) -> Generator[None, None, Float64[Tensor, "count n"]]:
    """The first rows of H; yields after each."""
    latent, gradient = point.gradient_graph()
    yield
    rows = torch.empty(count, point.dim, dtype=torch.float64, device=latent.device)
    for i in range(count):
        # H[i] = ∂(∇D)[i] / ∂z
        (rows[i],) = torch.autograd.grad(gradient[i], latent, retain_graph=True, materialize_grads=True)
        yield
    return rows
