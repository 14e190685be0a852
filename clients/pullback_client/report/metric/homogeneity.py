"""Homogeneity of the metric over positions (Fig. 3C)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pullback_client.analysis.result import Analysis
from pullback_client.report.metric.labels import CONTROL, GENERATOR, measured
from pullback_client.report.parts import Plot, spread
from pullback_client.report.style import BLUE, GREY, new_figure, tidy, to_png
from pullback_client.wire.codec import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_BINS = 50


def homogeneity(analysis: Analysis) -> Plot:
    """Histograms of C^H and C^H log over pairs of positions, and the generator's pairs as images."""
    own, control = analysis.homogeneity, analysis.shuffled_homogeneity
    figure = new_figure(6.2)
    panels = figure.subplots(2, 2, height_ratios=[1, 1.6])
    for column, (name, values, shuffled) in enumerate(
        (("$C^H$, linear scale", own.linear, control.linear), ("$C^H$, log scale", own.log, control.log))
    ):
        _histogram(panels[0, column], values, shuffled)
        tidy(panels[0, column], title=name, xlabel="correlation", ylabel="share of pairs")
        image = _pairs(panels[1, column], values)
        figure.colorbar(image, ax=panels[1, column], shrink=0.9, label=name).ax.tick_params(labelsize=8)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    return Plot(
        file="homogeneity.png",
        title="Homogeneity, pair by pair",
        alt=(
            "Above, two histograms of the correlation between pairs of positions, generator and weight-shuffled "
            "control, on the linear and on the log scale; below, the generator's correlations as images, position by "
            f"position. On the log scale the generator's pairs lie at {spread(own.log_mean, own.log_deviation)}, the "
            f"control's at {spread(control.log_mean, control.log_deviation)}."
        ),
        caption=(
            "Cᴴ = corr(Λᵢⱼ, Λⱼ): the eigenvectors of position i under the metric of position j, against the "
            "eigenvalues of j (Eq. 5 and 6); right, the same of the logarithms. Above: all ordered pairs i ≠ j; grey: "
            "weight-shuffled control. Below: the generator's pairs, i down, j across; the diagonal is 1. "
            f"{measured(analysis)}"
        ),
        png=to_png(figure),
    )


def _histogram(axes: Axes, values: Array, shuffled: Array) -> None:
    own, control = _off_diagonal(values), _off_diagonal(shuffled)
    both = np.concatenate([own, control])
    low, high = (both.min(), both.max()) if len(both) else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-3), _BINS + 1).tolist()
    for pairs, colour, label in ((own, BLUE, GENERATOR), (control, GREY, CONTROL)):
        weights = np.full(len(pairs), 1 / max(len(pairs), 1))
        axes.hist(pairs, edges, weights=weights, color=colour, alpha=0.7, label=label)


def _pairs(axes: Axes, values: Array) -> AxesImage:
    known = values[np.isfinite(values)]
    image = axes.imshow(values, cmap="cividis", vmin=known.min() if len(known) else 0.0, vmax=1.0)
    axes.set_facecolor("0.85")  # where a correlation is not defined
    tidy(axes, xlabel="metric of position", ylabel="eigenvectors of position")
    axes.locator_params(integer=True)
    return image


def _off_diagonal(values: Array) -> Array:
    """The pairs of different positions for which the correlation is defined."""
    pairs = values[~np.eye(len(values), dtype=bool)]
    return pairs[np.isfinite(pairs)]
