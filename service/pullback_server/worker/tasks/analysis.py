"""Analyses a metric."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pullback.geometry.analysis import AnalysisState, MetricAnalysis
from pullback.geometry.findings import Axis, Findings, LayerFindings, SpectrumFindings
from pullback.geometry.statistics import Homogeneity
from pullback_api.tensors import pack
from pullback_api.v1 import analysis_pb2, specs_pb2, values_pb2
from pullback_server.names import parse_generator
from pullback_server.worker.calls import to_pictures
from pullback_server.worker.messages import Progressed, StartJob
from pullback_server.worker.models import Models
from pullback_server.worker.presentation import encode
from pullback_server.worker.tasks.task import Task

_MIB = 2**20


class AnalysisTask(Task):
    """One step is the metric at one position, or something as short."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        self._spec = specs_pb2.AnalysisSpec.FromString(start.work)
        name = parse_generator(self._spec.generator, "generator")
        names = (self._spec.distance, *self._spec.compared_distances)
        tell_phase(f"loading {name} and {', '.join(names)}")
        self._analysis = MetricAnalysis(
            models.generator(name),
            models.distance(self._spec.distance),
            self._spec.space,
            others=[models.distance(other) for other in self._spec.compared_distances],
            positions=self._spec.positions,
            control_positions=self._spec.control_positions,
            seed=self._spec.seed,
            max_memory=self._spec.max_memory_mib * _MIB or None,
        )
        self._current = self._analysis.init()

    @property
    def done(self) -> bool:
        """Whether everything was measured."""
        return self._analysis.done(self._current)

    def step(self) -> None:
        """Measures the next thing."""
        self._current = self._analysis.step(self._current)

    def progress(self, job: str) -> Progressed:
        """Units so far."""
        done = len(self._current.tensors)
        return Progressed(job, self._analysis.phase(self._current), done, self._analysis.total)

    def result(self) -> bytes:
        """A serialised `MetricAnalysis`; the server fills in its name."""
        found = self._analysis.result(self._current)
        return _message(found, self._spec, self._analysis).SerializeToString()

    def _state(self) -> dict[str, Tensor]:
        return dict(self._current.tensors)

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self._current = AnalysisState(tensors)


def _message(found: Findings, spec: specs_pb2.AnalysisSpec, analysis: MetricAnalysis) -> analysis_pb2.MetricAnalysis:
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
        comparisons=[analysis_pb2.DistanceComparison(**vars(comparison)) for comparison in found.comparisons],
        layers=_layers(found.layers),
        shuffled_layers=_layers(found.shuffled_layers),
        axes=[_axis(axis) for axis in found.axes],
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


def _layers(found: tuple[LayerFindings, ...]) -> list[analysis_pb2.LayerAmplification]:
    return [
        analysis_pb2.LayerAmplification(layer=layer.layer, amplification=_pack(layer.amplification)) for layer in found
    ]


def _axis(axis: Axis) -> analysis_pb2.AxisStrip:
    pictures = to_pictures(torch.from_numpy(axis.images))
    return analysis_pb2.AxisStrip(
        rank=axis.rank,
        eigenvalue=axis.eigenvalue,
        steps=_pack(axis.steps),
        distances=_pack(axis.distances),
        frames=[
            values_pb2.Image(
                data=encode(picture, "PNG"),
                format=values_pb2.IMAGE_FORMAT_PNG,
                width=picture.width,
                height=picture.height,
            )
            for picture in pictures
        ],
    )


def _pack(values: NDArray[np.float64]) -> values_pb2.Tensor:
    return pack(np.asarray(values, dtype=np.float64))
