"""Statistics of walks as a server sends them: numbers of the right shape and kind, with known means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pullback_api.tensors import pack
from pullback_api.v1 import analysis_pb2

KS = (1, 2, 5)
STEPS = np.linspace(-3, 3, 5)


def sample_walks(positions: int) -> analysis_pb2.WalkStatistics:
    """Every section, as of a style-based generator whose analysed space is normal."""
    squares = np.broadcast_to(STEPS**2, (positions, 2, len(STEPS)))
    return analysis_pb2.WalkStatistics(
        distance_curves=analysis_pb2.DistanceCurves(
            steps=pack(STEPS), top=pack(squares * 2.0), random=pack(squares * 0.5), bottom=pack(squares * 0.01)
        ),
        density_drifts=[
            _drift("linear", np.broadcast_to(-(STEPS**2) / 2, (positions, len(STEPS)))),
            _drift("spherical", np.zeros((positions, len(STEPS)))),
            _drift("density_preserving", np.zeros((positions, len(STEPS)))),
        ],
        warpage=analysis_pb2.Warpage(
            ks=KS,
            epsilon=0.1,
            kinds=[
                _subspace_distances(kind, level)
                for kind, level in (("random", 1.5), ("far", 1.2), ("close", 0.1), ("ganspace_pca", 0.8), ("sefa", 1.3))
            ],
        ),
        robustness=analysis_pb2.Robustness(
            embedding="fake-pooled",
            images=200,
            strengths=pack(np.array([2.0, 12.0])),
            curves=[
                analysis_pb2.PerturbationCurve(way=way, unmoved=5.0, distances=pack(np.array([6.0, 5.0 + rise])))
                for way, rise in (("curve", 2.0), ("local_basis", 4.0), ("ganspace_pca", 9.0), ("sefa", np.nan))
            ],
        ),
        variations=analysis_pb2.Variations(
            embedding="fake-pooled",
            images=100,
            directions=20,
            strengths=pack(np.array([3.0, 6.0])),
            sets=[
                analysis_pb2.VariationDistances(kind=name, space=space, distances=pack(np.array([level, 2 * level])))
                for name, space, level in (
                    ("hessian", "z", 3.0),
                    ("ganspace_pca", "w", 4.0),
                    ("ica_mixing", "w", 5.0),
                    ("ica_unmixing", "w", np.nan),
                    ("random", "w", 1.5),
                )
            ],
        ),
        walk_distances=analysis_pb2.WalkDistances(
            steps=pack(np.array([5.0, 10.0])),
            traversals=[
                _traversal(name, np.broadcast_to([level, 2 * level], (positions, 2, 2)))
                for name, level in (("linear", 4.0), ("spherical", 3.5), ("density_preserving", 3.0))
            ],
        ),
        walk_quality=analysis_pb2.WalkQuality(
            embedding="fake-pooled",
            images=120,
            strides=pack(np.array([5.0, 10.0])),
            unmoved=5.0,
            traversals=[
                _traversal(name, np.array([5.0 + level, 5.0 + 2 * level]))
                for name, level in (("linear", 20.0), ("spherical", 0.2), ("density_preserving", 0.1))
            ],
        ),
    )


def _traversal(traversal: str, distances: NDArray[np.float64]) -> analysis_pb2.TraversalDistances:
    return analysis_pb2.TraversalDistances(traversal=traversal, distances=pack(distances))


def _drift(traversal: str, log_densities: NDArray[np.float64]) -> analysis_pb2.DensityDrift:
    return analysis_pb2.DensityDrift(
        traversal=traversal, steps=pack(STEPS), norms=pack(-log_densities / 50), log_densities=pack(log_densities)
    )


def _subspace_distances(kind: str, level: float) -> analysis_pb2.SubspaceDistances:
    geodesic = np.outer([0.9, 1.1], level * np.sqrt(KS))
    return analysis_pb2.SubspaceDistances(kind=kind, geodesic=pack(geodesic), projection=pack(np.sin(geodesic / 3)))
