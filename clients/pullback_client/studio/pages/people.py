"""People."""

from __future__ import annotations

from nicegui import ui

from pullback_client.studio.frame import RESPONSE_SECONDS, page


@ui.page("/people", response_timeout=RESPONSE_SECONDS)
def people() -> None:
    """The page."""
    with page("People", here="/people"):
        ui.label("Under construction")
