"""Home: generators with contact sheets, what the server is at, recent work, eigenbases."""

from __future__ import annotations

from nicegui import ui

from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.pages.home.eigenbases import draw_eigenbases
from pullback_client.studio.pages.home.generators import draw_generators
from pullback_client.studio.pages.home.jobs import Jobs
from pullback_client.studio.pages.home.server import draw_server
from pullback_client.studio.pages.home.sessions import RECENT, draw_sessions
from pullback_client.studio.parts.loading import loaded


@ui.page("/", response_timeout=RESPONSE_SECONDS)
def home() -> None:
    """The page."""
    with page("Home", here="/") as visitor:
        client = visitor.client
        with section("Server"):
            draw_server(visitor)
        with section("Generators"):
            loaded(client.list_generators, lambda found: draw_generators(client, found), what="the generators")
        with ui.element("div").classes("columns"):
            with section("Jobs"):
                Jobs(visitor)
            with section("Sessions"):
                recent = loaded(lambda: client.list_sessions(most=RECENT), draw_sessions, what="the sessions")
                ui.timer(20.0, recent, immediate=False)
        with section("Eigenbases"):
            loaded(client.list_eigenbases, draw_eigenbases, what="the eigenbases")
