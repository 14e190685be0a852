"""Walks of an analysis, as numbers: how far images go in the latent space, and where they fall apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pullback_client.wire.codec import Array
from pullback_client.wire.records import Sized


@dataclass(frozen=True, eq=False)
class DistanceCurves:
    """Image distance from the start along directions of different rank (Wang & Ponce, ICLR 2021, Fig. 1).

    Attributes:
        steps: Signed lengths of the way, latent units, ascending; float64, shape (steps,).
        top: Along the leading eigenvectors of the mean metric, the first one first; float64, shape (positions, axes,
            steps).
        random: Along random directions, another draw at every position; same shape.
        bottom: Along the last eigenvectors, the last one last; same shape.
    """

    steps: Annotated[Array, Sized("steps")]
    top: Annotated[Array, Sized("positions axes steps")]
    random: Annotated[Array, Sized("positions axes steps")]
    bottom: Annotated[Array, Sized("positions axes steps")]


@dataclass(frozen=True, eq=False)
class DensityDrift:
    """How far walks along the leading eigenvector leave the density of their start (DP-LaSE, ACM MM 2021, Sec. 4.3).

    Attributes:
        traversal: `linear`, `spherical` or `density_preserving`.
        steps: Signed, latent units, ascending; float64, shape (steps,).
        norms: ‖z‖/‖z₀‖ − 1, float64, shape (positions, steps).
        log_densities: log p(z) − log p(z₀), float64, shape (positions, steps).
    """

    traversal: str
    steps: Annotated[Array, Sized("steps")]
    norms: Annotated[Array, Sized("positions steps")]
    log_densities: Annotated[Array, Sized("positions steps")]


@dataclass(frozen=True, eq=False)
class SubspaceDistances:
    """Distances on the Grassmannian between one kind of pairs of bases of W.

    Attributes:
        kind: `random` subspaces; `far`, Local Bases of two latents drawn from the prior; `close`, of a latent and of a
            close one; `ganspace_pca` and `sefa`, a Local Basis and these global directions.
        geodesic: ‖θ‖₂ of the principal angles θ, from 0 to √k π/2; float64, shape (pairs, ks).
        projection: ‖P₁ − P₂‖₂, from 0 to 1; float64, shape (pairs, ks).
    """

    kind: str
    geodesic: Annotated[Array, Sized("pairs ks")]
    projection: Annotated[Array, Sized("pairs ks")]


@dataclass(frozen=True, eq=False)
class Warpage:
    """How much W is warped (Choi et al., ICLR 2022, Fig. 8).

    Attributes:
        ks: Numbers of leading dimensions k, ascending.
        epsilon: How far close latents are apart in Z.
        kinds: Distances by kind of pairs.
    """

    ks: Annotated[tuple[int, ...], Sized("ks")]
    epsilon: float
    kinds: tuple[SubspaceDistances, ...]


@dataclass(frozen=True, eq=False)
class PerturbationCurve:
    """Fréchet distances along one kind of direction; NaN where the mapping network does not carry a curve so far.

    Attributes:
        way: `curve`, `local_basis`, `ganspace_pca` or `sefa`: along its first axis.
        unmoved: The distance of the images before they are moved: what the number of images alone makes.
        distances: Of the images at each strength, float64, shape (strengths,).
    """

    way: str
    unmoved: float
    distances: Annotated[Array, Sized("strengths")]

    @property
    def rises(self) -> Array:
        """How much each strength adds to the distance of the unmoved images, shape (strengths,)."""
        added: Array = self.distances - self.unmoved
        return added


@dataclass(frozen=True, eq=False)
class Robustness:
    """How images fall apart as latents are moved in W (Choi et al., ICLR 2022, Fig. 4).

    Attributes:
        embedding: The embedding that Fréchet distances, from images of the generator's own prior, are taken in.
        images: Number of images in each set.
        strengths: Lengths of the way in W, above 0, ascending; float64, shape (strengths,).
        curves: Distances by what the latents are moved along.
    """

    embedding: str
    images: int
    strengths: Annotated[Array, Sized("strengths")]
    curves: tuple[PerturbationCurve, ...]


@dataclass(frozen=True, eq=False)
class VariationDistances:
    """Fréchet distances of images changed along one set of directions; NaN where its directions were not found.

    Attributes:
        kind: `hessian`: eigenvectors of the mean metric; `ganspace_pca`; `ica_mixing` and `ica_unmixing`: GANSpace with
            independent components; `random`: random directions.
        space: The space that they lie in.
        distances: At each strength, float64, shape (strengths,).
    """

    kind: str
    space: str
    distances: Annotated[Array, Sized("strengths")]


@dataclass(frozen=True, eq=False)
class Variations:
    """How far images go when each is changed by a random step along one of a set of directions.

    Palaev et al. (ICLR 2023, Tiny Papers), Tables 1 to 3.

    Attributes:
        embedding: The embedding that Fréchet distances, from the same images before, are taken in.
        images: Number of images in each set.
        directions: Number of leading directions in each set.
        strengths: s of the step α ~ U[−s, s], in units of the deviation of the prior in the space of the directions,
            ascending; float64, shape (strengths,).
        sets: Distances by the set of directions.
    """

    embedding: str
    images: int
    directions: int
    strengths: Annotated[Array, Sized("strengths")]
    sets: tuple[VariationDistances, ...]


@dataclass(frozen=True, eq=False)
class TraversalDistances:
    """Distances of one kind of walk.

    Attributes:
        traversal: `linear`, `spherical` or `density_preserving`.
        distances: Float64, of the shape that the record around it says.
    """

    traversal: str
    distances: Annotated[Array, Sized("")]


@dataclass(frozen=True, eq=False)
class WalkDistances:
    """How far images go along random directions, by the kind of walk (DP-LaSE, ACM MM 2021, Fig. 5 (b) and 10).

    Attributes:
        steps: ε, above 0, latent units, ascending; float64, shape (steps,).
        traversals: Image distance from the start under the analysed distance, shape (positions, directions, steps), by
            the kind of walk, at least one; every kind takes the same starts and directions.
    """

    steps: Annotated[Array, Sized("steps")]
    traversals: Annotated[tuple[TraversalDistances, ...], Sized("positions directions steps", some=True)]


@dataclass(frozen=True, eq=False)
class WalkQuality:
    """How well images keep to those of the prior after a step along a random direction (DP-LaSE, Table 1).

    Attributes:
        embedding: The embedding that Fréchet distances, from images of other draws of the prior, are taken in.
        images: Number of images in each set.
        strides: ε, above 0, latent units, ascending; float64, shape (strides,).
        unmoved: The distance of the images before they are moved: what the number of images alone makes.
        traversals: Distances at each stride, shape (strides,), by the kind of walk, at least one.
    """

    embedding: str
    images: int
    strides: Annotated[Array, Sized("strides")]
    unmoved: float
    traversals: Annotated[tuple[TraversalDistances, ...], Sized("strides", some=True)]


@dataclass(frozen=True, eq=False)
class WalkStatistics:
    """Statistics of walks in the latent space.

    Attributes:
        distance_curves: How far images go along directions of different rank.
        density_drifts: Iso-density drift by traversal; none where the prior is not normal.
        warpage: Of W; None without a mapping network.
        robustness: In W; None without a mapping network.
        variations: Along sets of directions; None without a mapping network, or in an older analysis.
        walk_distances: Along random directions, by traversal; None where the prior is not normal, or in an older
            analysis.
        walk_quality: After a random walk, by traversal; None where the prior is not normal, for sounds, or in an older
            analysis.
    """

    distance_curves: DistanceCurves
    density_drifts: tuple[DensityDrift, ...]
    warpage: Warpage | None
    robustness: Robustness | None
    variations: Variations | None
    walk_distances: WalkDistances | None
    walk_quality: WalkQuality | None
