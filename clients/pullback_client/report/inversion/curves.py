"""Curves of the loss, photograph by photograph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pullback_client.inversion.result import BestSoFar, Inversion
from pullback_client.report.inversion.summary import method_of
from pullback_client.report.parts import Plot, number
from pullback_client.report.style import BLUE, GREY, new_figure, plain_ticks, tidy, to_png
from pullback_client.wire.codec import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 200  # of a median over photographs whose curves have points of their own


def loss_curves(found: Sequence[Inversion]) -> Plot:
    """The best loss so far of each photograph, and the median: against evaluations, and against updates."""
    courses = [inversion.best_so_far() for inversion in found]
    figure = draw_courses(courses)
    first, last = (np.array([course.loss[end] for course in courses]) for end in (0, -1))
    settings = found[0].settings
    return Plot(
        file="loss_curves.png",
        title="Loss curves",
        alt=(
            "Two panels of falling lines, one line for each photograph and their median: the best loss so far against "
            "evaluations of the generator, and against updates. The median falls from "
            f"{number(float(np.median(first)))} to {number(float(np.median(last)))}."
        ),
        caption=(
            f"Grey: each photograph; blue: the median of {len(found):,}. Each line is the lowest loss of any restart "
            "so far, and ends with its inversion; the median holds what has ended. Evaluations: every update of a "
            "restart that had not been given up counts alike. "
            f"Method {method_of(settings)}, distance {settings['distance']}, seed {settings['seed']}."
        ),
        png=to_png(figure),
    )


def draw_courses(courses: Sequence[BestSoFar]) -> Figure:
    """The figure of `loss_curves`."""
    figure = new_figure(3.8)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw(left, [course.evaluations for course in courses], [course.loss for course in courses])
    _draw(
        right,
        [np.arange(len(course.loss), dtype=np.float64) for course in courses],
        [course.loss for course in courses],
    )
    tidy(left, xlabel="evaluations of the generator", ylabel="best loss so far")
    tidy(right, xlabel="updates")
    if all(np.nanmin(course.loss) > 0 for course in courses):
        left.set_yscale("log")
        plain_ticks(left.yaxis)
    return figure


def _draw(axes: Axes, positions: Sequence[Array], losses: Sequence[Array]) -> None:
    for position, loss in zip(positions, losses, strict=True):
        alpha = max(0.15, 1 / np.sqrt(len(losses)))
        axes.step(position, loss, where="post", color=GREY, linewidth=0.7, alpha=alpha)
    grid = np.linspace(max(p[0] for p in positions), max(p[-1] for p in positions), _POINTS)
    # What was best after so many: the curves are steps, and hold their last value.
    held = [loss[np.searchsorted(p, grid, side="right") - 1] for p, loss in zip(positions, losses, strict=True)]
    axes.step(grid, np.median(held, axis=0), where="post", color=BLUE, linewidth=1.8)
