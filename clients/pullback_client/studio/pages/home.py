"""Home: generators, what the server is at, recent inversions, sessions and jobs."""

from __future__ import annotations

from nicegui import ui

from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.parts.loading import loaded


@ui.page("/", response_timeout=RESPONSE_SECONDS)
def home() -> None:
    """The page."""
    with page("Home", here="/") as visitor, section("Generators"):
        loaded(visitor.client.list_generators, lambda found: ui.label(f"{len(found)}"), what="the generators")
