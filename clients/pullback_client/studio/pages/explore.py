"""Explore."""

from __future__ import annotations

from nicegui import ui

from pullback_client.studio.frame import RESPONSE_SECONDS, page


@ui.page("/explore", response_timeout=RESPONSE_SECONDS)
def explore() -> None:
    """The page."""
    with page("Explore", here="/explore"):
        ui.label("Under construction")
