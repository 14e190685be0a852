"""Amplification of the eigenvectors of the first layer by each layer (Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pullback_client.analysis.result import Analysis, LayerAmplification
from pullback_client.report.metric.labels import CONTROL, GENERATOR
from pullback_client.report.parts import Plot
from pullback_client.report.style import log10, new_figure, sequence, tidy, to_png


def amplification(analysis: Analysis) -> Plot:
    """log₁₀ of the amplification against rank, a line per layer; generator and control side by side."""
    figure = new_figure(3.8)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, title, layers in (
        (left, GENERATOR, analysis.layers),
        (right, CONTROL, analysis.shuffled_layers),
    ):
        for layer, colour in zip(layers, sequence(len(layers)), strict=True):
            axes.plot(np.arange(analysis.dim), log10(layer.amplification), color=colour, label=layer.layer)
        tidy(axes, title=title, xlabel="rank of the first layer's eigenvector")
        axes.locator_params(axis="x", integer=True)
    tidy(left, ylabel="log₁₀ amplification")
    handles, labels = left.get_legend_handles_labels()
    columns = 1 + len(labels) // 16
    figure.legend(handles, labels, loc="outside right center", ncols=columns, frameon=False, fontsize=8)
    return Plot(
        file="amplification.png",
        title="Amplification across layers",
        alt=(
            "Two panels of lines, one line for each layer, the logarithm of the amplification against the rank of the "
            f"first layer's eigenvector; generator left ({_names(analysis.layers)}), weight-shuffled control right."
        ),
        caption=(
            "vᵢᵀ JᵀJ vᵢ of each layer's Jacobian J, mean over positions, for the eigenvectors vᵢ of the mean metric of "
            f"the first layer, {analysis.layers[0].layer}, the largest eigenvalue "
            "first. Dark to light: first layer to last. The control's eigenvectors are those of its own first layer. "
            "Layers are compared as they are, without an image distance. Exact Jacobians at "
            f"{analysis.control_positions} positions drawn from the prior of {analysis.space}, seed {analysis.seed}."
        ),
        png=to_png(figure),
    )


def _names(layers: Sequence[LayerAmplification]) -> str:
    return ", ".join(layer.layer for layer in layers)
