"""Tangent space of a mapping network's image: Choi et al., ICLR 2022."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator
from pullback.generators.style_based.generator import StyleBased
from pullback.geometry.precision import full_precision


@dataclass(frozen=True, eq=False)
class MappingBasis:
    """The singular value decomposition of a mapping network's Jacobian ∂w/∂z = L Σ Rᵀ at one latent, or at several.

    Float64, on the latents' device; of several latents each array has one more dimension in front. The entry of largest
    magnitude of each left vector is positive, and the right vector has the sign that belongs to it: a step σ⁻¹ along
    the right one moves w by 1 along the left one.

    Attributes:
        w: Where the latent is mapped to, shape (n,).
        left: L, unit vectors of W as columns, shape (n, r), r the lesser of both dimensions.
        values: σ, descending, shape (r,).
        right: R, unit vectors of Z as columns, shape (d, r).
    """

    w: Float64[Tensor, "*batch n"]
    left: Float64[Tensor, "*batch n r"]
    values: Float64[Tensor, "*batch r"]
    right: Float64[Tensor, "*batch d r"]


def mapping_basis(mapping: Callable[[Tensor], Tensor], z: Float[Tensor, " d"]) -> MappingBasis:
    """Local Basis: what w does when z moves, in order of how much (Choi et al., ICLR 2022, Eq. 3 and 4).

    The derivatives are taken in the precision of z; the decomposition is made in float64.

    Args:
        mapping: The mapping network, (B, d) → (B, n), each row by itself.
        z: The latent, shape (d,).

    Raises:
        PullbackError: The derivative is not finite.
    """
    found = mapping_bases(mapping, z[None])
    return MappingBasis(found.w[0], found.left[0], found.values[0], found.right[0])


def mapping_bases(mapping: Callable[[Tensor], Tensor], z: Float[Tensor, "batch d"]) -> MappingBasis:
    """The same at several latents at once, which takes a small part of the time of one after the other.

    Args:
        mapping: As for `mapping_basis`.
        z: Latents, shape (B, d).

    Raises:
        PullbackError: A derivative is not finite.
    """
    z = z.detach()
    with full_precision():
        with torch.no_grad():
            w = mapping(z)
        jacobian = _jacobian(mapping, z, w.shape[1]).double()
    if not jacobian.isfinite().all():
        raise PullbackError("the derivative of the mapping network at this latent is not finite; take another latent")
    # ∂w/∂z = L Σ Rᵀ
    left, values, right = torch.linalg.svd(jacobian, full_matrices=False)
    # Both vectors of a pair turn together.
    largest = left.gather(1, left.abs().argmax(dim=1, keepdim=True))
    signs = torch.where(largest < 0, -1.0, 1.0).to(left)
    return MappingBasis(w.double(), left * signs, values, right.mT * signs)


def _jacobian(mapping: Callable[[Tensor], Tensor], z: Tensor, n: int) -> Float[Tensor, "batch n d"]:
    """∂w/∂z of every latent.

    Each latent goes through the network n times side by side, and one backward pass gives ∂w_i/∂z of its copy i. For a
    network as small as a mapping that is many times faster than derivatives in forward mode, whose formulas torch puts
    together in Python.
    """
    copies = z.repeat_interleave(n, dim=0).requires_grad_()
    units = torch.eye(n, dtype=z.dtype, device=z.device).repeat(len(z), 1)
    with torch.enable_grad():
        (rows,) = torch.autograd.grad(mapping(copies), copies, units)
    jacobian: Tensor = rows.reshape(len(z), n, -1)
    return jacobian


def mapping_of(generator: Generator) -> Callable[[Tensor], Tensor]:
    """The mapping network of a style-based generator, z of shape (B, d) → w of shape (B, n), of its default class.

    Raises:
        InvalidInputError: The generator has none.
    """
    if not isinstance(generator, StyleBased):
        raise InvalidInputError(
            f"generator {generator.name!r} has no mapping network; take a style-based one, or another method"
        )
    return generator.mapped
