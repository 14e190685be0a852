"""An analysis as a server sends it: numbers of the right shape and kind."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from pullback_api.tensors import pack
from pullback_api.v1 import analysis_pb2, specs_pb2
from sample_images import png
from sample_walks import sample_walks

DIM = 5


def sample_analysis(name: str, job: str, spec: specs_pb2.AnalysisSpec) -> analysis_pb2.MetricAnalysis:
    """Numbers of the right shape and kind; the control's spectrum is flatter and its positions agree less."""
    rng = np.random.default_rng(spec.seed)
    spectra = [
        _spectrum(rng, positions, decay) for positions, decay in ((spec.positions, 10.0), (spec.control_positions, 2.0))
    ]
    values = np.frombuffer(spectra[0].mean_metric_eigenvalues.data)
    speeds = rng.dirichlet(np.full(DIM, 0.5), 1000) @ values
    message = analysis_pb2.MetricAnalysis(
        name=name,
        spec=spec,
        generator_weights_hash="a" * 64,
        version="0.1.0",
        job=job,
        dim=DIM,
        method="gram",
        spectrum=spectra[0],
        shuffled_spectrum=spectra[1],
        apparent_speed=analysis_pb2.ApparentSpeed(
            samples=pack(speeds),
            mean=speeds.mean(),
            deviation=speeds.std(),
            expected_mean=values.mean(),
            expected_deviation=float(np.sqrt(2 / (DIM + 2) * values.var())),
        ),
        homogeneity=_homogeneity(rng, spec.positions, 0.9),
        shuffled_homogeneity=_homogeneity(rng, spec.control_positions, 0.5),
        layers=_layers(values),
        shuffled_layers=_layers(np.ones(DIM)),
        axes=[_axis(rank, float(value)) for rank, value in enumerate(values)],
        walks=sample_walks(spec.control_positions),
    )
    figures = [field.name for field in analysis_pb2.ComparisonDeviations.DESCRIPTOR.fields]
    values = (0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 1.04, -0.25, 0.96, 0.26)
    for reference, distance in combinations((spec.distance, *spec.compared_distances), 2):
        message.comparisons.add(
            reference=reference,
            distance=distance,
            method="full_backprop" if distance == "ssim" else "gram",
            positions=spec.compared_positions,
            **dict(zip(figures, values, strict=True)),
            deviations={name: (number + 1) / 100 for number, name in enumerate(figures)},
        )
    message.create_time.FromSeconds(1_800_000_000)
    return message


def _spectrum(rng: np.random.Generator, positions: int, decay: float) -> analysis_pb2.Spectrum:
    mean = decay ** -np.arange(DIM)
    each = mean * rng.uniform(0.5, 2.0, (positions, 1))
    dims = [
        analysis_pb2.DimsFor(fraction=fraction, mean_metric=number, mean=number - 0.25, deviation=0.5)
        for number, fraction in enumerate((0.99, 0.999, 0.9999, 0.99999), start=2)
    ]
    return analysis_pb2.Spectrum(
        mean_metric_eigenvalues=pack(mean),
        eigenvalues=pack(each),
        dims=dims,
        effective_rank=mean.sum(),
        condition_number=mean[0] / mean[-1],
    )


def _homogeneity(rng: np.random.Generator, positions: int, level: float) -> analysis_pb2.Homogeneity:
    log = np.clip(rng.normal(level, 0.05, (positions, positions)), -1, 1)
    np.fill_diagonal(log, 1)
    return analysis_pb2.Homogeneity(
        linear=pack(log**2),
        log=pack(log),
        linear_mean=level**2,
        linear_deviation=0.1,
        log_mean=level,
        log_deviation=0.05,
    )


def _layers(values: Any) -> list[analysis_pb2.LayerAmplification]:
    return [
        analysis_pb2.LayerAmplification(layer=name, amplification=pack(values * gain))
        for name, gain in (("stem", 1.0), ("block 1", 10.0), ("image", 50.0))
    ]


def _axis(rank: int, eigenvalue: float) -> analysis_pb2.AxisStrip:
    steps = np.linspace(-3, 3, 5)
    return analysis_pb2.AxisStrip(
        rank=rank,
        eigenvalue=eigenvalue,
        steps=pack(steps),
        distances=pack(eigenvalue * steps**2),
        frames=[png(int(128 + 30 * step)) for step in steps],
    )
