"""Robustness of images as latents are moved in W (Local Basis, Fig. 4)."""

from __future__ import annotations

import numpy as np

from pullback_client.analysis.result import Analysis
from pullback_client.analysis.walks import Robustness
from pullback_client.report.parts import Plot, Table, number
from pullback_client.report.style import new_figure, sequence, tidy, to_png
from pullback_client.report.walks.labels import WAYS


def robustness(analysis: Analysis, found: Robustness) -> Plot:
    """The Fréchet distance against the strength of a step, a line for each way."""
    figure = new_figure(3.6)
    axes = figure.subplots()
    strengths = np.concatenate([[0.0], found.strengths])
    for curve, colour in zip(found.curves, sequence(len(found.curves)), strict=True):
        values = np.concatenate([[curve.unmoved], curve.distances])
        axes.plot(strengths, values, ".-", color=colour, linewidth=1.6, label=WAYS.get(curve.way, curve.way))
    tidy(axes, xlabel="length of the way in W", ylabel="Fréchet distance")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    ends = ", ".join(
        f"{number(float(curve.distances[-1]))} ({WAYS.get(curve.way, curve.way)})" for curve in found.curves
    )
    return Plot(
        file="robustness.png",
        title="Images along a walk in W",
        alt=(
            "Lines of the Fréchet distance against the length of the way in W, one for each kind of direction. At "
            f"length {number(float(found.strengths[-1]))} it is {ends}."
        ),
        caption=(
            "Fréchet distance between images of latents that were moved in W along the first axis of each kind, every "
            "second one the other way, and images of the generator's own prior (as Fig. 4 of Choi et al., ICLR 2022). "
            f"No line: the mapping network does not carry every curve so far. {_measured(analysis, found)}"
        ),
        png=to_png(figure),
    )


def robustness_table(analysis: Analysis, found: Robustness) -> Table:
    """By how much each strength raises the distance of the images that were not moved."""
    return Table(
        title="Images along a walk in W, rise",
        caption=(
            "By how much a step of each length raises the Fréchet distance, which is that of the first column before "
            "latents are moved: what the number of images alone makes. A dash: the mapping network does not carry "
            f"every curve so far. {_measured(analysis, found)}"
        ),
        head=("way", "not moved", *(f"length {number(float(strength))}" for strength in found.strengths)),
        rows=tuple(
            (
                WAYS.get(curve.way, curve.way),
                number(curve.unmoved),
                *(number(float(rise)) for rise in curve.rises),
            )
            for curve in found.curves
        ),
    )


def _measured(analysis: Analysis, found: Robustness) -> str:
    return (
        f"Embedding {found.embedding}, {found.images} images in each set, another draw for the reference, seed "
        f"{analysis.seed}; figures compare with each other, not with those of another embedding or number of images."
    )
