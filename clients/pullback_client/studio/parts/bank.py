"""Bank of sliders, one for each axis that is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nicegui import events, ui

if TYPE_CHECKING:
    from pullback_client.studio.exploring.axes import Axis


@dataclass(frozen=True)
class Row:
    """One slider.

    Attributes:
        index: Which axis.
        name: What it is called.
        hint: What is known of it.
        value: Where it is, in steps.
    """

    index: int
    name: str
    hint: str
    value: float

    @classmethod
    def of(cls, axis: Axis, value: float) -> Row:
        """The slider of an axis, so many steps from its middle."""
        hint = f"α = {axis.rate:.3g}; a step is {axis.unit:.3g} of the latent"
        return cls(axis.index, f"{axis.index} {axis.title}".strip(), hint, value)


class Bank(ui.element, component="bank.js"):
    """The sliders; the axis under the hand is told to the page's spectrum in the browser.

    Args:
        moved: Takes the axis, its step, and how many moves there were on this page by then.
        strip: Takes the axis whose strip is asked for; None where there are none.
        name: Of all of them, for those who do not see them.
    """

    def __init__(
        self,
        moved: Callable[[int, float, int], Any],
        strip: Callable[[int], Any] | None = None,
        *,
        name: str = "Axes",
    ) -> None:
        super().__init__()
        self.on("move", lambda event: _told(event, moved))
        if strip is not None:
            self.on("strip", lambda event: strip(int(event.args)))
        self.props["rows"], self.props["reach"] = [], 2.0
        self.props["name"], self.props["strips"] = name, strip is not None

    def show(self, rows: Sequence[Row], reach: float) -> None:
        """Shows other sliders, or the same at other places.

        Args:
            rows: The sliders.
            reach: How far each leads to both sides, in steps.
        """
        self.props["rows"] = [asdict(row) for row in rows]
        self.props["reach"] = reach
        self.update()


def _told(event: events.GenericEventArguments, moved: Callable[[int, float, int], Any]) -> Any:
    return moved(int(event.args["index"]), float(event.args["value"]), int(event.args["moves"]))
