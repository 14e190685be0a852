"""Layers of a style-based generator that follow the sliders."""

from __future__ import annotations

from dataclasses import replace

from nicegui import ui

from pullback_client.studio.exploring.places import W, layer_count
from pullback_client.studio.pages.explore.exploring import Exploring


class Layering:
    """The controls, where they are made; there are none for other generators.

    Args:
        explorer: The page.
    """

    def __init__(self, explorer: Exploring) -> None:
        self._explorer = explorer
        self._showing = False
        count = layer_count(explorer.state.generator)
        third = max(1, round(count / 3))
        with ui.element("div").props('role="group" aria-label="Layers that follow"').classes("flow") as self._whole:
            ui.label("Layers that follow").classes("quiet")
            self._boxes = [
                ui.checkbox(str(layer), on_change=self._ticked).props("dense").classes("explore-layer")
                for layer in range(count)
            ]
            ranges = {
                "All": range(count),
                "Coarse": range(third),
                "Middle": range(third, count - third),
                "Fine": range(count - third, count),
            }
            for name, layers in ranges.items():
                ui.button(name, on_click=lambda layers=layers: self._take(list(layers))).props("flat dense no-caps")

    def show(self) -> None:
        """Shows which layers follow."""
        state = self._explorer.state
        axes = state.axes
        self._whole.set_visibility(bool(self._boxes) and axes is not None and axes.space == W)
        follow = state.view.layers or (axes.layers if axes is not None else ())
        self._showing = True
        for layer, box in enumerate(self._boxes):
            box.value = not follow or layer in follow
        self._showing = False

    def _ticked(self) -> None:
        if not self._showing:
            self._take([layer for layer, box in enumerate(self._boxes) if box.value])

    def _take(self, layers: list[int]) -> None:
        if not layers:
            ui.notify("One layer at least follows.", type="warning")
            self.show()
            return
        whole = len(layers) == len(self._boxes)
        self._explorer.change(replace(self._explorer.state.view, layers=() if whole else tuple(layers)))
