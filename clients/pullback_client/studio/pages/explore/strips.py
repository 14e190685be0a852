"""Strips of axes: one, or those of all sliders below each other."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable

from nicegui import ui

from pullback_client.directions.frame import Frame
from pullback_client.directions.traversal import Traversal
from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.exploring.axes import AxisSet
from pullback_client.studio.exploring.places import W, layer_count
from pullback_client.studio.exploring.strips import steps_to, strip
from pullback_client.studio.exploring.walking import SUBSETS, walk
from pullback_client.studio.exploring.ways import ALONG, STRAIGHT
from pullback_client.studio.frame import section
from pullback_client.studio.pages.explore.exploring import Exploring
from pullback_client.studio.pages.explore.walks import show_walk


class Strips:
    """The section, where it is made.

    Args:
        explorer: The page.

    Attributes:
        whole: The section.
    """

    def __init__(self, explorer: Exploring) -> None:
        self._explorer = explorer
        with section("Strips") as self.whole:
            with ui.element("div").classes("flow"):
                ui.label(
                    "Images along an axis, from where the others are. Press one to move the slider there."
                ).classes("quiet")
                self._all = ui.button("Strips of all sliders", on_click=self._drawn).props("outline dense no-caps")
                self._clear = ui.button("Clear", on_click=self._cleared).props("flat dense no-caps")
                self._kind = ui.select(dict(ALONG), value=STRAIGHT, label="Way").classes("explore-method")
                self._kind.props("dense outlined options-dense")
                subsets = {-1: "all", **{subset: f"subset {subset}" for subset in range(SUBSETS)}}
                self._subset = ui.select(subsets, value=-1, label="Channels that follow").classes("explore-method")
                self._subset.props("dense outlined options-dense")
                self._subset.set_visibility(layer_count(explorer.state.generator) > 0)
            self._place = ui.element("div").classes("stack explore-strips")
        self._clear.set_visibility(False)
        explorer.fields.keep("strips way", self._kind)
        explorer.fields.keep("strips channels", self._subset)

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
        drawn = [await self._walk(axes, index) for index in indices]
        self._place.clear()
        self._clear.set_visibility(bool(drawn))
        with self._place:
            for index, found in zip(indices, drawn, strict=True):
                self._shown(axes, index, found)

    async def _walk(self, axes: AxisSet, index: int) -> Traversal:
        state = self._explorer.state
        kind, subset, reach = str(self._kind.value), int(self._subset.value), state.view.reach
        others = state.moves(without=(axes.id, index))
        if kind == STRAIGHT and subset < 0:
            # As the sliders go, and many images at once.
            steps = steps_to(reach)
            places = [state.place_of([*others, state.move(axes.id, index, step)]) for step in steps]
            drawn: Traversal = await state.client.call(strip, state.generator.name, places, steps, f"{axes.id}:{index}")
            return drawn
        walked: Traversal = await state.client.call(
            walk,
            state.generator.name,
            state.place_of(others),
            axes.id,
            index,
            reach=reach,
            kind=kind,
            layers=state.view.layers if axes.space == W else (),
            subset=None if subset < 0 else subset,
            distance=axes.distance,
        )
        return walked

    def _shown(self, axes: AxisSet, index: int, found: Traversal) -> None:
        called = axes[index].title or f"Axis {index}"
        with ui.element("div"):
            ui.html(f"<h3>{html.escape(called)}</h3>", sanitize=False)
            name = f"{self._explorer.state.generator.name}-{axes.id.replace('/', '-')}-{index}"
            # What a walk of another kind comes to is not a step of the slider.
            straight = "axis" in found.settings
            take = (lambda frame: self._explorer.move(axes.id, index, frame.step)) if straight else self._taken(found)
            show_walk(found, name, take, measured=not straight)

    def _taken(self, found: Traversal) -> Callable[[Frame], Awaitable[None]]:
        async def take(frame: Frame) -> None:
            if found.settings.get("mask"):
                raise InvalidArgumentError(
                    "with channels left out an image is that of no latent: it cannot be taken up"
                )
            await self._explorer.take_up(found.space, frame.latent)

        return take
