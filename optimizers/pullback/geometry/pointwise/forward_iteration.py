"""The paper's forward iteration: Lanczos over central differences of the gradient."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.geometry.point import Point
from pullback.geometry.pointwise.lanczos import lanczos, lanczos_memory
from pullback.geometry.pointwise.method import Eigenpairs, IterativeMethod, OneGraphMethod


class ForwardIteration(OneGraphMethod, IterativeMethod):
    """The leading eigenpairs of H from differences of the gradient along a direction, for any distance.

    Wang & Ponce (ICLR 2021), appendix A.2. First derivatives alone, so it takes the least memory, and the least
    precise products. Their step is ε‖z‖/‖v‖; here ‖z‖ is not less than the root mean square length of latents of the
    space, so that the step does not vanish at z = 0.
    """

    name: ClassVar[str] = "forward_iteration"
    needs_embedding: ClassVar[bool] = False

    def _eigenpairs(self, point: Point) -> Generator[None, None, Eigenpairs]:
        k = self._rank(point, point.dim - 1)
        with torch.no_grad():
            reference = point.image(point.latent)
        yield
        length = max(float(point.latent.norm()), _typical_length(point))
        epsilon = _EPSILON[point.latent.dtype]

        def product(v: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
            step = epsilon * length / v.norm()
            ahead = point.gradient(point.latent + step * v, reference)
            behind = point.gradient(point.latent - step * v, reference)
            # H v ≈ (∇D(z + h v) − ∇D(z − h v)) / 2h
            quotient: Tensor = (ahead - behind) / (2 * step)
            return quotient

        self._check_fits(lambda: product(torch.ones_like(point.latent)), point, kept=lanczos_memory(point.dim, k))
        return lanczos(product, point, k, tolerance=_TOLERANCE[point.latent.dtype], seed=self.seed)


# The gradient is a difference of nearly equal embeddings, rounded: its error grows as 1 / ε, that of the
# difference quotient as ε².
_EPSILON = {torch.float32: 3e-5, torch.float64: 1e-6}
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
_DRAWS = 64


def _typical_length(point: Point) -> float:
    draws = point.generator.space(point.space).sample(_DRAWS, 0)
    return float(draws.square().sum(dim=1).mean().sqrt())
