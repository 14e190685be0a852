"""Photograph."""

from __future__ import annotations

from nicegui import ui

from pullback_client.studio.frame import RESPONSE_SECONDS, page


@ui.page("/photograph", response_timeout=RESPONSE_SECONDS)
def photograph() -> None:
    """The page."""
    with page("Photograph", here="/photograph"):
        ui.label("Under construction")
