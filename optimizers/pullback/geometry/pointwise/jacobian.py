"""Jacobians of maps from a latent, by forward mode, and the products of their columns."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.func import jvp, vmap

from pullback.pieces import finish

# Features whose products are summed in float64 at once: 64 MiB for 1,000 latent dimensions.
FEATURES_AT_ONCE = 8192
# Of columns that are held where nobody says how much memory there is: beyond, what they are for is made of products.
HELD_BYTES = 2**30


def jacobian_columns(
    function: Callable[[Tensor], Tensor], latent: Float[Tensor, " n"], start: int, stop: int
) -> Float[Tensor, "columns features"]:
    """Columns of J = ∂f/∂z from `start` to `stop`, as rows, all at once, in the latent's precision.

    Args:
        function: f, from a latent to features, differentiable in forward mode.
        latent: z.
        start: The first column.
        stop: The one after the last.
    """

    def column(direction: Tensor) -> Tensor:
        # J v
        derivative: Tensor = jvp(function, (latent,), (direction,))[1]
        return derivative

    directions = torch.zeros(stop - start, len(latent), dtype=latent.dtype, device=latent.device)
    directions[:, start:stop].fill_diagonal_(1)
    with torch.no_grad():
        columns: Tensor = vmap(column)(directions)
    return columns


def jacobian_in_pieces(
    function: Callable[[Tensor], Tensor], latent: Float[Tensor, " n"], block: int
) -> Generator[None, None, Float[Tensor, "n features"]]:
    """J = ∂f/∂z, its columns as rows, so many at a time, in the latent's precision; yields after each of these blocks.

    Args:
        function: As for `jacobian_columns`.
        latent: z.
        block: How many columns are computed at once.
    """
    n = len(latent)
    first = jacobian_columns(function, latent, 0, min(block, n))
    yield
    if block >= n:
        return first
    # Written into one piece of memory: gathering them at the end would take them twice.
    jacobian = first.new_empty(n, first.shape[1])
    jacobian[:block] = first
    del first
    for start in range(block, n, block):
        stop = min(start + block, n)
        jacobian[start:stop] = jacobian_columns(function, latent, start, stop)
        yield
    return jacobian


def inner_products(
    left: Float[Tensor, "a features"], right: Float[Tensor, "b features"], at_once: int = FEATURES_AT_ONCE
) -> Float64[Tensor, "a b"]:
    """The products of rows with rows, in float64, so many features at a time."""
    return finish(inner_products_in_pieces(left, right, at_once))


def inner_products_in_pieces(
    left: Float[Tensor, "a features"], right: Float[Tensor, "b features"], at_once: int = FEATURES_AT_ONCE
) -> Generator[None, None, Float64[Tensor, "a b"]]:
    """As `inner_products`; yields after every so many features."""
    products = torch.zeros(len(left), len(right), dtype=torch.float64, device=left.device)
    for start in range(0, left.shape[1], at_once):
        part = left[:, start : start + at_once].double()
        other = part if right is left else right[:, start : start + at_once].double()
        products.addmm_(part, other.T)
        yield
    return products
