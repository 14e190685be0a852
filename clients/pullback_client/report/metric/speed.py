"""Apparent speed of random directions against the eigenvalues: the illusion of isotropy (Fig. 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pullback_client.analysis.result import Analysis
from pullback_client.report.metric.labels import measured
from pullback_client.report.parts import Plot, number
from pullback_client.report.style import BLUE, VERMILION, log10, new_figure, tidy, to_png
from pullback_client.wire.codec import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BINS = 60


def apparent_speed(analysis: Analysis) -> Plot:
    """Histograms of log₁₀ α(v) and of log₁₀ λ on one axis, with the mean and deviation that theory gives."""
    speed, eigenvalues = analysis.apparent_speed, analysis.spectrum.mean_metric_eigenvalues
    speeds, rates = _logarithms(speed.samples), _logarithms(eigenvalues)
    edges = _edges(np.concatenate([speeds, rates]))
    figure = new_figure(3.8)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _histogram(upper, speeds, edges, VERMILION, "random directions, α(v)", "share of directions")
    _histogram(lower, rates, edges, BLUE, "eigenvalues, λ", "share of eigenvalues")
    if speed.expected_mean > 0:  # else there is no place for it on a logarithmic axis
        for axes in (upper, lower):
            _theory(axes, speed.expected_mean, speed.expected_deviation, edges)
        upper.set_title("line and band: mean ± deviation in theory", loc="right", fontsize=8)
    tidy(lower, xlabel="log₁₀ of the rate of image change", xlim=(edges[0], edges[-1]))
    found = f"{number(speed.mean)} ± {number(speed.deviation)}"
    theory = f"{number(speed.expected_mean)} ± {number(speed.expected_deviation)}"
    return Plot(
        file="apparent_speed.png",
        title="Apparent speed of random directions",
        alt=(
            "Two histograms on one logarithmic axis, one above the other. The apparent speed of random directions is "
            f"{found}; the eigenvalues go from {number(float(eigenvalues[-1]))} to {number(float(eigenvalues[0]))}."
        ),
        caption=(
            f"Above: α(v) = vᵀHv / vᵀv of the mean metric along {len(speed.samples):,} random directions v ~ N(0, I). "
            "Below: eigenvalues of the same metric. Line and band: the mean Σλ / n and the deviation "
            f"√(2 / (n + 2) · Var λ) that theory gives (Eq. 13 to 15). Theory {theory}; measured {found}. "
            f"{measured(analysis, control=False)}"
        ),
        png=to_png(figure),
    )


def _histogram(axes: Axes, values: Array, edges: Array, colour: str, title: str, label: str) -> None:
    axes.hist(values, edges.tolist(), weights=np.full(len(values), 1 / max(len(values), 1)), color=colour)
    axes.set_title(title, loc="left", color=colour, fontsize=9)
    tidy(axes, ylabel=label)


def _theory(axes: Axes, mean: float, deviation: float, edges: Array) -> None:
    """A line at the mean and a band of one deviation to either side; on a log scale the band may reach the left end."""
    low = np.log10(mean - deviation) if mean > deviation else edges[0]
    axes.axvspan(low, np.log10(mean + deviation), color="0.85", linewidth=0, zorder=0)
    axes.axvline(np.log10(mean), color="black", linewidth=1)


def _logarithms(values: Array) -> Array:
    logarithms = log10(values)
    return logarithms[np.isfinite(logarithms)]


def _edges(logarithms: Array) -> Array:
    low, high = (logarithms.min(), logarithms.max()) if len(logarithms) else (0.0, 0.0)
    margin = max(0.02 * (high - low), 0.05)
    return np.linspace(low - margin, high + margin, _BINS + 1)
