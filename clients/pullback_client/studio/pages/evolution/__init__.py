"""Evolution: every session, and each as it goes on."""

from __future__ import annotations

from nicegui import ui

from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.pages.evolution.listing import draw_listing
from pullback_client.studio.pages.evolution.live import Live
from pullback_client.studio.parts.loading import loaded


@ui.page("/evolution", response_timeout=RESPONSE_SECONDS)
def evolution() -> None:
    """The page of all sessions."""
    with page("Evolution", here="/evolution") as visitor, section("Sessions"):
        loaded(visitor.client.list_sessions, draw_listing, what="the sessions")


@ui.page("/evolution/{session}", response_timeout=RESPONSE_SECONDS)
def evolution_of(session: str) -> None:
    """The page of one.

    Args:
        session: Its id.
    """
    with page("Evolution", here="/evolution") as visitor:
        live = Live(visitor)
        loaded(lambda: live.load(session), live.draw, what="the session")
