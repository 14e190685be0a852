"""Singular vectors of the whole generator's Jacobian: Ramesh, Choi and LeCun, 2018."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.func import jvp, vjp, vmap

from pullback.directions.direction_set import DirectionSet
from pullback.directions.origins import check_count, origin_of
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.point import checked_latent
from pullback.geometry.pointwise.gram_iteration import RandomDirections, block_lanczos, tolerance_of
from pullback.geometry.pointwise.jacobian import HELD_BYTES, inner_products
from pullback.geometry.precision import in_full_precision
from pullback.geometry.signs import signs_of
from pullback.pieces import in_pieces

# Directions of a block, which go through the generator at once: of fewer the space grows by more with each product.
_WIDTH = 8


@in_pieces
def jacobian(
    generator: ImageGenerator, latent: Tensor, space: str, k: int, iterations: int = 30, seed: int = 0
) -> Generator[None, None, DirectionSet]:
    """The k directions along which the pixels change fastest at one latent.

    Right singular vectors of J = ∂G(z)/∂z (Ramesh et al., "A Spectral Regularizer for Unsupervised Disentanglement",
    2018), by block Lanczos over products Jᵀ(J v), forward mode then backward mode: J is never held.

    Args:
        generator: The generator.
        latent: Where to look, shape (n,).
        space: Name of the latent's space; the other coordinates of the input stand at the default context.
        k: How many, from 1 to n.
        iterations: At least 1: the directions are as near as they have come after so many products for each of them,
            where they are not found before.
        seed: Of the directions that it begins with.

    Yields:
        Nothing, after every few products: other work may be done then.

    Returns:
        Directions whose values are the singular values, not yet measured.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: The latent has another shape or is not finite, or a number is out of range.
        PullbackError: A derivative is not finite.
    """
    latent = checked_latent(generator, latent, space)
    check_count(k, len(latent), space)
    if iterations < 1:
        raise InvalidInputError(f"the subspace takes at least 1 iteration, but iterations = {iterations} came")

    def image(z: Tensor) -> Tensor:
        return generator.render(z[None], space)[0].flatten()

    values, vectors = yield from in_full_precision(_leading_pairs(image, latent, k, iterations, seed))
    rows = vectors.T.cpu().numpy()
    origin = origin_of(generator, space, "jacobian", k=k, iterations=iterations, seed=seed)
    return DirectionSet(rows * signs_of(rows), values.cpu().numpy(), origin, base=latent.double().cpu().numpy())


def _leading_pairs(
    function: Callable[[Tensor], Tensor], latent: Tensor, k: int, iterations: int, seed: int
) -> Generator[None, None, tuple[Float64[Tensor, " k"], Float64[Tensor, "n k"]]]:
    """Leading singular values of ∂f/∂z, descending, and right singular vectors as columns."""
    n = len(latent)
    with torch.no_grad():
        outputs = function(latent).numel()
    pull: Callable[[Tensor], tuple[Tensor]] = vjp(function, latent)[1]

    def push(direction: Tensor) -> Tensor:
        # J v
        derivative: Tensor = jvp(function, (latent,), (direction,))[1]
        return derivative

    def product(block: Float64[Tensor, "n b"]) -> Float64[Tensor, "n b"]:
        # Jᵀ(J V)
        return _of_columns(lambda direction: pull(push(direction))[0], block.to(latent.dtype)).T.double()

    if n > k + _WIDTH:
        directions = RandomDirections(n, seed, latent.device)
        _, vectors = yield from block_lanczos(
            product,
            directions,
            k,
            tolerance=tolerance_of(latent.dtype),
            width=_WIDTH,
            products=max(k * iterations, k + 2 * _WIDTH),
        )
    else:
        vectors = torch.eye(n, dtype=torch.float64, device=latent.device)
    if vectors.shape[1] * outputs * latent.element_size() <= HELD_BYTES:
        images = yield from _in_blocks(lambda block: _of_columns(push, block), vectors.to(latent.dtype))
        # (J V)ᵀ(J V): squares of small values would be lost in Jᵀ(J V).
        squares = inner_products(images, images)
    else:
        squares = (yield from _in_blocks(lambda block: product(block).T, vectors)) @ vectors
    # Rayleigh–Ritz: VᵀJᵀJ V = S Σ² Sᵀ, singular vectors V S
    ascending, rotation = torch.linalg.eigh((squares + squares.T) / 2)
    return ascending.flip(0)[:k].clamp(min=0).sqrt(), vectors @ rotation.flip(1)[:, :k]


def _in_blocks(
    rows_of: Callable[[Tensor], Tensor], columns: Float[Tensor, "n b"]
) -> Generator[None, None, Float[Tensor, "b m"]]:
    """A row for each column, so many at a time."""
    found = []
    for block in torch.split(columns, _WIDTH, dim=1):
        found.append(rows_of(block))
        yield
    return torch.cat(found)


def _of_columns(map_of_one: Callable[[Tensor], Tensor], block: Float[Tensor, "n b"]) -> Float[Tensor, "b m"]:
    """What a linear map makes of each column, as rows."""
    with torch.no_grad():
        found: Tensor = vmap(map_of_one)(block.T)
    if not found.isfinite().all():
        raise PullbackError("the derivative of the image at this latent is not finite; take another latent")
    return found
