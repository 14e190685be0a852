"""Explore: a generator is chosen, and its latents are moved by hand."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from pullback_client.studio.frame import RESPONSE_SECONDS, page
from pullback_client.studio.pages.explore.chooser import choose
from pullback_client.studio.pages.explore.explorer import Explorer
from pullback_client.studio.parts.loading import loaded

_LOSES = "The address of the page held the image, and this tab its pins and fields; ways and strips are gone."
_STYLE = '<link rel="stylesheet" href="/studio/explore.css">'


@ui.page("/explore", response_timeout=RESPONSE_SECONDS)
def explore() -> None:
    """The generators to choose from."""
    ui.add_head_html(_STYLE)
    with page("Explore", here="/explore") as visitor:
        choose(visitor.client)


@ui.page("/explore/{generator}", response_timeout=RESPONSE_SECONDS)
def explore_generator(generator: str, request: Request) -> None:
    """One generator under sliders."""
    ui.add_head_html(_STYLE)
    query = request.query_params.multi_items()
    with page(f"Explore {generator}", here="/explore", loses=_LOSES) as visitor:
        loaded(
            lambda: Explorer.load(visitor, generator, query),
            lambda explorer: explorer.build(),
            what="the generator",
        )
