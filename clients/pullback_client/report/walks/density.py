"""Density at which walks start, and how far they leave it (DP-LaSE)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pullback_client.analysis.result import Analysis
from pullback_client.analysis.walks import DensityDrift
from pullback_client.report.parts import Plot, number
from pullback_client.report.style import new_figure, tidy, to_png
from pullback_client.report.walks.labels import TRAVERSAL_LINES, TRAVERSALS, starts
from pullback_client.wire.codec import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def density_drift(analysis: Analysis, drifts: Sequence[DensityDrift]) -> Plot:
    """Change of the log-density and of the norm against the step, a line for each traversal."""
    figure = new_figure(3.4)
    densities, norms = figure.subplots(1, 2, sharex=True)
    for drift in drifts:
        _draw(densities, drift, drift.log_densities)
        _draw(norms, drift, 100 * drift.norms)
    tidy(densities, title="density", xlabel="step (latent units)", ylabel="log p(z) − log p(z₀)")
    tidy(norms, title="norm", xlabel="step (latent units)", ylabel="‖z‖/‖z₀‖ − 1 (%)")
    densities.legend(frameon=False, fontsize=8, loc="lower center")
    changes = ", ".join(
        f"{number(float(np.abs(drift.log_densities).max()))} on {TRAVERSALS.get(drift.traversal, drift.traversal)}"
        for drift in drifts
    )
    return Plot(
        file="density_drift.png",
        title="Density along a walk",
        alt=(
            "Two panels of lines, the change of the log-density and of the norm against the step along the leading "
            f"eigenvector, a line for each kind of walk. The log-density changes by at most {changes} walks."
        ),
        caption=(
            "How far a walk leaves the density at which it starts: log p of the prior, and the norm of the latent, "
            "against the start's, along the leading eigenvector of the mean metric under the image distance "
            f"{analysis.distance}, with steps as long as those of Li et al. (DP-LaSE, ACM MM 2021). Straight: "
            "z₀ + ε v; density-preserving: the same scaled back to ‖z₀‖ (their Eq. 2); spherical: along the great "
            "circle, ε its arc. Line: mean over positions; band: all of them. From "
            f"{starts(analysis, len(drifts[0].norms))}"
        ),
        png=to_png(figure),
    )


def _draw(axes: Axes, drift: DensityDrift, values: Array) -> None:
    colour, style = TRAVERSAL_LINES.get(drift.traversal, ("black", ":"))
    axes.fill_between(drift.steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    name = TRAVERSALS.get(drift.traversal, drift.traversal)
    axes.plot(drift.steps, values.mean(axis=0), style, color=colour, linewidth=1.6, label=name)
