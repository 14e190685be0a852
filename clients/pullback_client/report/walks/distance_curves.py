"""Distance curves of images along top, random and bottom directions (Fig. 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pullback_client.analysis.result import Analysis
from pullback_client.analysis.walks import DistanceCurves
from pullback_client.report.parts import Plot, number
from pullback_client.report.style import BLUE, GREY, VERMILION, log10, new_figure, tidy, to_png
from pullback_client.report.walks.labels import starts
from pullback_client.wire.codec import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERCENTILES = (5, 95)


def distance_curves(analysis: Analysis, curves: DistanceCurves) -> Plot:
    """Image distance against the length of the way, as it is and its logarithm."""
    positions, count, _ = curves.top.shape
    kinds = (
        (f"first {count} eigenvectors", curves.top, VERMILION),
        ("random directions", curves.random, GREY),
        (f"last {count} eigenvectors", curves.bottom, BLUE),
    )
    figure = new_figure(3.6)
    plain, logarithmic = figure.subplots(1, 2, sharex=True)
    for name, values, colour in kinds:
        _draw(plain, curves.steps, values, colour, name)
        # The start is at the distance 0 but for rounding, which has no place on this scale: a gap.
        _draw(logarithmic, curves.steps, log10(np.where(curves.steps == 0, 0.0, values)), colour, name)
    label = "distance along the direction (latent units)"
    tidy(plain, title="image distance", xlabel=label, ylabel="image distance from the start")
    tidy(logarithmic, title="its logarithm", xlabel=label, ylabel="log₁₀ of the image distance")
    plain.set_ylim(bottom=0)
    plain.legend(frameon=False, fontsize=8, loc="upper center")
    reached = ", ".join(f"{number(_reached(values))} along {name}" for name, values, _ in kinds)
    return Plot(
        file="distance_curves.png",
        title="Image distance along directions",
        alt=(
            "Two panels of curves, the image distance from the start against the way, for leading eigenvectors, random "
            f"directions and last eigenvectors. At the ends the mean is {reached}."
        ),
        caption=(
            f"The image distance {analysis.distance} from the start along the first {count} and the last {count} "
            f"eigenvectors of the mean metric, and along {count} random directions, another draw at every position (as "
            f"in Fig. 1). Line: mean over positions and directions; band: {PERCENTILES[0]}th to {PERCENTILES[1]}th "
            f"percentile. From {starts(analysis, positions)}"
        ),
        png=to_png(figure),
    )


def _draw(axes: Axes, steps: Array, values: Array, colour: str, name: str) -> None:
    each = values.reshape(-1, len(steps))
    known = np.isfinite(each).all(axis=0)
    low, high = np.full((2, len(steps)), np.nan)
    low[known], high[known] = np.percentile(each[:, known], PERCENTILES, axis=0)
    axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.plot(steps, np.where(known, each.mean(axis=0), np.nan), ".-", color=colour, linewidth=1.6, label=name)


def _reached(values: Array) -> float:
    """The mean image distance at both ends."""
    return float(values[..., [0, -1]].mean())
