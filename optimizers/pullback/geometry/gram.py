"""The exact metric at a latent, as the Gram matrix of a forward-mode Jacobian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.geometry.jacobian import FEATURES_AT_ONCE, inner_products, jacobian_columns
from pullback.geometry.memory import check_memory, largest_block, measured_peak
from pullback.geometry.point import Point
from pullback.geometry.pointwise import DenseMethod, symmetric
from pullback.geometry.products import Products, peak_of_products

_FLOAT64 = 8


@dataclass(frozen=True)
class GramBlocks:
    """How the work is cut.

    Attributes:
        columns: Columns of J, or of H where J is not held, that are computed at once.
        held: Whether J is held whole.
        features: Where it is, rows of J whose products are summed in float64 at once.
    """

    columns: int
    held: bool = True
    features: int = FEATURES_AT_ONCE


class Gram(DenseMethod):
    """H = 2 JᵀJ with J = ∂φ(G(z))/∂z, for distances with an embedding φ.

    The derivatives are taken in the generator's precision, forward mode, without a second-order graph, and J is held
    whole, features × n numbers; its products are summed in float64. Where `max_memory` forbids that, the columns of H
    are computed as 2 Jᵀ(J eᵢ), forward mode then backward mode, at about the memory of one image's graph.
    """

    name: ClassVar[str] = "gram"
    needs_embedding: ClassVar[bool] = True
    _blocks: GramBlocks | None = None

    def _metric(self, point: Point) -> Float64[Tensor, "n n"]:
        if self._blocks is None:
            self._blocks = self._cut(point)
        blocks = self._blocks
        if blocks.held:
            jacobian = _jacobian(point, blocks.columns)
            # H = 2 JᵀJ
            return symmetric(2 * inner_products(jacobian, jacobian, blocks.features))
        return symmetric(_products_with_axes(point, blocks.columns))

    def _cut(self, point: Point) -> GramBlocks:
        """Blocks that stay within the bound."""
        if self.max_memory is None:
            return GramBlocks(self.block)
        n, limit = point.dim, min(self.block, point.dim)
        # H, its symmetric part and what makes them
        kept = self.reserved + 4 * n**2 * _FLOAT64
        room = self.max_memory - kept
        with torch.no_grad():
            spare = room - n * point.embedding(point.latent).numel() * point.latent.element_size()
        # An eighth is for the float64 copies: the one in use and the one that takes its place. What the network frees
        # before may not have gone back by then.
        features = min(FEATURES_AT_ONCE, spare // 8 // (2 * n * _FLOAT64))
        spare -= 2 * n * features * _FLOAT64
        if features > 0:
            columns, _ = largest_block(lambda count: _peak_of_columns(point, count), limit, spare)
            if columns:
                return GramBlocks(columns, features=features)
        columns, peak = largest_block(lambda count: peak_of_products(point, count), limit, room)
        check_memory(kept + peak, self.max_memory, self.name)
        return GramBlocks(columns, held=False)


def _jacobian(point: Point, block: int) -> Float[Tensor, "n features"]:
    """Jᵀ, some columns of J at a time."""
    n = point.dim
    first = _columns(point, 0, min(block, n))
    if block >= n:
        return first
    # Written into one piece of memory: gathering them at the end would take them twice.
    jacobian = first.new_empty(n, first.shape[1])
    jacobian[:block] = first
    del first
    for start in range(block, n, block):
        stop = min(start + block, n)
        jacobian[start:stop] = _columns(point, start, stop)
    return jacobian


def _columns(point: Point, start: int, stop: int) -> Float[Tensor, "columns features"]:
    return jacobian_columns(point.embedding, point.latent, start, stop)


def _peak_of_columns(point: Point, count: int) -> int:
    return measured_peak(lambda: _columns(point, 0, count), point.latent.device)


def _products_with_axes(point: Point, block: int) -> Float64[Tensor, "n n"]:
    """H, some columns at a time, without J."""
    n, products = point.dim, Products(point)
    metric = torch.empty(n, n, dtype=torch.float64, device=point.latent.device)
    for start in range(0, n, block):
        stop = min(start + block, n)
        axes = torch.zeros(n, stop - start, dtype=torch.float64, device=metric.device)
        axes[start:stop].fill_diagonal_(1)
        # H eᵢ = 2 Jᵀ(J eᵢ)
        metric[:, start:stop] = products(axes)
    return metric
