"""Local Basis: Choi et al., "Do not escape from the manifold", ICLR 2022."""

from __future__ import annotations

from torch import Tensor

from pullback.directions.direction_set import DirectionSet
from pullback.directions.mapping_basis import mapping_basis, mapping_of
from pullback.directions.origins import check_count, origin_of
from pullback.generators.generator import Generator
from pullback.geometry.point import checked_latent


def local_basis(generator: Generator, latent: Tensor, k: int) -> DirectionSet:
    """The k directions in which w moves most when z does, at one z.

    Singular vectors of the mapping network's Jacobian (Choi et al., ICLR 2022, Eq. 3 and 4): the left ones are
    directions of `w`, the right ones, kept beside them, the steps of z that make them.

    Args:
        generator: A style-based generator.
        latent: z, where to look, shape (d,), of space `z`.
        k: How many, from 1 to d.

    Returns:
        Directions of `w` whose values are the singular values and whose base is z, not yet measured.

    Raises:
        InvalidInputError: The generator has no mapping network, z has another shape or is not finite, or k is out of
            range.
        PullbackError: The derivative is not finite.
    """
    mapping = mapping_of(generator)
    z = checked_latent(generator, latent, "z")
    check_count(k, len(z), "w")
    found = mapping_basis(mapping, z)
    return DirectionSet(
        found.left[:, :k].T.cpu().numpy(),
        found.values[:k].cpu().numpy(),
        origin_of(generator, "w", "local_basis"),
        input_vectors=found.right[:, :k].T.cpu().numpy(),
        base=z.double().cpu().numpy(),
    )
