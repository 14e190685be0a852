"""Random directions, and what kinds of walk along them do to images (DP-LaSE, Table 1, Fig. 5 (b) and 10)."""

from __future__ import annotations

import numpy as np

from pullback_client.analysis.result import Analysis
from pullback_client.analysis.walks import WalkDistances, WalkQuality
from pullback_client.report.parts import Plot, Table, number
from pullback_client.report.style import new_figure, tidy, to_png
from pullback_client.report.walks.labels import TRAVERSAL_LINES, TRAVERSALS, starts


def walk_distances(analysis: Analysis, found: WalkDistances) -> Plot:
    """Mean image distance from the start against the step, a line for each traversal."""
    figure = new_figure(3.4)
    axes = figure.subplots()
    # Every walk begins at its start.
    steps = np.concatenate([[0.0], found.steps])
    for each in found.traversals:
        colour, style = TRAVERSAL_LINES.get(each.traversal, ("black", ":"))
        values = np.concatenate([[0.0], each.distances.mean(axis=(0, 1))])
        name = TRAVERSALS.get(each.traversal, each.traversal)
        axes.plot(steps, values, style, marker=".", color=colour, linewidth=1.6, label=name)
    tidy(axes, xlabel="step (latent units)", ylabel="image distance from the start")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    ends = ", ".join(
        f"{number(float(each.distances[..., -1].mean()))} on {TRAVERSALS.get(each.traversal, each.traversal)} walks"
        for each in found.traversals
    )
    positions, directions, _ = found.traversals[0].distances.shape
    return Plot(
        file="walk_distances.png",
        title="Image distance by kind of walk",
        alt=(
            "Lines of the image distance from the start against the step along random directions, one for each kind "
            f"of walk. At a step of {number(float(found.steps[-1]))} it is {ends}."
        ),
        caption=(
            f"The mean image distance {analysis.distance} from the start along random directions, by kind of walk (as "
            "Fig. 5 (b) of Li et al., ACM MM 2021, and their Fig. 10, which has other distances and generators): the "
            f"same {directions} directions at every position for every kind, another draw for each. From "
            f"{starts(analysis, positions)}"
        ),
        png=to_png(figure),
    )


def walk_quality_table(analysis: Analysis, found: WalkQuality) -> Table:
    """The Fréchet distance from images of the prior at each step, a row for each traversal."""
    return Table(
        title="Images after a random walk, Fréchet distance",
        caption=(
            f"Fréchet distance between images of latents of {analysis.space}, each moved by a step ε along a random "
            "direction of its own, and images of another draw of the prior (as Table 1 of Li et al., ACM MM 2021, "
            "which compares with photographs). At ε = 0 it is what the number of images alone makes; a walk that keeps "
            f"the density stays near that. Embedding {found.embedding}, {found.images} images in each set, the same "
            f"latents and directions for every walk, seed {analysis.seed}; figures compare with each other, not with "
            "those of another embedding or number of images."
        ),
        head=("walk", "ε = 0", *(f"ε = {float(stride):g}" for stride in found.strides)),
        rows=tuple(
            (
                TRAVERSALS.get(each.traversal, each.traversal),
                number(found.unmoved),
                *(number(float(distance)) for distance in each.distances),
            )
            for each in found.traversals
        ),
    )
