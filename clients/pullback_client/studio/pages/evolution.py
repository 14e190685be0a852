"""Evolution."""

from __future__ import annotations

from nicegui import ui

from pullback_client.studio.frame import RESPONSE_SECONDS, page


@ui.page("/evolution", response_timeout=RESPONSE_SECONDS)
def evolution() -> None:
    """The page."""
    with page("Evolution", here="/evolution"):
        ui.label("Under construction")
