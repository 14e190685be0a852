"""The paper's backward iteration: Lanczos over Hessian-vector products by double backward."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.geometry.point import Point
from pullback.geometry.pointwise.lanczos import lanczos, lanczos_memory
from pullback.geometry.pointwise.method import Eigenpairs, IterativeMethod, OneGraphMethod


class BackwardIteration(OneGraphMethod, IterativeMethod):
    """The leading eigenpairs of H from exact products H v = ∂(∇D · v)/∂z, for any distance.

    Wang & Ponce (ICLR 2021), appendix A.2. The graph of the gradient is built once and serves every product.
    """

    name: ClassVar[str] = "backward_iteration"
    needs_embedding: ClassVar[bool] = False

    def _eigenpairs(self, point: Point) -> Generator[None, None, Eigenpairs]:
        k = self._rank(point, point.dim - 1)

        def once() -> None:
            latent, gradient = point.gradient_graph()
            _product(gradient, latent, latent.detach())

        self._check_fits(once, point, kept=lanczos_memory(point.dim, k))
        latent, gradient = point.gradient_graph()
        yield
        tolerance = torch.finfo(latent.dtype).eps
        return lanczos(lambda v: _product(gradient, latent, v), point, k, tolerance=tolerance, seed=self.seed)


def _product(gradient: Float[Tensor, " n"], latent: Float[Tensor, " n"], v: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    # H v = ∂(∇D · v) / ∂z
    (product,) = torch.autograd.grad(gradient, latent, v, retain_graph=True, materialize_grads=True)
    return product
