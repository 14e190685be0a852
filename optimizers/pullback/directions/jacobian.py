"""Singular vectors of the whole generator's Jacobian: Ramesh, Choi and LeCun, 2018."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.func import jvp, vjp, vmap

from pullback.directions.direction_set import DirectionSet
from pullback.directions.origins import check_count, origin_of
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.jacobian import inner_products
from pullback.geometry.point import checked_latent
from pullback.geometry.precision import full_precision
from pullback.geometry.seeding import derive_seed
from pullback.geometry.signs import signs_of
from pullback.pieces import finish

# Directions beyond the k that are asked for: the k-th converges as fast as the first of those that are left out allows.
_SURPLUS = 8
_AT_ONCE = 16


def jacobian(
    generator: ImageGenerator, latent: Tensor, space: str, k: int, iterations: int = 30, seed: int = 0
) -> DirectionSet:
    """The k directions along which the pixels change fastest at one latent.

    Right singular vectors of J = ∂G(z)/∂z (Ramesh et al., "A Spectral Regularizer for Unsupervised Disentanglement",
    2018), by subspace iteration with products J v in forward mode and Jᵀ u in backward mode: J is never held.

    Args:
        generator: The generator.
        latent: Where to look, shape (n,).
        space: Name of the latent's space; the other coordinates of the input stand at the default context.
        k: How many, from 1 to n.
        iterations: Of the subspace, at least 1; its error falls with (σ_{k+9} / σ_k)^2 at each.
        seed: Of the subspace that it begins with.

    Returns:
        Directions whose values are the singular values, not yet measured.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: The latent has another shape or is not finite, or a number is out of range.
        PullbackError: A derivative is not finite.
    """
    return finish(jacobian_in_chunks(generator, latent, space, k, iterations, seed))


def jacobian_in_chunks(
    generator: ImageGenerator, latent: Tensor, space: str, k: int, iterations: int = 30, seed: int = 0
) -> Generator[None, None, DirectionSet]:
    """As `jacobian`.

    Yields:
        Nothing, after every few products: other work may be done then.
    """
    latent = checked_latent(generator, latent, space)
    check_count(k, len(latent), space)
    if iterations < 1:
        raise InvalidInputError(f"the subspace takes at least 1 iteration, but iterations = {iterations} came")

    def image(z: Tensor) -> Tensor:
        return generator.render(z[None], space)[0].flatten()

    rng = torch.Generator().manual_seed(derive_seed(seed))
    start = torch.randn(len(latent), min(k + _SURPLUS, len(latent)), generator=rng, dtype=torch.float64)
    values, vectors = yield from _leading_pairs(image, latent, start.to(latent.device), iterations)
    rows = vectors[:, :k].T.cpu().numpy()
    origin = origin_of(generator, space, "jacobian", k=k, iterations=iterations, seed=seed)
    return DirectionSet(rows * signs_of(rows), values[:k].cpu().numpy(), origin, base=latent.double().cpu().numpy())


def _leading_pairs(
    function: Callable[[Tensor], Tensor], latent: Tensor, start: Float64[Tensor, "n b"], iterations: int
) -> Generator[None, None, tuple[Float64[Tensor, " b"], Float64[Tensor, "n b"]]]:
    """Leading singular values of ∂f/∂z, descending, and right singular vectors as columns."""
    with full_precision():
        pull: Callable[[Tensor], tuple[Tensor]] = vjp(function, latent)[1]

    def push(direction: Tensor) -> Tensor:
        # J v
        derivative: Tensor = jvp(function, (latent,), (direction,))[1]
        return derivative

    def product(direction: Tensor) -> Tensor:
        # Jᵀ(J v)
        return pull(push(direction))[0]

    def of_columns(
        map_of_one: Callable[[Tensor], Tensor], block: Float64[Tensor, "n b"]
    ) -> Generator[None, None, Tensor]:
        found = []
        for directions in torch.split(block.T.to(latent.dtype), _AT_ONCE):
            with torch.no_grad(), full_precision():
                found.append(vmap(map_of_one)(directions))
            if not found[-1].isfinite().all():
                raise PullbackError("the derivative of the image at this latent is not finite; take another latent")
            yield
        return torch.cat(found)

    block = torch.linalg.qr(start).Q
    # A block that spans the whole space has nowhere to turn.
    for _ in range(iterations if block.shape[1] < len(latent) else 0):
        # V ← orth(Jᵀ J V)
        multiplied = yield from of_columns(product, block)
        block = torch.linalg.qr(multiplied.double().T).Q
    # Rayleigh–Ritz: (J V)ᵀ(J V) = S Σ² Sᵀ, singular vectors V S.
    pushed = yield from of_columns(push, block)
    squares, rotation = torch.linalg.eigh(inner_products(pushed, pushed))
    return squares.flip(0).clamp(min=0).sqrt(), block @ rotation.flip(1)
