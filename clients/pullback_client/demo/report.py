"""What the demo shows: two tables, a figure, and the numbers behind them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.table import Table

from pullback_client.codec import Array
from pullback_client.eigenbasis import Eigenbasis
from pullback_client.inversion import Inversion
from pullback_client.settings import InversionMethod

METHODS: dict[InversionMethod, str] = {"adam": "Adam", "hessian_adam": "Hessian Adam"}
TABLE_STEPS = (25, 50, 100, 200)
_COLOURS = {"adam": "0.45", "hessian_adam": "C3"}


def best_so_far(result: Inversion) -> tuple[Array, Array]:
    """Distance and loss, each shape (steps + 1,), of the best latent of any restart after k updates, by loss."""
    losses = np.where(np.isfinite(result.loss_trace), result.loss_trace, np.inf)
    restart = np.argmin(losses, axis=0)  # the best restart after exactly k updates
    steps = np.arange(losses.shape[1])
    lowest = np.minimum.accumulate(losses[restart, steps])
    # The latest step at which the loss was lowered is where the best latent after k updates comes from.
    lowered = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    step = np.maximum.accumulate(np.where(lowered, steps, 0))
    return result.distance_trace[restart[step], step], lowest


def distance_table(results: Mapping[str, Inversion]) -> Table:
    """The distance after some numbers of updates, and the seconds, of each method."""
    table = Table("", *(f"step {step}" for step in TABLE_STEPS), "seconds", title="distance to the photograph")
    for method, result in results.items():
        distances, _ = best_so_far(result)
        cells = [f"{distances[step]:.4f}" for step in TABLE_STEPS]
        table.add_row(_title(method), *cells, f"{result.compute_seconds:.1f}")
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

    Per method: `distance` and `loss` of the result, `trace` (distance after k updates of the restart that found it),
    `best_so_far` (distance of the best latent of any restart after k updates), `seconds` on the worker, `settings`.
    """
    report: dict[str, Any] = {
        method: {
            "distance": result.distance,
            "loss": result.loss,
            "trace": result.trace.tolist(),
            "best_so_far": best_so_far(result)[0].tolist(),
            "seconds": result.compute_seconds,
            "settings": result.settings,
        }
        for method, result in results.items()
    }
    report["eigenbasis"] = basis.provenance | {"eigenvalues": basis.eigenvalues.tolist()}
    report["phases"] = dict(seconds)
    return report


def figure(results: Mapping[str, Inversion]) -> bytes:
    """A PNG: the photograph, the reconstructions, and the loss of every restart under the best so far."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (of the `demo` extra)
    from matplotlib.figure import Figure  # noqa: PLC0415

    drawing = Figure(figsize=(11, 2.4), layout="constrained", dpi=150)
    FigureCanvasAgg(drawing)
    axes = drawing.subplots(1, 2 + len(results), width_ratios=[1] * (1 + len(results)) + [1.9])
    pictures = [("photograph", next(iter(results.values())).target)] + [
        (f"{_title(method)}: {result.distance:.3f}", result.image) for method, result in results.items()
    ]
    for axis, (title, picture) in zip(axes, pictures, strict=False):
        axis.imshow(np.asarray(picture), interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    curves = axes[-1]
    for method, result in results.items():
        curves.plot(result.loss_trace.T, color=_COLOURS[method], linewidth=0.6, alpha=0.35)
        curves.plot(best_so_far(result)[1], color=_COLOURS[method], linewidth=1.8, label=_title(method))
    curves.set(xlabel="updates", ylabel="loss", yscale="log")
    curves.legend(frameon=False, fontsize=9)
    curves.spines[["top", "right"]].set_visible(False)
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png")
    return buffer.getvalue()


def _title(method: str) -> str:
    return next((title for known, title in METHODS.items() if known == method), method)
