"""Steering: the set of axes that is under the sliders, which of them, and how far they lead."""

from __future__ import annotations

from dataclasses import replace

from nicegui import ui

from pullback_client.studio.exploring.axes import set_title
from pullback_client.studio.exploring.view import MOST_AXES, REACHES
from pullback_client.studio.pages.explore.exploring import Exploring
from pullback_client.studio.pages.explore.finding import Finding


class Steering:
    """The controls above the sliders, where they are made.

    Args:
        explorer: The page.
    """

    def __init__(self, explorer: Exploring) -> None:
        self._explorer = explorer
        with ui.element("div").classes("flow explore-steering") as self._controls:
            self._along = (
                ui.select({}, label="Along", on_change=self._chosen)
                .props("dense outlined options-dense")
                .classes("explore-along")
            )
            self._first = self._number("First", 0, 1_000_000)
            self._count = self._number("Sliders", 1, MOST_AXES)
            self._reach = (
                ui.select({each: f"± {each:g}" for each in REACHES}, label="Steps", on_change=self._numbered)
                .props("dense outlined options-dense")
                .classes("explore-number")
            )
            ui.button("All to 0", on_click=self._zeroed).props("outline dense no-caps")
        self._finding = Finding(explorer)

    def show(self) -> None:
        """Shows what is under the sliders as it is."""
        state = self._explorer.state
        self._controls.set_visibility(state.axes is not None)
        self._finding.show()
        self._along.set_options(
            {name: set_title(info) for name, info in state.offered().items()}, value=state.view.along or None
        )
        self._first.value, self._count.value, self._reach.value = state.view.first, state.view.count, state.view.reach
        if state.axes is not None:
            self._first.max = len(state.axes) - 1

    def _number(self, label: str, least: int, most: int) -> ui.number:
        number = ui.number(label, min=least, max=most, precision=0, format="%d").props("dense outlined")
        return number.classes("explore-number").on("change", self._numbered)

    async def _chosen(self) -> None:
        state = self._explorer.state
        if self._along.value and self._along.value != state.view.along:
            try:
                await state.choose(str(self._along.value))
            finally:
                self._explorer.redraw()

    def _numbered(self) -> None:
        view = self._explorer.state.view
        first, count, reach = self._first.value, self._count.value, self._reach.value
        if first is None or count is None or reach is None:
            return
        changed = replace(view, first=int(first), count=min(max(int(count), 1), MOST_AXES), reach=float(reach))
        if changed != view:
            self._explorer.change(changed)

    def _zeroed(self) -> None:
        self._explorer.change(replace(self._explorer.state.view, steps={}))
