"""Spectra of the metric, with the weight-shuffled control (Fig. 2 and 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pullback_client.analysis.result import Analysis, Spectrum
from pullback_client.report.metric.labels import CONTROL, GENERATOR, measured
from pullback_client.report.parts import Plot
from pullback_client.report.style import BLUE, GREY, log10, new_figure, tidy, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERCENTILES = (5, 95)


def spectra(analysis: Analysis) -> Plot:
    """log₁₀ λ against rank: relative to the largest, and absolute."""
    figure = new_figure(3.6)
    relative, absolute = figure.subplots(1, 2, sharex=True)
    for name, spectrum, colour in (
        (CONTROL, analysis.shuffled_spectrum, GREY),
        (GENERATOR, analysis.spectrum, BLUE),
    ):
        _draw(relative, spectrum, colour, name, unit=float(spectrum.mean_metric_eigenvalues[0]))
        _draw(absolute, spectrum, colour, name, unit=1.0)
    tidy(relative, title="each relative to its own $λ_{max}$", xlabel="rank", ylabel="log₁₀ (λ / $λ_{max}$)")
    tidy(absolute, title="absolute", xlabel="rank", ylabel="log₁₀ λ")
    for axes in (relative, absolute):
        axes.locator_params(axis="x", integer=True)
    handles, labels = relative.get_legend_handles_labels()
    # The control is drawn first, below, and named last.
    relative.legend(handles[::-1], labels[::-1], frameon=False, fontsize=8, loc="lower left")
    return Plot(
        file="spectra.png",
        title="Spectra",
        alt=(
            "Two line plots of the logarithm of the eigenvalues against their rank, relative and absolute. Over "
            f"{analysis.dim} ranks the mean metric of the generator falls by {_decades(analysis.spectrum)} decades, "
            f"that of the weight-shuffled control by {_decades(analysis.shuffled_spectrum)}."
        ),
        caption=(
            "Eigenvalues of the metric in descending order. Left, as in Fig. 2: divided by λmax, the largest "
            "eigenvalue of the mean metric; of the generator's for the generator, of the control's for the control. "
            "Right, as in Fig. 7: not divided. Solid: eigenvalues of the mean metric; dotted: mean over positions of "
            f"the eigenvalue of each rank; band: {PERCENTILES[0]}th to {PERCENTILES[1]}th percentile over positions. "
            "Grey: weight-shuffled control. Averaging metrics whose eigenvectors differ flattens the spectrum, so the "
            f"solid line may leave the band. What cannot be told from zero is left out. {measured(analysis)}"
        ),
        png=to_png(figure),
    )


def _draw(axes: Axes, spectrum: Spectrum, colour: str, name: str, unit: float) -> None:
    unit = unit if unit > 0 else 1.0  # a metric that is zero has nothing to be relative to
    ranks = np.arange(len(spectrum.mean_metric_eigenvalues))
    low, high = np.percentile(spectrum.eigenvalues, PERCENTILES, axis=0)
    axes.fill_between(ranks, log10(low / unit), log10(high / unit), color=colour, alpha=0.2, linewidth=0)
    axes.plot(ranks, log10(spectrum.eigenvalues.mean(axis=0) / unit), ":", color=colour, linewidth=1.2)
    axes.plot(ranks, log10(spectrum.mean_metric_eigenvalues / unit), color=colour, linewidth=1.8, label=name)


def _decades(spectrum: Spectrum) -> str:
    logarithms = log10(spectrum.mean_metric_eigenvalues)
    if np.isnan(logarithms).all():
        return "0"
    return f"{np.nanmax(logarithms) - np.nanmin(logarithms):.1f}"
