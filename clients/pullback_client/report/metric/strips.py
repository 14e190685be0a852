"""Images along eigenvectors of different rank, with their distance curves (Fig. 1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_client.analysis.result import Analysis, AxisStrip
from pullback_client.report.parts import Plot, number
from pullback_client.report.style import DPI, WIDTH, new_figure, sequence, tidy, to_png

# Inches. The montage and the curves below share their horizontal axis, so that each frame stands over its point.
_LEFT, _RIGHT, _TOP, _BOTTOM = 1.25, 0.35, 0.1, 0.5
_CURVES, _BETWEEN = 2.6, 0.3
_GAP = 0.04  # between rows, as a share of a frame's height


def strips(analysis: Analysis) -> Plot:
    """A row of images for each eigenvector, and under them the image distance from the middle one."""
    axes = analysis.axes
    steps = axes[0].steps
    montage, rows = _montage(axes)
    inside = WIDTH - _LEFT - _RIGHT
    tall = inside * montage.shape[0] / montage.shape[1]
    height = _TOP + tall + _BETWEEN + _CURVES + _BOTTOM
    figure = new_figure(height, layout=None)

    half = (steps[-1] - steps[0]) / max(len(steps) - 1, 1) / 2
    extent = (steps[0] - half, steps[-1] + half)
    pictures = figure.add_axes((_LEFT / WIDTH, 1 - (_TOP + tall) / height, inside / WIDTH, tall / height))
    pictures.imshow(montage, extent=(*extent, montage.shape[0], 0), aspect="auto", interpolation="nearest")
    pictures.set_yticks(rows, [f"rank {axis.rank}\nλ = {number(axis.eigenvalue, 2)}" for axis in axes])
    pictures.tick_params(length=0, labelsize=8)
    pictures.set_xticks([])
    pictures.spines[:].set_visible(False)

    curves = figure.add_axes((_LEFT / WIDTH, _BOTTOM / height, inside / WIDTH, _CURVES / height))
    for axis, colour in zip(axes, sequence(len(axes)), strict=True):
        curves.plot(axis.steps, axis.distances, ".-", color=colour, linewidth=1.4, label=f"rank {axis.rank}")
    curves.legend(frameon=False, fontsize=8, ncols=2, loc="upper center")
    tidy(
        curves,
        xlim=extent,
        xticks=steps,
        xlabel="distance along the eigenvector (latent units)",
        ylabel="image distance from the middle",
    )
    curves.set_ylim(bottom=0)
    return Plot(
        file="strips.png",
        title="Images along eigenvectors",
        alt=(
            f"{len(axes)} rows of {len(steps)} images, one row for each eigenvector, and the image distance from the "
            f"middle image below: {_reach(axes[0])}; {_reach(axes[-1])}."
        ),
        caption=(
            "Each row walks along one eigenvector of the mean metric from the same latent, the middle image; ranks "
            f"count from 0, the largest eigenvalue. Below: {analysis.distance} from the middle image at each step. The "
            f"middle image is the first of the {analysis.positions} positions drawn from the prior of "
            f"{analysis.space}; the mean metric is that of those by {analysis.method} at all of them, distance "
            f"{analysis.distance}, seed {analysis.seed}."
        ),
        png=to_png(figure),
    )


def _reach(axis: AxisStrip) -> str:
    """How far the ends of a strip are from its middle, in words."""
    ends = " and ".join(number(float(distance)) for distance in (axis.distances[0], axis.distances[-1]))
    return (
        f"along rank {axis.rank} the image distance is {ends} at {number(float(axis.steps[0]), 2)} and "
        f"+{number(float(axis.steps[-1]), 2)}"
    )


def _montage(axes: tuple[AxisStrip, ...]) -> tuple[npt.NDArray[np.uint8], list[float]]:
    """The rows of images under each other, and the middle of each row in pixels from the top."""
    # As wide as it is drawn.
    width = max(round((WIDTH - _LEFT - _RIGHT) * DPI / len(axes[0].frames)), 1)
    strips = [np.hstack([_pixels(frame, width) for frame in axis.frames]) for axis in axes]
    height, width, _ = strips[0].shape
    gap = np.full((max(round(_GAP * height), 1), width, 3), 255, dtype=np.uint8)
    parts = [part for strip in strips for part in (strip, gap)][:-1]
    return np.vstack(parts), [i * (height + len(gap)) + height / 2 for i in range(len(strips))]


def _pixels(frame: Image.Image, width: int) -> npt.NDArray[np.uint8]:
    height = max(round(width * frame.height / frame.width), 1)
    # Scaled one by one: across a seam, neighbours would ring.
    return np.asarray(frame.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
