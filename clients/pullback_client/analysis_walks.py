"""What an analysis says of walks in the latent space, as numbers: how far images go, and where they fall apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pullback_api.v1 import analysis_pb2
from pullback_client.codec import Array, shaped_array
from pullback_client.errors import BadResponseError

_Record = TypeVar("_Record")


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

    steps: Array
    top: Array
    random: Array
    bottom: Array


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
    steps: Array
    norms: Array
    log_densities: Array


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
    geodesic: Array
    projection: Array


@dataclass(frozen=True, eq=False)
class Warpage:
    """How much W is warped (Choi et al., ICLR 2022, Fig. 8).

    Attributes:
        ks: Numbers of leading dimensions k, ascending.
        epsilon: How far close latents are apart in Z.
        kinds: Distances by kind of pairs.
    """

    ks: tuple[int, ...]
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
    distances: Array

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
    strengths: Array
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
    distances: Array


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
    strengths: Array
    sets: tuple[VariationDistances, ...]


@dataclass(frozen=True, eq=False)
class TraversalDistances:
    """Distances of one kind of walk.

    Attributes:
        traversal: `linear`, `spherical` or `density_preserving`.
        distances: Float64, of the shape that the record around it says.
    """

    traversal: str
    distances: Array


@dataclass(frozen=True, eq=False)
class WalkDistances:
    """How far images go along random directions, by the kind of walk (DP-LaSE, ACM MM 2021, Fig. 5 (b) and 10).

    Attributes:
        steps: ε, above 0, latent units, ascending; float64, shape (steps,).
        traversals: Image distance from the start under the analysed distance, shape (positions, directions, steps), by
            the kind of walk, at least one; every kind takes the same starts and directions.
    """

    steps: Array
    traversals: tuple[TraversalDistances, ...]


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
    strides: Array
    unmoved: float
    traversals: tuple[TraversalDistances, ...]


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

    @classmethod
    def from_wire(cls, message: analysis_pb2.WalkStatistics, what: str) -> WalkStatistics:
        """The record of a message.

        Args:
            message: From the wire.
            what: Name of the message, for errors.

        Raises:
            BadResponseError: An array cannot be read, or has another shape than the others.
        """
        return cls(
            distance_curves=_curves(message.distance_curves, f"{what}.distance_curves"),
            density_drifts=tuple(
                _drift(drift, f"{what}.density_drifts[{number}]") for number, drift in enumerate(message.density_drifts)
            ),
            warpage=_optional(message, "warpage", what, _warpage),
            robustness=_optional(message, "robustness", what, _robustness),
            variations=_optional(message, "variations", what, _variations),
            walk_distances=_optional(message, "walk_distances", what, _walk_distances),
            walk_quality=_optional(message, "walk_quality", what, _walk_quality),
        )


def _optional(
    message: analysis_pb2.WalkStatistics, field: str, what: str, read: Callable[[Any, str], _Record]
) -> _Record | None:
    """The record of a field of a message; None where it was not sent."""
    return read(getattr(message, field), f"{what}.{field}") if message.HasField(field) else None


def _curves(message: analysis_pb2.DistanceCurves, what: str) -> DistanceCurves:
    steps = tuple(message.steps.shape[:1])
    shape = (*message.top.shape[:2], *steps)
    return DistanceCurves(
        steps=shaped_array(message.steps, f"{what}.steps", steps),
        top=shaped_array(message.top, f"{what}.top", shape),
        random=shaped_array(message.random, f"{what}.random", shape),
        bottom=shaped_array(message.bottom, f"{what}.bottom", shape),
    )


def _drift(message: analysis_pb2.DensityDrift, what: str) -> DensityDrift:
    steps = tuple(message.steps.shape[:1])
    shape = (*message.norms.shape[:1], *steps)
    return DensityDrift(
        traversal=message.traversal,
        steps=shaped_array(message.steps, f"{what}.steps", steps),
        norms=shaped_array(message.norms, f"{what}.norms", shape),
        log_densities=shaped_array(message.log_densities, f"{what}.log_densities", shape),
    )


def _warpage(message: analysis_pb2.Warpage, what: str) -> Warpage:
    ks = tuple(message.ks)
    kinds = []
    for number, kind in enumerate(message.kinds):
        where, shape = f"{what}.kinds[{number}]", (*kind.geodesic.shape[:1], len(ks))
        geodesic = shaped_array(kind.geodesic, f"{where}.geodesic", shape)
        projection = shaped_array(kind.projection, f"{where}.projection", shape)
        kinds.append(SubspaceDistances(kind.kind, geodesic, projection))
    return Warpage(ks, message.epsilon, tuple(kinds))


def _robustness(message: analysis_pb2.Robustness, what: str) -> Robustness:
    strengths = tuple(message.strengths.shape[:1])
    return Robustness(
        embedding=message.embedding,
        images=message.images,
        strengths=shaped_array(message.strengths, f"{what}.strengths", strengths),
        curves=tuple(
            PerturbationCurve(
                curve.way,
                curve.unmoved,
                shaped_array(curve.distances, f"{what}.curves[{number}].distances", strengths),
            )
            for number, curve in enumerate(message.curves)
        ),
    )


def _variations(message: analysis_pb2.Variations, what: str) -> Variations:
    strengths = tuple(message.strengths.shape[:1])
    return Variations(
        embedding=message.embedding,
        images=message.images,
        directions=message.directions,
        strengths=shaped_array(message.strengths, f"{what}.strengths", strengths),
        sets=tuple(
            VariationDistances(
                each.kind, each.space, shaped_array(each.distances, f"{what}.sets[{number}].distances", strengths)
            )
            for number, each in enumerate(message.sets)
        ),
    )


def _walk_distances(message: analysis_pb2.WalkDistances, what: str) -> WalkDistances:
    steps = tuple(message.steps.shape[:1])
    first = tuple(message.traversals[0].distances.shape[:2]) if message.traversals else ()
    return WalkDistances(
        steps=shaped_array(message.steps, f"{what}.steps", steps),
        traversals=_traversals(message.traversals, f"{what}.traversals", (*first, *steps)),
    )


def _walk_quality(message: analysis_pb2.WalkQuality, what: str) -> WalkQuality:
    strides = tuple(message.strides.shape[:1])
    return WalkQuality(
        embedding=message.embedding,
        images=message.images,
        strides=shaped_array(message.strides, f"{what}.strides", strides),
        unmoved=message.unmoved,
        traversals=_traversals(message.traversals, f"{what}.traversals", strides),
    )


def _traversals(
    messages: Iterable[analysis_pb2.TraversalDistances], what: str, shape: tuple[int, ...]
) -> tuple[TraversalDistances, ...]:
    found = tuple(
        TraversalDistances(each.traversal, shaped_array(each.distances, f"{what}[{number}].distances", shape))
        for number, each in enumerate(messages)
    )
    if not found:
        raise BadResponseError(f"{what} are missing")
    return found
