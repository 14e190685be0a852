"""Style of the plots. The only module that needs Matplotlib, which it imports when a plot is drawn."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pullback_client.errors import FailedPreconditionError
from pullback_client.report.parts import number
from pullback_client.wire.codec import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# Okabe and Ito's blue and vermilion, which every kind of colour vision tells apart, and a grey for controls.
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "0.5"

WIDTH = 9.0
DPI = 150


def require_extras() -> None:
    """Raises FailedPreconditionError where a package of the `report` extra is missing, with what to install."""
    if importlib.util.find_spec("matplotlib") is None:
        raise FailedPreconditionError("a report needs matplotlib to draw with: pip install 'pullback[report]'")


def new_figure(height: float, *, width: float = WIDTH, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """An empty figure of so many inches; it draws without a window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (of the `report` extra)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout=layout, dpi=DPI)
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


def plain_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis that people read at once: plain decimals where it spans less than two decades.

    Call it when everything is drawn. A longer axis keeps its powers of ten.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator  # noqa: PLC0415  (as above)

    low, high = sorted(axis.get_view_interval())
    if not (0 < low < high < 100 * low):
        return
    within = [tick for tick in LogLocator(10, subs=(1, 2, 5)).tick_values(low, high) if low <= tick <= high]
    # On so short an axis equal steps lie nearly evenly too.
    axis.set_major_locator(LogLocator(10, subs=(1, 2, 5)) if len(within) >= 3 else MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, position: decimal(value)))


def decimal(value: float) -> str:
    """A tick's label: a plain decimal, but for numbers of a million and more or a millionth and less."""
    if not 1e-6 < abs(value) < 1e6:
        return number(value, 2)
    return f"{float(f'{value:.4g}'):,.10f}".rstrip("0").rstrip(".").replace("-", "−")


def fit(text: Text, width: float) -> None:
    """Makes a text of a figure fit: what its font lacks becomes `?`, and where it is too wide its middle is left out.

    Args:
        text: Upright, without line breaks; it is drawn as it is written, without formulas.
        width: Pixels.
    """
    from matplotlib.font_manager import fontManager, get_font  # noqa: PLC0415  (of the `report` extra)

    known = get_font(fontManager.findfont(text.get_fontproperties())).get_charmap()
    whole = "".join(letter if ord(letter) in known else "?" for letter in text.get_text())
    text.set_parse_math(False)
    text.set_text(whole)
    for kept in range(len(whole) - 1, 1, -1):
        if text.get_window_extent().width <= width:
            return
        # Names of files often differ at their ends.
        text.set_text(f"{whole[: kept - kept // 3]}…{whole[len(whole) - kept // 3 :]}")


def log10(values: Array) -> Array:
    """log₁₀, NaN (a gap in a line) where a value cannot be told from zero beside the largest."""
    floor = np.finfo(np.float64).eps * values.shape[-1] * max(float(np.max(values)), 0.0)
    logarithms: Array = np.log10(np.where(values > floor, values, np.nan))
    return logarithms
