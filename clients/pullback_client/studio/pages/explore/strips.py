"""Strips of axes: one, or those of all sliders below each other."""

from __future__ import annotations

import html

from nicegui import ui

from pullback_client.directions.traversal import Traversal
from pullback_client.studio.exploring.axes import AxisSet
from pullback_client.studio.exploring.strips import steps_to, strip
from pullback_client.studio.frame import section
from pullback_client.studio.pages.explore.exploring import Exploring
from pullback_client.studio.pages.explore.walks import show_walk


class Strips:
    """The section, where it is made.

    Args:
        explorer: The page.
    """

    def __init__(self, explorer: Exploring) -> None:
        self._explorer = explorer
        with section("Strips"):
            with ui.element("div").classes("flow"):
                ui.label(
                    "Images along an axis, from where the others are. Press one to move the slider there."
                ).classes("quiet")
                self._all = ui.button("Strips of all sliders", on_click=self._drawn).props("outline dense no-caps")
                self._clear = ui.button("Clear", on_click=self._cleared).props("flat dense no-caps")
            self._place = ui.element("div").classes("stack explore-strips")
        self._clear.set_visibility(False)

    async def one(self, index: int) -> None:
        """Draws the strip of an axis."""
        await self._draw([index])

    async def _drawn(self) -> None:
        self._all.disable()
        try:
            await self._draw(list(self._explorer.shown()))
        finally:
            self._all.enable()

    def _cleared(self) -> None:
        self._place.clear()
        self._clear.set_visibility(False)

    async def _draw(self, indices: list[int]) -> None:
        state = self._explorer.state
        if (axes := state.axes) is None:
            return
        steps = steps_to(state.view.reach)
        drawn = []
        for index in indices:
            others = state.moves(without=(axes.id, index))
            places = [state.place_of([*others, state.move(axes.id, index, step)]) for step in steps]
            drawn.append(await state.client.call(strip, state.generator.name, places, steps, f"{axes.id}:{index}"))
        self._place.clear()
        self._clear.set_visibility(bool(drawn))
        with self._place:
            for index, walk in zip(indices, drawn, strict=True):
                self._shown(axes, index, walk)

    def _shown(self, axes: AxisSet, index: int, walk: Traversal) -> None:
        called = axes[index].title or f"Axis {index}"
        with ui.element("div"):
            ui.html(f"<h3>{html.escape(called)}</h3>", sanitize=False)
            name = f"{self._explorer.state.generator.name}-{axes.id.replace('/', '-')}-{index}"
            show_walk(walk, name, lambda frame: self._explorer.move(axes.id, index, frame.step))
