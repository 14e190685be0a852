"""Warpage of a mapping network's image: distances between its tangent spaces, and to global directions.

Choi et al., "Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of GANs" (ICLR
2022), Sec. 4, Fig. 8 and 10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

from pullback.directions.mapping_basis import mapping_bases, mapping_of
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.geometry.seeding import derive_seed
from pullback.geometry.statistics.subspaces import principal_angles, random_subspace

KS = (1, 2, 5, 10, 20, 50)
# Latents whose bases are computed at once.
_AT_ONCE = 16
# Places of the seeds of what is drawn here.
_SECOND, _NEIGHBOUR, _CONTROL = 0, 1, 2


@dataclass(frozen=True, eq=False)
class SubspaceDistances:
    """Distances on the Grassmannian between the k leading dimensions of pairs of bases.

    Attributes:
        ks: Numbers of dimensions k.
        geodesic: ‖θ‖₂ of the principal angles θ (Eq. 14), from 0 to √k π/2, shape (pairs, ks).
        projection: ‖P₁ − P₂‖₂ (Eq. 13), from 0 to 1, shape (pairs, ks).
    """

    ks: tuple[int, ...]
    geodesic: Float64[np.ndarray, "pairs ks"]
    projection: Float64[np.ndarray, "pairs ks"]


@dataclass(frozen=True, eq=False)
class Warpage:
    """What Fig. 8 and 10 show; a warped space has `far` much above `close`, and `to_global` in between.

    Attributes:
        random: Between random subspaces: no alignment at all.
        far: Between the Local Bases of two latents drawn from the prior.
        close: Between those of a latent and of one at this distance ε from it in z, by ε.
        to_global: Between a Local Basis and global directions, by their name.
    """

    random: SubspaceDistances
    far: SubspaceDistances
    close: dict[float, SubspaceDistances]
    to_global: dict[str, SubspaceDistances]


def warpage(
    generator: Generator,
    *,
    ks: Sequence[int] = KS,
    samples: int = 100,
    epsilons: Sequence[float] = (0.1,),
    references: Mapping[str, NDArray[np.float64]] | None = None,
    seed: int = 0,
) -> Warpage:
    """Measures a style-based generator's W.

    Args:
        generator: The generator.
        ks: Numbers of leading dimensions; those above the dimension of w are left out.
        samples: Pairs of each kind, at least 1; the paper took 1,000, and 100 of random subspaces.
        epsilons: ε = ‖z' − z‖ of close pairs, above 0.
        references: Global directions of w by name, one a row, in order, shape (at least the largest k, n); their spans
            count, so they need not be orthogonal.
        seed: Any integer ≥ 0.

    Raises:
        InvalidInputError: The generator has no mapping network, a number is out of range, or a reference has another
            shape or vectors that depend on each other.
    """
    mapping, space = mapping_of(generator), generator.space("z")
    if samples < 1:
        raise InvalidInputError(f"at least 1 pair is looked at, but samples = {samples} came")
    if unfit := [epsilon for epsilon in epsilons if not 0 < epsilon < float("inf")]:
        raise InvalidInputError(f"close latents are a finite way above 0 apart, but ε = {unfit[0]} came")

    def bases(latents: Tensor) -> list[NDArray[np.float64]]:
        parts = torch.split(latents.to(generator.device, generator.dtype), _AT_ONCE)
        return [left for part in parts for left in mapping_bases(mapping, part).left.cpu().numpy()]

    z = space.sample(samples, seed)
    here = bases(z)
    dim, most = here[0].shape
    given, ks = ks, tuple(k for k in ks if k <= most)
    if not ks:
        raise InvalidInputError(f"subspaces of w have 1 to {most} dimensions, but ks = {list(given)} came")
    spans = {name: _span(vectors, name, dim, max(ks)) for name, vectors in (references or {}).items()}
    # ε e with a unit vector e in every direction alike
    aside = torch.randn(z.shape, generator=torch.Generator().manual_seed(derive_seed(seed, _NEIGHBOUR)))
    aside = aside / torch.linalg.vector_norm(aside, dim=1, keepdim=True)
    return Warpage(
        random=random_distances(dim, ks, samples, derive_seed(seed, _CONTROL)),
        far=subspace_distances(here, bases(space.sample(samples, derive_seed(seed, _SECOND))), ks),
        close={epsilon: subspace_distances(here, bases(z + epsilon * aside), ks) for epsilon in epsilons},
        to_global={name: subspace_distances(here, [span] * samples, ks) for name, span in spans.items()},
    )


def random_distances(dim: int, ks: Sequence[int], pairs: int, seed: int = 0) -> SubspaceDistances:
    """Distances between random subspaces ("Random O(d)"): what no alignment at all looks like.

    Args:
        dim: Dimension of the space.
        ks: Numbers of dimensions of the subspaces, each from 1 to `dim`.
        pairs: How many pairs.
        seed: Any integer ≥ 0.

    Raises:
        InvalidInputError: A number is out of range.
    """
    first, second = (
        [random_subspace(dim, max(ks), derive_seed(seed, pair, side)) for pair in range(pairs)] for side in range(2)
    )
    return subspace_distances(first, second, ks)


def subspace_distances(
    first: Sequence[NDArray[np.float64]], second: Sequence[NDArray[np.float64]], ks: Sequence[int]
) -> SubspaceDistances:
    """Distances between the k leading columns of pairs of bases.

    Args:
        first: Orthonormal columns, shape (n, m) each.
        second: As many again.
        ks: Numbers of columns, each from 1 to m.

    Raises:
        InvalidInputError: A k is out of range, or columns are not orthonormal.
    """
    geodesic, projection = np.empty((2, len(first), len(ks)))
    for pair, (one, other) in enumerate(zip(first, second, strict=True)):
        for column, k in enumerate(ks):
            if not 1 <= k <= min(one.shape[1], other.shape[1]):
                raise InvalidInputError(f"k is from 1 to the number of directions, {one.shape[1]}, but {k} came")
            angles = principal_angles(one[:, :k], other[:, :k])
            geodesic[pair, column] = np.linalg.norm(angles)
            # ‖P₁ − P₂‖₂ is the sine of the largest angle.
            projection[pair, column] = np.sin(angles[-1])
    return SubspaceDistances(tuple(ks), geodesic, projection)


def _span(vectors: NDArray[np.float64], name: str, dim: int, most: int) -> Float64[np.ndarray, "n k"]:
    """Orthonormal columns whose k leading ones span the k leading rows, for every k."""
    if vectors.ndim != 2 or vectors.shape[1] != dim or len(vectors) < most:
        raise InvalidInputError(
            f"{name}: at least {most} directions of {dim} coordinates are compared, one a row, but shape "
            f"{vectors.shape} came; take more of them or smaller ks"
        )
    columns, triangle = np.linalg.qr(vectors[:most].T.astype(np.float64))
    if (np.abs(np.diag(triangle)) < 1e-10 * np.abs(triangle).max()).any():
        raise InvalidInputError(f"{name}: these directions depend on each other, so they span fewer dimensions")
    return columns
