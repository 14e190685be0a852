"""Report."""

from __future__ import annotations

from nicegui import ui

from pullback_client.studio.frame import RESPONSE_SECONDS, page


@ui.page("/report", response_timeout=RESPONSE_SECONDS)
def report() -> None:
    """The page."""
    with page("Report", here="/report"):
        ui.label("Under construction")
