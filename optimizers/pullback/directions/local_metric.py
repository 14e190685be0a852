"""The whole metric at one latent, in pieces between which other work may be done."""

from __future__ import annotations

from collections.abc import Generator

import torch
from jaxtyping import Float64
from torch import Tensor

from pullback.distances.distance import EmbeddingDistance
from pullback.geometry.jacobian import FEATURES_AT_ONCE, jacobian_columns
from pullback.geometry.point import Point
from pullback.geometry.pointwise import symmetric
from pullback.geometry.precision import full_precision

# Latent directions that go through the networks at once: a quarter of a second of one core, for images of 64 pixels.
_COLUMNS_CPU = 8
_COLUMNS_CUDA = 32
# Backward passes in a piece.
_ROWS = 4


def metric_in_chunks(point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """H at a point, as `gram` computes it; of a distance without an embedding, as `full_backprop` does.

    Yields:
        Nothing, after every few derivatives.

    Returns:
        Shape (n, n), symmetric, on the generator's device.

    Raises:
        PullbackError: A derivative of the distance is not finite.
    """
    metric = yield from (_gram if isinstance(point.distance, EmbeddingDistance) else _backprop)(point)
    metric = symmetric(metric)
    point.check_finite(metric)
    return metric


def _gram(point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """H = 2 JᵀJ."""
    at_once = _COLUMNS_CUDA if point.latent.device.type == "cuda" else _COLUMNS_CPU
    jacobian: Tensor | None = None
    for start in range(0, point.dim, at_once):
        stop = min(start + at_once, point.dim)
        with full_precision():
            columns = jacobian_columns(point.embedding, point.latent, start, stop)
        if jacobian is None:
            # Written into one piece of memory: gathering the columns at the end would take them twice.
            jacobian = columns.new_empty(point.dim, columns.shape[1])
        jacobian[start:stop] = columns
        yield
    assert jacobian is not None  # noqa: S101  (a latent has at least one coordinate)
    products = torch.zeros(point.dim, point.dim, dtype=torch.float64, device=jacobian.device)
    for part in torch.split(jacobian, FEATURES_AT_ONCE, dim=1):
        wide = part.double()
        products.addmm_(wide, wide.T)
        yield
    return 2 * products


def _backprop(point: Point) -> Generator[None, None, Float64[Tensor, "n n"]]:
    """H = ∂²D/∂z²."""
    with full_precision():
        latent, gradient = point.gradient_graph()
    yield
    rows = torch.empty(point.dim, point.dim, dtype=torch.float64, device=latent.device)
    for start in range(0, point.dim, _ROWS):
        with full_precision():
            for i in range(start, min(start + _ROWS, point.dim)):
                # H[i] = ∂(∇D)[i] / ∂z
                (rows[i],) = torch.autograd.grad(gradient[i], latent, retain_graph=True, materialize_grads=True)
        yield
    return rows
