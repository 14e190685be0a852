"""Names of axes: one is named, or all that was moved is kept as one direction."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.exploring.axes import set_id
from pullback_client.studio.exploring.keeping import keep_way, name_axis
from pullback_client.studio.exploring.places import in_one_space
from pullback_client.studio.pages.explore.exploring import Exploring


class Naming:
    """The controls, where they are made.

    Args:
        explorer: The page.
    """

    def __init__(self, explorer: Exploring) -> None:
        self._explorer = explorer
        with ui.expansion("Name and keep").props("dense switch-toggle-side").classes("explore-finding"):
            ui.label("The server keeps names; they serve in every client and on the command line.").classes("quiet")
            with ui.element("div").classes("flow"):
                self._index = ui.number("Axis", min=0, precision=0, format="%d").props("dense outlined")
                self._index.classes("explore-number")
                self._title = ui.input("Title").props("dense outlined maxlength=100").classes("explore-title")
                ui.button("Name the axis", on_click=self._named).props("outline dense no-caps")
                ui.button("Keep all that moved", on_click=self._kept).props("outline dense no-caps")

    def hold(self, index: int) -> None:
        """Offers an axis to be named: that which was moved last."""
        self._index.value = index

    async def _named(self) -> None:
        state = self._explorer.state
        axes, index = state.axes, self._index.value
        if axes is None or index is None or not 0 <= index < len(axes):
            raise InvalidArgumentError("say which axis is meant: one that is under the sliders")
        title = self._asked()
        await state.client.call(name_axis, state.generator.name, axes.id, int(index), title)
        await self._again(axes.id, f"Axis {int(index)} is called “{title}” now.")

    async def _kept(self) -> None:
        state = self._explorer.state
        start, end = in_one_space(state.start, state.place, state.generator)
        title = self._asked()
        found: Any = await state.client.call(keep_way, state.generator, start, end, title, state.measured_by)
        await self._again(set_id(found), f"“{title}” is kept, as a direction of {end.space}.")

    def _asked(self) -> str:
        if not (title := str(self._title.value or "").strip()):
            raise InvalidArgumentError("give it a title first")
        return title

    async def _again(self, chosen: str, said: str) -> None:
        state = self._explorer.state
        await state.refresh()
        if chosen in state.sets:
            await state.fetch(chosen, anew=True)
        self._title.value = ""
        self._explorer.redraw()
        ui.notify(said, type="positive")
