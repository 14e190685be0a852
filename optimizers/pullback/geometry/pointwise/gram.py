"""Exact metric at a latent, as the Gram matrix of a forward-mode Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.geometry.memory import check_memory
from pullback.geometry.point import Point
from pullback.geometry.pointwise.jacobian import (
    FEATURES_AT_ONCE,
    inner_products_in_pieces,
    jacobian_columns,
    jacobian_in_pieces,
)
from pullback.geometry.pointwise.method import DenseMethod, symmetric
from pullback.geometry.pointwise.products import first_products, metric_by_products
from pullback.memory import budget_of, largest_block, measured_peak

_FLOAT64 = 8
# Of the room of a budget, for J.
_SHARE_HELD = 0.5


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


def blocks_within(
    method: DenseMethod,
    point: Point,
    function: Callable[[Tensor], Tensor],
    *,
    copies: int,
    held: Callable[[int], object],
    otherwise: Callable[[int], object],
) -> GramBlocks:
    """The blocks with which a method stays within its bound, or, without one, within the budget of the device.

    Args:
        method: Has the bound, what of it is reserved, and the largest block.
        point: Where the metric is computed.
        function: The function of the latent whose Jacobian J is.
        copies: Float64 copies of a block of J's rows that there are at once.
        held: Computes so many columns at once, where J is held whole.
        otherwise: Computes so many where it is not.

    Raises:
        InvalidInputError: The bound is too low for a single column.
        MemoryExhaustedError: The budget is.
    """
    n, limit, device = point.dim, min(method.block, point.dim), point.latent.device
    with torch.no_grad():
        jacobian = n * function(point.latent).numel() * point.latent.element_size()
    if method.max_memory is None:
        budget = budget_of(device)
        fits = jacobian <= _SHARE_HELD * budget.room()
        kind = f"method {method.name!r} in space {point.space!r}, {'columns of J' if fits else 'products with J'}"
        block = budget.block(kind, point.generator, point.distance)
        return GramBlocks(block.rows(limit, lambda: (held if fits else otherwise)(1)), held=fits)
    # H, its symmetric part and what makes them
    kept = method.reserved + 4 * n**2 * _FLOAT64
    room = method.max_memory - kept
    spare = room - jacobian
    # An eighth is for the float64 copies. What the network frees before may not have gone back by then.
    features = min(FEATURES_AT_ONCE, spare // 8 // (copies * n * _FLOAT64))
    spare -= copies * n * features * _FLOAT64
    if features > 0:
        columns, _ = largest_block(lambda count: measured_peak(lambda: held(count), device), limit, spare)
        if columns:
            return GramBlocks(columns, features=features)
    columns, peak = largest_block(lambda count: measured_peak(lambda: otherwise(count), device), limit, room)
    check_memory(kept + peak, method.max_memory, method.name)
    return GramBlocks(columns, held=False)


class Gram(DenseMethod):
    """H = 2 JᵀJ with J = ∂φ(G(z))/∂z, for distances with an embedding φ.

    The derivatives are taken in the generator's precision, forward mode, without a second-order graph, and J is held
    whole, features × n numbers; its products are summed in float64. Where `max_memory`, or the budget of the device
    where there is no such bound, forbids that, the columns of H are computed as 2 Jᵀ(J eᵢ), forward mode then backward
    mode, at about the memory of one image's graph.
    """

    name: ClassVar[str] = "gram"
    needs_embedding: ClassVar[bool] = True
    _blocks: GramBlocks | None = None

    def _metric(self, point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
        if self._blocks is None:
            self._blocks = self._cut(point)
        blocks = self._blocks
        if blocks.held:
            jacobian = yield from jacobian_in_pieces(point.embedding, point.latent, blocks.columns)
            # H = 2 JᵀJ
            products = yield from inner_products_in_pieces(jacobian, jacobian, blocks.features)
            return symmetric(2 * products)
        return symmetric((yield from metric_by_products(point, blocks.columns)))

    def _cut(self, point: Point) -> GramBlocks:
        """Blocks that stay within the bound."""
        return blocks_within(
            self,
            point,
            point.embedding,
            # The one in use and the one that takes its place.
            copies=2,
            held=lambda count: jacobian_columns(point.embedding, point.latent, 0, count),
            otherwise=lambda count: first_products(point, count),
        )
