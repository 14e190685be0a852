"""SeFa: closed-form factorization of the weights that first meet a latent; Shen & Zhou, CVPR 2021."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pullback.directions.direction_set import DirectionSet
from pullback.directions.origins import check_count, origin_of
from pullback.generators.generator import Generator
from pullback.geometry.signs import signs_of


def sefa(generator: Generator, k: int, *, space: str, layers: Sequence[int] = ()) -> DirectionSet:
    """The k directions to which the first weights A answer most: eigenvectors of AᵀA (Shen & Zhou, CVPR 2021, Eq. 7).

    Every unit's weights are scaled to the length 1 first, as the authors' code does: units, and so layers, count alike
    whatever the scale that they came to.

    Args:
        generator: A generator that names its `first_weights`.
        k: How many, from 1 to n.
        space: Name of a latent space.
        layers: Layers of a style-based generator whose weights are taken, and on which a step acts; of none, all.

    Returns:
        Directions whose values are the eigenvalues, not yet measured.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: The generator does not say which weights these are or has no such layers, or k is out of
            range.
    """
    check_count(k, generator.space(space).dim, space)
    chosen = tuple(sorted(layers))
    weights = generator.first_weights(space, chosen).double()
    norms = weights.norm(dim=1, keepdim=True)
    # A unit that no latent reaches has no direction.
    units = weights[norms[:, 0] > 0] / norms[norms[:, 0] > 0]
    # AᵀA = U Λ Uᵀ, ascending
    values, vectors = torch.linalg.eigh(units.T @ units)
    rows = vectors.flip(1)[:, :k].T.cpu().numpy()
    origin = origin_of(generator, space, "sefa", layers=",".join(map(str, chosen)))
    return DirectionSet(rows * signs_of(rows), values.flip(0)[:k].cpu().numpy(), origin, layers=chosen)
