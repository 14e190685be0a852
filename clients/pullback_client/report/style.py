"""How the plots look. The only module that needs Matplotlib, which it imports when a plot is drawn."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pullback_client.codec import Array
from pullback_client.errors import FailedPreconditionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion, which every kind of colour vision tells apart, and a grey for controls.
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "0.5"

WIDTH = 9.0
DPI = 150


def require_extras() -> None:
    """Raises FailedPreconditionError where a package of the `report` extra is missing, with what to install."""
    if importlib.util.find_spec("matplotlib") is None:
        raise FailedPreconditionError("a report needs matplotlib to draw with: pip install 'pullback[report]'")


def new_figure(height: float, *, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure, `WIDTH` inches wide; it draws without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (of the `report` extra)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(WIDTH, height), layout=layout, dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure) -> bytes:
    """The figure's picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def sequence(count: int) -> list[Any]:
    """Colours in an order that shows, dark to light, the same to every kind of colour vision and in grey."""
    from matplotlib import colormaps  # noqa: PLC0415  (of the `report` extra)

    # The light end of the map does not stand out from white.
    return [colormaps["viridis"](position) for position in np.linspace(0.0, 0.88, count)]


def tidy(axes: Axes, **settings: Any) -> None:
    """Sets labels and limits, and takes the upper and the right spine away."""
    axes.set(**settings)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(9)
    axes.yaxis.label.set_fontsize(9)
    axes.title.set_fontsize(10)


def log10(values: Array) -> Array:
    """log₁₀, NaN (a gap in a line) where a value cannot be told from zero beside the largest."""
    floor = np.finfo(np.float64).eps * values.shape[-1] * max(float(np.max(values)), 0.0)
    logarithms: Array = np.log10(np.where(values > floor, values, np.nan))
    return logarithms
