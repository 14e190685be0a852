"""Summary of an analysis, in sentences made from its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pullback_client.analysis.result import Analysis, LayerAmplification, Spectrum
from pullback_client.report.parts import number, percent, spread
from pullback_client.report.walks import summarize_walks


def summarize(analysis: Analysis) -> list[str]:
    """Sentences that state the main numbers of an analysis, without judging them."""
    return [
        (
            f"Looked at: {analysis.generator}, latent space {analysis.space} ({analysis.dim} dimensions), under "
            f"{analysis.distance}; the metric by {analysis.method} at {analysis.positions} positions drawn from the "
            f"prior, and at {analysis.control_positions} of them for the weight-shuffled control; seed {analysis.seed}."
        ),
        *(
            f"Anisotropy, {name}: {_anisotropy(spectrum, analysis.dim)}."
            for name, spectrum in (
                ("generator", analysis.spectrum),
                ("weight-shuffled control", analysis.shuffled_spectrum),
            )
        ),
        _speed(analysis),
        _homogeneity(analysis),
        *_distances(analysis),
        _layers(analysis),
        _strips(analysis),
        *summarize_walks(analysis),
    ]


def _anisotropy(spectrum: Spectrum, dim: int) -> str:
    clauses = []
    if spectrum.dims:
        first = spectrum.dims[0]
        clauses.append(
            f"{percent(first.fraction)} of the change lies in {first.mean_metric} of {dim} dimensions of the mean "
            "metric"
        )
    eigenvalues = spectrum.mean_metric_eigenvalues
    clauses.append(f"λmax/λmin = {number(spectrum.condition_number, 4)}")
    clauses.append(f"λmax = {number(float(eigenvalues[0]))}")
    clauses.append(f"tr H/λmax = {number(spectrum.effective_rank)}")
    return "; ".join(clauses)


def _speed(analysis: Analysis) -> str:
    speed, eigenvalues = analysis.apparent_speed, analysis.spectrum.mean_metric_eigenvalues
    return (
        f"Apparent speed: along random directions the rate of image change is {number(speed.mean)} ± "
        f"{number(speed.deviation)} (theory: {number(speed.expected_mean)} ± {number(speed.expected_deviation)}), "
        f"while the eigenvalues go from {number(float(eigenvalues[-1]))} to {number(float(eigenvalues[0]))}."
    )


def _homogeneity(analysis: Analysis) -> str:
    own, control = analysis.homogeneity, analysis.shuffled_homogeneity
    return (
        f"Homogeneity: between positions Cᴴ is {spread(own.log_mean, own.log_deviation)} on the log scale and "
        f"{spread(own.linear_mean, own.linear_deviation)} on the linear one (control: "
        f"{spread(control.log_mean, control.log_deviation)} and "
        f"{spread(control.linear_mean, control.linear_deviation)})."
    )


def _distances(analysis: Analysis) -> list[str]:
    if not analysis.comparisons:
        return []
    each = ", ".join(
        f"{number(other.log_agreement)} for {other.distance}"
        for other in analysis.comparisons
        if other.reference == analysis.distance
    )
    return [f"Other distances: Cᴴ on the log scale against {analysis.distance} is {each}."]


def _layers(analysis: Analysis) -> str:
    tenth = max(analysis.dim // 10, 1)
    return (
        f"Layers: the last one, {analysis.layers[-1].layer}, amplifies the first {tenth} eigenvectors of the first one "
        f"{_ratio(analysis.layers, tenth)} times as much as the last {tenth} (control: "
        f"{_ratio(analysis.shuffled_layers, tenth)} times)."
    )


def _strips(analysis: Analysis) -> str:
    top, bottom = analysis.axes[0], analysis.axes[-1]
    return (
        f"Images: over ±{number(float(top.steps[-1]), 2)} latent units the image distance from the middle reaches "
        f"{number(float(top.distances.max()))} along the eigenvector of rank {top.rank} and "
        f"{number(float(bottom.distances.max()))} along that of rank {bottom.rank}."
    )


def _ratio(layers: Sequence[LayerAmplification], count: int) -> str:
    amplification = layers[-1].amplification
    with np.errstate(divide="ignore", invalid="ignore"):
        return number(float(np.mean(amplification[:count]) / np.mean(amplification[-count:])))
