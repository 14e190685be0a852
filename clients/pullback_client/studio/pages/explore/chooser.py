"""Choice of a generator: a card for each, with a few of its images."""

from __future__ import annotations

import html
from urllib.parse import quote

from nicegui import ui
from PIL import Image

from pullback_client.aio import AsyncClient
from pullback_client.catalogue import Generator, WeightsState
from pullback_client.client import Client
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.pictures import picture

_SAMPLES = 4  # images of a card


def choose(client: AsyncClient) -> None:
    """The cards."""
    ui.label("Choose a generator; its images then move under sliders along the axes that change them most.").classes(
        "quiet"
    )
    loaded(client.list_generators, lambda found: _cards(client, found), what="the generators")


def _cards(client: AsyncClient, generators: list[Generator]) -> None:
    with ui.element("div").classes("cards"):
        for generator in generators:
            _card(client, generator)


def _card(client: AsyncClient, generator: Generator) -> None:
    with ui.element("article").classes("card explore-card"):
        ui.html(f"<h2>{html.escape(generator.title)}</h2>", sanitize=False)
        spaces = ", ".join(f"{space.name} of {space.dim}" for space in generator.spaces.values())
        ui.label(f"{generator.name} · {generator.family} · latents {spaces}").classes("quiet")
        if not generator.height:
            ui.label("It makes sounds, which are not explored by eye.").classes("quiet")
            return
        if generator.weights_state in (WeightsState.HERE, WeightsState.NOT_NEEDED):
            loaded(lambda: client.call(_drawn, generator.name), _shown, what="images")
        else:
            ui.label(f"Weights: {generator.weights_state.value}").classes("quiet")
        ui.link("Explore", f"/explore/{quote(generator.name)}").props(f'aria-label="Explore {generator.name}"').classes(
            "way-on"
        )


def _drawn(client: Client, generator: str) -> list[Image.Image]:
    return client.render(generator, client.sample(generator, _SAMPLES, seed=1))


def _shown(images: list[Image.Image]) -> None:
    with ui.element("div").classes("explore-draws"):
        for image in images:
            picture(image, "a draw of this generator")
