"""Generators: a card for each, with a few of its images and the ways to what can be done with it."""

from __future__ import annotations

import html
from collections.abc import Sequence

from nicegui import ui

from pullback_client.aio import AsyncClient
from pullback_client.catalogue import Generator, WeightsState
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.pictures import picture
from pullback_client.studio.parts.samples import contact_images

_HERE = (WeightsState.HERE, WeightsState.NOT_NEEDED)


def draw_generators(client: AsyncClient, generators: Sequence[Generator]) -> None:
    """Draws the cards. Images are drawn at once of those alone whose weights are on the server's machine."""
    if not generators:
        ui.label("The server's catalogue has no generator: add one with `pullback generators add`.")
    with ui.element("div").classes("cards"):
        for generator in generators:
            with ui.element("article").classes("card"):
                _draw_card(client, generator)


def _draw_card(client: AsyncClient, generator: Generator) -> None:
    ui.html(f"<h3>{html.escape(generator.name)}</h3>", sanitize=False)
    size = f"{generator.width} × {generator.height} px" if generator.height else f"{generator.width} samples of sound"
    spaces = ", ".join(map(str, generator.spaces.values()))
    ui.label(generator.title)
    ui.label(f"{generator.family}, {size}; {spaces}").classes("quiet")
    sheet = ui.element("div").classes("sheet")
    with sheet:
        if generator.height and generator.weights_state in _HERE:
            _draw_images(client, generator)
        elif generator.height:
            ui.label(f"Weights: {generator.weights_state.value}").classes("quiet")
            ui.button("Draw a few", on_click=lambda: _draw_now(sheet, client, generator)).props("flat dense no-caps")
    with ui.element("div").classes("flow ends"):
        for name, way in (("Explore", "explore"), ("Photograph", "photograph"), ("Report", "report")):
            link = ui.link(
                name, f"/photograph?generator={generator.name}" if way == "photograph" else f"/{way}/{generator.name}"
            )
            link.props(f'aria-label="{name}: {generator.name}"')


def _draw_now(sheet: ui.element, client: AsyncClient, generator: Generator) -> None:
    sheet.clear()
    with sheet:
        _draw_images(client, generator)


def _draw_images(client: AsyncClient, generator: Generator) -> None:
    def draw(images: Sequence[object]) -> None:
        for number, image in enumerate(images):
            picture(image, f"{generator.name}, draw {number} of the prior", side=64)  # type: ignore[arg-type]

    loaded(lambda: contact_images(client, generator), draw, what="a few draws")
