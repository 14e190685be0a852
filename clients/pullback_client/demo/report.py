"""Report of the demo: two tables, a figure, and the numbers behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from pullback_client.eigenbasis.basis import Eigenbasis
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.result import Inversion
from pullback_client.report.style import new_figure, plain_ticks, tidy, to_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Run:
    """One of the inversions that the demo compares: what it is called, in which colour, and its options."""

    title: str
    colour: str
    options: InversionOptions


_COMMON: InversionOptions = {
    "space": "z",
    "weights": {"distance": 1.0, "l2": 3.0},
    "start": "prior",
    "thin": False,
    "steps": 200,
    "restarts": 4,
    "learning_rate": 0.1,
    "schedule": "constant",
    "betas": (0.9, 0.999),
}
# As Wang & Ponce published it: rotated into the eigenbasis, not scaled.
_PUBLISHED: InversionOptions = {**_COMMON, "method": "hessian_adam", "exponent": 0.0}
RUNS = {
    "adam": Run("Adam", "0.45", {**_COMMON, "method": "adam"}),
    "hessian_adam": Run("Hessian Adam, as published", "C0", _PUBLISHED),
    "default": Run("default", "C3", {}),
}
TABLE_EVALUATIONS = (100, 200, 400, 800)


def distance_table(results: Mapping[str, Inversion]) -> Table:
    """The distance after some numbers of evaluations, and the evaluations and seconds in all, of each run.

    A run that has ended holds its distance; a dash stands where it had nothing yet.
    """
    columns = (str(evaluations) for evaluations in TABLE_EVALUATIONS)
    table = Table("", *columns, "in all", "seconds", title="distance to the photograph after so many evaluations")
    for name, result in results.items():
        course = result.best_so_far()
        known = np.searchsorted(course.evaluations, TABLE_EVALUATIONS, side="right") - 1
        cells = [f"{course.distance[step]:.4f}" if step >= 0 else "–" for step in known]
        table.add_row(RUNS[name].title, *cells, str(result.evaluations), f"{result.compute_seconds:.1f}")
    return table


def phase_table(seconds: Mapping[str, float]) -> Table:
    """The seconds of each phase as the client saw them, waiting included."""
    table = Table("phase", "seconds")
    for phase, value in seconds.items():
        table.add_row(phase, f"{value:.1f}")
    table.add_row("in all", f"{sum(seconds.values()):.1f}")
    return table


def summary(results: Mapping[str, Inversion], basis: Eigenbasis, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The numbers, as plain values for JSON.

    Per run: `distance` and `loss` of the result, `evaluations`, `trace` (distance after k updates of the restart that
    found it), `best_so_far` (evaluations by then, distance and loss of the best latent of any restart after k updates),
    `seconds` on the worker, `settings`.
    """
    report: dict[str, Any] = {
        name: {
            "distance": result.distance,
            "loss": result.loss,
            "evaluations": result.evaluations,
            "trace": result.trace.tolist(),
            "best_so_far": {key: values.tolist() for key, values in result.best_so_far()._asdict().items()},
            "seconds": result.compute_seconds,
            "settings": result.settings,
        }
        for name, result in results.items()
    }
    report["eigenbasis"] = basis.provenance | {"eigenvalues": basis.eigenvalues.tolist()}
    report["phases"] = dict(seconds)
    return report


def figure(results: Mapping[str, Inversion]) -> bytes:
    """A PNG: the photograph, the reconstructions, and the loss of every restart under the best so far."""
    return to_png(draw(results))


def draw(results: Mapping[str, Inversion]) -> Figure:
    """The figure of `figure`."""
    pictures = [("photograph", next(iter(results.values())).target)] + [
        (f"{RUNS[name].title}\ndistance {result.distance:.3f}", result.image) for name, result in results.items()
    ]
    # In inches, and by hand: Matplotlib's own layouts leave too little room over pictures for titles of two lines.
    side, gap, over, under = 2.15, 0.1, 0.5, 0.5
    width, height = len(pictures) * (side + gap) + 4.2, over + side + 0.1
    drawing = new_figure(height, width=width, layout=None)
    for number, (title, picture) in enumerate(pictures):
        place = ((gap + number * (side + gap)) / width, 0.1 / height, side / width, side / height)
        axis = drawing.add_axes(place)
        axis.imshow(np.asarray(picture), interpolation="nearest")
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    left = len(pictures) * (side + gap) + 0.75
    curves = drawing.add_axes(
        (left / width, under / height, (width - left - 0.15) / width, (height - under - 0.15) / height)
    )
    for name, result in results.items():
        course = result.best_so_far()
        curves.plot(course.evaluations, result.loss_trace.T, color=RUNS[name].colour, linewidth=0.6, alpha=0.35)
        curves.plot(course.evaluations, course.loss, color=RUNS[name].colour, linewidth=1.8, label=RUNS[name].title)
    curves.set_yscale("log")
    plain_ticks(curves.yaxis)
    tidy(curves, xlabel="evaluations of the generator", ylabel="loss")
    curves.legend(frameon=False, fontsize=8)
    return drawing
