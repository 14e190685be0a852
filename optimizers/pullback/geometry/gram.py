"""The exact metric at a latent, as the Gram matrix of a forward-mode Jacobian."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.func import jvp, vmap

from pullback.geometry.memory import check_memory, largest_block, measured_peak
from pullback.geometry.point import Point
from pullback.geometry.pointwise import DenseMethod, symmetric

# Features whose products are summed in float64 at once: 64 MiB for 1,000 latent dimensions.
_FEATURES_AT_ONCE = 8192
_FLOAT64 = 8


@dataclass(frozen=True)
class GramBlocks:
    """How the work is cut.

    Attributes:
        columns: Columns of J that are computed at once.
        held: Columns of J that are held. Where they are fewer than n, those to the right are computed once more for
            each such panel.
        features: Rows of J whose products are summed in float64 at once.
    """

    columns: int
    held: int
    features: int = _FEATURES_AT_ONCE


class Gram(DenseMethod):
    """H = 2 JᵀJ with J = ∂φ(G(z))/∂z, for distances with an embedding φ.

    The derivatives are taken in the generator's precision, forward mode, without a second-order graph; their
    products are summed in float64. Unless `max_memory` forbids it, J is held whole: features × n numbers.
    """

    name: ClassVar[str] = "gram"
    needs_embedding: ClassVar[bool] = True
    _blocks: GramBlocks | None = None

    def _metric(self, point: Point) -> Float64[Tensor, "n n"]:
        if self._blocks is None:
            self._blocks = self._cut(point)
        blocks, n = self._blocks, point.dim
        metric = torch.zeros(n, n, dtype=torch.float64, device=point.latent.device)
        for start in range(0, n, blocks.held):
            stop = min(start + blocks.held, n)
            held = _columns(point, start, stop, blocks.columns)
            # H = 2 JᵀJ, block by block
            metric[start:stop, start:stop] = 2 * _products(held, held, blocks.features)
            for left in range(stop, n, blocks.columns):
                right = min(left + blocks.columns, n)
                others = _columns(point, left, right, blocks.columns)
                metric[start:stop, left:right] = 2 * _products(held, others, blocks.features)
                metric[left:right, start:stop] = metric[start:stop, left:right].T
                del others
            # Gone before the next panel comes.
            del held
        return symmetric(metric)

    def _cut(self, point: Point) -> GramBlocks:
        """Blocks that stay within the bound."""
        n = point.dim
        if self.max_memory is None:
            return GramBlocks(self.block, n)
        # H, its symmetric part and a block of products
        kept = self.reserved + 4 * n**2 * _FLOAT64
        room = self.max_memory - kept
        # An eighth is for the float64 copies of both factors, and for those made while the last are in use.
        features = min(_FEATURES_AT_ONCE, max(1, room // 8 // (4 * n * _FLOAT64)))
        room -= 4 * n * features * _FLOAT64
        with torch.no_grad():
            column = point.embedding(point.latent).numel() * point.latent.element_size()
        limit = min(self.block, n)

        def peak_of(count: int) -> int:
            return measured_peak(lambda: _columns(point, 0, count, count), point.latent.device)

        # Half the room for the network, the other for the columns that are held.
        columns, peak = largest_block(peak_of, limit, room // 2)
        if not columns:
            columns = 1
            least = kept + math.ceil(8 / 7 * (peak + column)) + 4 * n * _FLOAT64
            check_memory(least, self.max_memory, self.name)
        panels = math.ceil(n / min(n, max(1, (room - peak) // column)))
        return GramBlocks(columns, math.ceil(n / panels), features)


def _columns(point: Point, start: int, stop: int, block: int) -> Float[Tensor, "columns features"]:
    """Columns of J from `start` to `stop`, as rows, computed some at a time."""
    latent = point.latent

    def column(direction: Tensor) -> Tensor:
        # J v
        derivative: Tensor = jvp(point.embedding, (latent,), (direction,))[1]
        return derivative

    def columns(left: int, right: int) -> Tensor:
        directions = torch.zeros(right - left, point.dim, dtype=latent.dtype, device=latent.device)
        directions[:, left:right].fill_diagonal_(1)
        derivatives: Tensor = vmap(column)(directions)
        return derivatives

    with torch.no_grad():
        first = columns(start, min(start + block, stop))
        if start + block >= stop:
            return first
        # Written into one piece of memory: gathering them at the end would take them twice.
        held = torch.empty(stop - start, first.shape[1], dtype=latent.dtype, device=latent.device)
        held[:block] = first
        del first
        for left in range(start + block, stop, block):
            right = min(left + block, stop)
            held[left - start : right - start] = columns(left, right)
    return held


def _products(
    left: Float[Tensor, "rows features"], right: Float[Tensor, "columns features"], at_once: int
) -> Float64[Tensor, "rows columns"]:
    """The products of rows with rows, in float64."""
    products = torch.zeros(len(left), len(right), dtype=torch.float64, device=left.device)
    for start in range(0, left.shape[1], at_once):
        part = left[:, start : start + at_once].double()
        other = part if left is right else right[:, start : start + at_once].double()
        products.addmm_(part, other.T)
    return products
