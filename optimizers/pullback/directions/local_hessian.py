"""Eigenvectors of the metric at one latent: Wang & Ponce, ICLR 2021."""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from pullback.directions.direction_set import DirectionSet
from pullback.directions.local_metric import metric_in_chunks
from pullback.directions.origins import check_count, origin_of
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.metric import metric_eigenpairs
from pullback.geometry.point import Point, checked_latent
from pullback.geometry.signs import signs_of
from pullback.pieces import finish

# Dimensions up to which the whole metric takes less than the iteration for its leading eigenpairs.
_MOST_DENSE = 1024


def local_hessian(generator: ImageGenerator, distance: Distance, latent: Tensor, space: str, k: int) -> DirectionSet:
    """The k leading eigenvectors of the metric at a latent (Wang & Ponce, ICLR 2021, Eq. 3).

    Exact, from the Gram matrix of the Jacobian; of more than 1,024 dimensions, from products with it; of a distance
    without an embedding, from double backward.

    Args:
        generator: The generator.
        distance: The distance, on the same device and in the same precision.
        latent: Where to look, shape (n,).
        space: Name of the latent's space.
        k: How many, from 1 to n.

    Returns:
        Directions whose values are the eigenvalues, not yet measured.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: The latent has another shape or is not finite, k is out of range, or generator and distance
            do not go together.
        PullbackError: A derivative of the distance is not finite.
    """
    return finish(local_hessian_in_chunks(generator, distance, latent, space, k))


def local_hessian_in_chunks(
    generator: ImageGenerator, distance: Distance, latent: Tensor, space: str, k: int
) -> Generator[None, None, DirectionSet]:
    """As `local_hessian`.

    Yields:
        Nothing, after every few derivatives: other work may be done then. The iteration of more than 1,024 dimensions
        is one piece.
    """
    latent = checked_latent(generator, latent, space)
    check_count(k, len(latent), space)
    method = "gram" if isinstance(distance, EmbeddingDistance) else "full_backprop"
    if method == "gram" and len(latent) > _MOST_DENSE:
        method = "gram_iteration"
        values, vectors = metric_eigenpairs(generator, distance, latent, space, method, k)
    else:
        metric = yield from metric_in_chunks(Point(generator, distance, latent, space))
        # H = U Λ Uᵀ; LAPACK's order is ascending.
        ascending, basis = torch.linalg.eigh(metric)
        values, vectors = ascending.flip(0)[:k], basis.flip(1)[:, :k]
    rows = vectors.T.cpu().numpy()
    origin = origin_of(
        generator, space, "local_hessian", distance=distance.name, distance_hash=distance.weights_hash, estimator=method
    )
    return DirectionSet(rows * signs_of(rows), values.cpu().numpy(), origin, base=latent.double().cpu().numpy())
