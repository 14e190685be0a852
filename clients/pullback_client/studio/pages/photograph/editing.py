"""Editing of what was found: sliders along the directions that change images most, and pasting back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
from nicegui import events, ui
from PIL import Image

from pullback_client.directions.direction_set import Directions
from pullback_client.files.atomic import to_png
from pullback_client.images import open_photograph
from pullback_client.inversion.pasting import FEATHER, Alignment, paste
from pullback_client.inversion.result import Inversion
from pullback_client.studio.parts.jobs import Following
from pullback_client.studio.parts.pictures import photograph_source, picture, show
from pullback_client.studio.parts.served import ServedFile
from pullback_client.studio.photographs.kept import GivenPhotograph, thumbnail
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_COUNT = 5  # directions
_REACH = 3.0  # to either side, in units of α^−½
_SHOWN = 1024  # px, of a photograph that is shown


class _Axis(ui.element, component="axis.js"):
    """A slider along an axis; `moved` tells where it stands."""


class Editing:
    """Sliders for an inversion, its image as they stand, and pasting back, where it is made.

    Args:
        visitor: Whose page it is.
        inversion: What was found.
        photograph: The photograph, where the studio still has it.
        made: Called with pictures that belong into the download, by name: `edited`, `pasted`.
    """

    def __init__(
        self,
        visitor: Visitor,
        inversion: Inversion,
        photograph: GivenPhotograph | None,
        made: Callable[[str, Image.Image], None],
    ) -> None:
        self._visitor, self._inversion, self._photograph, self._made = visitor, inversion, photograph, made
        self._image = inversion.image
        self._values: list[float] = []
        self._steps = np.zeros((0, len(inversion.latent)))
        self._directions: Directions | None = None
        self._served: list[ServedFile] = []
        self._drawing = self._stale = False
        with ui.element("div").classes("editing"):
            with ui.element("div").classes("stack"):
                self._picture = picture(inversion.image, "as it is edited", side=256)
                self._sliders = ui.element("div").classes("stack")
                with self._sliders:
                    self._load = ui.button("Edit with sliders", on_click=self._find).props("flat dense no-caps")
            with ui.element("div").classes("stack"):
                self._pasting()

    def _pasting(self) -> None:
        if self._photograph is None:
            ui.label(
                "The studio no longer has the photograph itself, which it keeps in memory only: invert it again to "
                "paste what was found back into it."
            ).classes("quiet")
            return
        photograph = self._photograph
        self._feather = ui.number("Edge, per cent of the frame", value=100 * FEATHER, min=0, max=50, step=1)
        self._feather.props("dense outlined stack-label").classes("pixels-wide")
        ui.button("Paste back into the photograph", on_click=lambda: self._paste(photograph)).props(
            "flat dense no-caps"
        )
        self._pasted = ui.element("div").classes("stack")

    async def _find(self) -> None:
        """Fetches the directions, which may have to be found first, and has sliders for them."""
        self._load.disable()
        generator, space = id_of(self._inversion.settings["generator"]), self._inversion.settings["space"]
        try:
            job = await self._visitor.client.submit_directions(generator, method="hessian", space=space, k=_COUNT)
            with self._sliders:
                following = Following("Finding directions")
            found: Any = await following.result(job)
        finally:
            self._load.enable()
        self._draw_sliders(found)

    def _draw_sliders(self, found: Directions) -> None:
        vectors, rates = np.asarray(found.vectors), np.asarray(found.rates)
        # One step of each slider changes the image alike.
        self._steps = vectors / np.sqrt(np.maximum(rates, 1e-12))[:, None]
        self._directions = found
        self._sliders.clear()
        with self._sliders:
            self._values = [0.0] * len(self._steps)
            for number in range(len(self._steps)):
                self._slider(number)
            ui.button("Back to what was found", on_click=self._reset).props("flat dense no-caps")

    def _slider(self, number: int) -> None:
        slider = _Axis()
        slider.props["field"], slider.props["name"] = f"axis-{slider.id}", f"Axis {number + 1}"
        slider.props["shows"] = f"Axis {number + 1} of the eigenbasis, by how much images change"
        slider.props["reach"] = _REACH

        async def moved(told: events.GenericEventArguments) -> None:
            self._values[number] = min(max(float(told.args), -_REACH), _REACH)
            await self._moved()

        slider.on("moved", moved, throttle=0.05)

    async def _moved(self) -> None:
        # Only where the sliders stand last is drawn, however fast they are moved.
        self._stale = True
        if self._drawing:
            return
        self._drawing = True
        try:
            while self._stale:
                self._stale = False
                await self._draw()
        finally:
            self._drawing = False

    async def _draw(self) -> None:
        settings, found = self._inversion.settings, self._inversion
        latent = found.latent + np.asarray(self._values) @ self._steps
        (self._image,) = await self._visitor.client.render(
            id_of(settings["generator"]),
            latent.astype(np.float32),
            space=settings["space"],
            noise_maps=found.noise_maps,
        )
        show(self._picture, self._image)
        self._made("edited", self._image)

    async def _reset(self) -> None:
        if self._directions is not None:
            self._draw_sliders(self._directions)
        await self._moved()

    async def _paste(self, photograph: GivenPhotograph) -> None:
        found, feather = self._inversion, (self._feather.value or 0) / 100
        pasted, data, shown = await asyncio.to_thread(
            _pasted, self._image, photograph, found.alignment or Alignment(), feather
        )
        self._made("pasted", pasted)
        while self._served:
            self._served.pop().withdraw()
        self._pasted.clear()
        with self._pasted:
            name = f"{found.label.rpartition('.')[0] or 'photograph'}-pasted.png"
            served = ServedFile(data, name, "image/png")
            self._served.append(served)
            image = ui.element("img").classes("picture pasted")
            image.props["src"], image.props["alt"] = shown, "the photograph with what was found in its place"
            with ui.element("div").classes("flow"):
                ui.link(f"At full size, {pasted.width} × {pasted.height} px", served.url, new_tab=True)
                ui.button("Save", on_click=lambda: ui.download(served.url, name)).props("flat dense no-caps")


def _pasted(
    image: Image.Image, given: GivenPhotograph, alignment: Alignment, feather: float
) -> tuple[Image.Image, bytes, str]:
    """The photograph with an image in its place: as it is, as a PNG file, and as a browser shows it."""
    pasted = paste(image, open_photograph(given.data), alignment, given.framing, feather)
    return pasted, to_png(pasted), photograph_source(thumbnail(pasted, _SHOWN))
