"""Products of the metric with directions, from which neither the metric nor the Jacobian has to be held."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.func import jvp, vjp, vmap

from pullback.geometry.point import Point


class Products:
    """V ↦ H V = 2 Jᵀ(J V) at a point, for distances with an embedding φ; J = ∂φ(G(z))/∂z.

    J V by forward mode, Jᵀ by backward mode, whose graph is built once; both in the generator's precision.
    """

    def __init__(self, point: Point) -> None:
        self._point = point
        self._pull: Callable[[Tensor], tuple[Tensor]] = vjp(point.embedding, point.latent)[1]

    def __call__(self, vectors: Float64[Tensor, "n b"]) -> Float64[Tensor, "n b"]:
        """The product with each column.

        Raises:
            PullbackError: One is not finite.
        """
        latent = self._point.latent

        def product(direction: Tensor) -> Tensor:
            # J v
            push: Tensor = jvp(self._point.embedding, (latent,), (direction,))[1]
            # 2 Jᵀ(J v)
            return 2 * self._pull(push)[0]

        with torch.no_grad():
            products: Tensor = vmap(product)(vectors.T.to(latent.dtype))
        self._point.check_finite(products)
        return products.T.double()


def first_products(point: Point, count: int) -> Float64[Tensor, "n {count}"]:
    """The products with so many directions at once, made for what they take."""
    return Products(point)(torch.ones(point.dim, count, dtype=torch.float64, device=point.latent.device))


def metric_by_products(point: Point, block: int) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """H, so many columns at a time, without J; yields after each of these blocks."""
    n, products = point.dim, Products(point)
    metric = torch.empty(n, n, dtype=torch.float64, device=point.latent.device)
    for start in range(0, n, block):
        stop = min(start + block, n)
        axes = torch.zeros(n, stop - start, dtype=torch.float64, device=metric.device)
        axes[start:stop].fill_diagonal_(1)
        # H eᵢ = 2 Jᵀ(J eᵢ)
        metric[:, start:stop] = products(axes)
        yield
    return metric
