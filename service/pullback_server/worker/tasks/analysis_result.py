"""Result of an analysis as a message of the contract."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from pullback.analysis.mapping_units import EPSILON
from pullback.analysis.metric_analysis import MetricAnalysis
from pullback.analysis.metric_findings import Axis, ComparisonFindings, Findings, LayerFindings, SpectrumFindings
from pullback.analysis.walk_findings import (
    DriftFindings,
    VariationFindings,
    WalkDistanceFindings,
    WalkFindings,
    WalkQualityFindings,
)
from pullback.directions.statistics import PerturbationDistances, SubspaceDistances, Warpage
from pullback.geometry.statistics import Homogeneity
from pullback_api.tensors import pack
from pullback_api.v1 import analysis_pb2, specs_pb2, values_pb2
from pullback_server.worker.drawn import message_of, off_device


def analysis_message(
    found: Findings, walks: WalkFindings, spec: specs_pb2.AnalysisSpec, analysis: MetricAnalysis
) -> analysis_pb2.MetricAnalysis:
    """A `MetricAnalysis` without its name; the server fills that in."""
    speed = found.apparent_speed
    return analysis_pb2.MetricAnalysis(
        spec=spec,
        generator_weights_hash=analysis.generator.weights_hash,
        distance_weights_hash=analysis.distance.weights_hash,
        dim=analysis.space.dim,
        method=analysis.method,
        spectrum=_spectrum(found.spectrum),
        shuffled_spectrum=_spectrum(found.shuffled_spectrum),
        apparent_speed=analysis_pb2.ApparentSpeed(
            samples=_pack(speed.samples),
            mean=speed.mean,
            deviation=speed.deviation,
            expected_mean=speed.expected_mean,
            expected_deviation=speed.expected_deviation,
        ),
        homogeneity=_homogeneity(found.homogeneity),
        shuffled_homogeneity=_homogeneity(found.shuffled_homogeneity),
        comparisons=[_comparison(comparison) for comparison in found.comparisons],
        layers=_layers(found.layers),
        shuffled_layers=_layers(found.shuffled_layers),
        axes=[_axis(axis, analysis.generator.name) for axis in found.axes],
        walks=_walks(walks),
    )


def _spectrum(found: SpectrumFindings) -> analysis_pb2.Spectrum:
    return analysis_pb2.Spectrum(
        mean_metric_eigenvalues=_pack(found.mean_metric_eigenvalues),
        eigenvalues=_pack(found.eigenvalues),
        dims=[analysis_pb2.DimsFor(**vars(dims)) for dims in found.dims],
        effective_rank=found.effective_rank,
        condition_number=found.condition_number,
    )


def _homogeneity(found: Homogeneity) -> analysis_pb2.Homogeneity:
    return analysis_pb2.Homogeneity(
        linear=_pack(found.linear),
        log=_pack(found.log),
        linear_mean=found.linear_summary.mean,
        linear_deviation=found.linear_summary.deviation,
        log_mean=found.log_summary.mean,
        log_deviation=found.log_summary.deviation,
    )


def _comparison(found: ComparisonFindings) -> analysis_pb2.DistanceComparison:
    return analysis_pb2.DistanceComparison(
        reference=found.reference,
        distance=found.distance,
        method=found.method,
        positions=found.positions,
        **vars(found.means),
        deviations=analysis_pb2.ComparisonDeviations(**vars(found.deviations)),
    )


def _layers(found: tuple[LayerFindings, ...]) -> list[analysis_pb2.LayerAmplification]:
    return [
        analysis_pb2.LayerAmplification(layer=layer.layer, amplification=_pack(layer.amplification)) for layer in found
    ]


def _axis(axis: Axis, generator: str) -> analysis_pb2.AxisStrip:
    return analysis_pb2.AxisStrip(
        rank=axis.rank,
        eigenvalue=axis.eigenvalue,
        steps=_pack(axis.steps),
        distances=_pack(axis.distances),
        frames=[message_of(drawn) for drawn in off_device(torch.from_numpy(axis.images), generator)],
    )


def _walks(found: WalkFindings) -> analysis_pb2.WalkStatistics:
    curves = found.curves
    return analysis_pb2.WalkStatistics(
        distance_curves=analysis_pb2.DistanceCurves(
            steps=_pack(curves.steps), top=_pack(curves.top), random=_pack(curves.random), bottom=_pack(curves.bottom)
        ),
        density_drifts=[_drift(drift) for drift in found.drifts],
        warpage=_warpage(found.warpage) if found.warpage else None,
        robustness=_robustness(found.perturbations) if found.perturbations else None,
        variations=_variations(found.variations) if found.variations else None,
        walk_distances=_walk_distances(found.walk_distances) if found.walk_distances else None,
        walk_quality=_walk_quality(found.walk_quality) if found.walk_quality else None,
    )


def _drift(found: DriftFindings) -> analysis_pb2.DensityDrift:
    return analysis_pb2.DensityDrift(
        traversal=found.traversal,
        steps=_pack(found.steps),
        norms=_pack(found.norms),
        log_densities=_pack(found.log_densities),
    )


def _warpage(found: Warpage) -> analysis_pb2.Warpage:
    kinds = {"random": found.random, "far": found.far, "close": found.close[EPSILON], **found.to_global}
    return analysis_pb2.Warpage(
        ks=found.far.ks,
        epsilon=EPSILON,
        kinds=[_subspace_distances(kind, distances) for kind, distances in kinds.items()],
    )


def _subspace_distances(kind: str, found: SubspaceDistances) -> analysis_pb2.SubspaceDistances:
    return analysis_pb2.SubspaceDistances(kind=kind, geodesic=_pack(found.geodesic), projection=_pack(found.projection))


def _robustness(found: dict[str, PerturbationDistances]) -> analysis_pb2.Robustness:
    # All ways move the same latents by the same strengths.
    any_way = next(iter(found.values()))
    return analysis_pb2.Robustness(
        embedding=any_way.embedding,
        images=any_way.samples,
        strengths=_pack(any_way.strengths),
        curves=[
            analysis_pb2.PerturbationCurve(way=way, unmoved=one.unmoved, distances=_pack(one.distances))
            for way, one in found.items()
        ],
    )


def _variations(found: VariationFindings) -> analysis_pb2.Variations:
    return analysis_pb2.Variations(
        embedding=found.embedding,
        images=found.images,
        directions=found.directions,
        strengths=_pack(found.strengths),
        sets=[
            analysis_pb2.VariationDistances(kind=name, space=found.spaces[name], distances=_pack(distances))
            for name, distances in found.distances.items()
        ],
    )


def _walk_distances(found: WalkDistanceFindings) -> analysis_pb2.WalkDistances:
    return analysis_pb2.WalkDistances(steps=_pack(found.steps), traversals=_traversals(found.distances))


def _walk_quality(found: WalkQualityFindings) -> analysis_pb2.WalkQuality:
    return analysis_pb2.WalkQuality(
        embedding=found.embedding,
        images=found.images,
        strides=_pack(found.strides),
        unmoved=found.unmoved,
        traversals=_traversals(found.distances),
    )


def _traversals(found: dict[str, NDArray[np.float64]]) -> list[analysis_pb2.TraversalDistances]:
    return [analysis_pb2.TraversalDistances(traversal=name, distances=_pack(each)) for name, each in found.items()]


def _pack(values: NDArray[np.float64]) -> values_pb2.Tensor:
    return pack(np.asarray(values, dtype=np.float64))
