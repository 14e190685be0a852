"""Metric at one latent as a whole matrix, in pieces between which other work may be done."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.distances.distance import EmbeddingDistance
from pullback.geometry.point import Point
from pullback.geometry.pointwise.curvature import Curvature
from pullback.geometry.pointwise.gauss_newton import rows_by_products
from pullback.geometry.pointwise.jacobian import FEATURES_AT_ONCE, HELD_BYTES, inner_products, jacobian_columns
from pullback.geometry.pointwise.method import symmetric
from pullback.geometry.pointwise.products import metric_by_products
from pullback.geometry.precision import full_precision, in_full_precision
from pullback.memory import block_by_block, budget_of

# Latent directions that go through the networks at once: a quarter of a second of one core, for images of 64 pixels.
_COLUMNS_CPU = 8
_COLUMNS_CUDA = 32


def metric_in_pieces(point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """H at a point, as `gram` computes it; of a distance without an embedding, as `gauss_newton` does.

    Yields:
        Nothing, after every few derivatives.

    Returns:
        Shape (n, n), symmetric, on the generator's device.

    Raises:
        PullbackError: A derivative of the distance is not finite.
    """
    metric = yield from (_gram if isinstance(point.distance, EmbeddingDistance) else _gauss_newton)(point)
    metric = symmetric(metric)
    point.check_finite(metric)
    return metric


def _gram(point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """H = 2 JᵀJ; where J is too large to be held, from products with it."""
    jacobian = yield from _jacobian(point, point.embedding)
    if jacobian is None:
        return (yield from in_full_precision(metric_by_products(point, _columns_at_once(point))))
    products = torch.zeros(point.dim, point.dim, dtype=torch.float64, device=jacobian.device)
    for part in torch.split(jacobian, FEATURES_AT_ONCE, dim=1):
        wide = part.double()
        products.addmm_(wide, wide.T)
        yield
    return 2 * products


def _gauss_newton(point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """H = Jᵀ C J; where J is too large to be held, from products with it."""
    jacobian = yield from _jacobian(point, point.pixels)
    if jacobian is None:
        return (yield from in_full_precision(rows_by_products(point, _columns_at_once(point))))
    with full_precision():
        curvature = Curvature(point)
    yield
    rows = []
    for part in torch.split(jacobian, _columns_at_once(point)):
        with full_precision():
            rows.append(inner_products(curvature(part), jacobian))
        yield
    return torch.cat(rows)


def _jacobian(
    point: Point, function: Callable[[Tensor], Tensor]
) -> Generator[None, None, Float[Tensor, "n features"] | None]:
    """Columns of the function's Jacobian at the latent, as rows; None where they are too large to be held."""
    kind = f"columns of a Jacobian in space {point.space!r}"
    block = budget_of(point.latent.device).block(kind, point.generator, point.distance)

    def computed(part: slice) -> Tensor:
        with full_precision():
            return jacobian_columns(function, point.latent, part.start, part.stop)

    at_once = block.rows(min(point.dim, _columns_at_once(point)), lambda: computed(slice(0, 1)))
    jacobian, start = None, 0
    for columns in block_by_block(point.dim, at_once, block, computed):
        if jacobian is None:
            if point.dim * columns.shape[1] * columns.element_size() > HELD_BYTES:
                return None
            # Written into one piece of memory: gathering the columns at the end would take them twice.
            jacobian = columns.new_empty(point.dim, columns.shape[1])
        jacobian[start : start + len(columns)] = columns
        start += len(columns)
        yield
    return jacobian


def _columns_at_once(point: Point) -> int:
    return _COLUMNS_CUDA if point.latent.device.type == "cuda" else _COLUMNS_CPU
