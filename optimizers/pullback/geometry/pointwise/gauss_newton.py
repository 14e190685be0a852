"""Exact metric at a latent of any distance: its Hessian between the generator's Jacobians."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.func import vjp

from pullback.geometry.point import Point
from pullback.geometry.pointwise.curvature import Curvature
from pullback.geometry.pointwise.gram import GramBlocks, blocks_within
from pullback.geometry.pointwise.jacobian import inner_products_in_pieces, jacobian_columns, jacobian_in_pieces
from pullback.geometry.pointwise.method import DenseMethod, symmetric


class GaussNewton(DenseMethod):
    """H = Jᵀ C J with J = ∂G(z)/∂z and C = ∂²D(x, y)/∂y² at y = x = G(z₀), for any distance.

    The second derivative of D(x, G(z)) is Jᵀ C J and a term in ∂D/∂y, which is zero at y = x, where D is least: the
    generalized Gauss-Newton matrix (Schraudolph, "Fast Curvature Matrix-Vector Products for Second-Order Gradient
    Descent", 2002) is the whole Hessian here. So only the distance is differentiated twice, backward, for some columns
    of J at a time; the generator once, forward. J is held whole, pixels × n numbers; its products are summed in
    float64. Where `max_memory` forbids that, Jᵀ is applied backward, at about the memory of one image's graph.
    """

    name: ClassVar[str] = "gauss_newton"
    needs_embedding: ClassVar[bool] = False
    _blocks: GramBlocks | None = None

    def _metric(self, point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
        if self._blocks is None:
            self._blocks = self._cut(point)
        if self._blocks.held:
            return symmetric((yield from _with_jacobian(point, self._blocks)))
        return symmetric((yield from rows_by_products(point, self._blocks.columns)))

    def _cut(self, point: Point) -> GramBlocks:
        """Blocks that stay within the bound."""
        return blocks_within(
            self,
            point,
            point.pixels,
            # Of J and of C J, those in use and those that take their place.
            copies=4,
            held=lambda count: _first_columns(point, count),
            otherwise=lambda count: _first_columns(point, count, pulled=True),
        )


def _with_jacobian(point: Point, blocks: GramBlocks) -> Generator[None, None, Float64[Tensor, "n n"]]:
    jacobian = yield from jacobian_in_pieces(point.pixels, point.latent, blocks.columns)
    curvature, rows = Curvature(point), []
    for part in torch.split(jacobian, blocks.columns):
        rows.append((yield from inner_products_in_pieces(curvature(part), jacobian, blocks.features)))
    return torch.cat(rows)


def rows_by_products(point: Point, block: int) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """H, so many rows at a time, without J; yields after each of these blocks."""
    curvature, pull = Curvature(point), vjp(point.pixels, point.latent)[1]
    metric = torch.empty(point.dim, point.dim, dtype=torch.float64, device=point.latent.device)
    for start in range(0, point.dim, block):
        stop = min(start + block, point.dim)
        products = curvature(jacobian_columns(point.pixels, point.latent, start, stop))
        for i, row in enumerate(products, start):
            # H eᵢ = Jᵀ(C J eᵢ)
            (metric[i],) = pull(row)
        yield
    return metric


def _first_columns(point: Point, count: int, *, pulled: bool = False) -> None:
    """Computes so many columns at once for what they take, with their way back to the latent where `pulled`."""
    curvature = Curvature(point)
    pull = vjp(point.pixels, point.latent)[1] if pulled else None
    products = curvature(jacobian_columns(point.pixels, point.latent, 0, count))
    if pull is not None:
        pull(products[0])
