"""Sessions: the newest ones, and the way to all of them."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from pullback_client.search.records import SessionStatus
from pullback_client.studio.parts.words import best_of, chip_of_session, short
from pullback_client.wire.names import id_of

RECENT = 8


def draw_sessions(found: Sequence[SessionStatus]) -> None:
    """Draws a line for each."""
    if not found:
        ui.label("None yet.").classes("quiet")
    for status in found:
        with ui.element("div").classes("flow line"):
            ui.link(status.title or short(status.name), f"/evolution/{id_of(status.name)}")
            chip_of_session(status)
            generations = max((thread.generations for thread in status.threads), default=0)
            ui.label(f"{', '.join(dict.fromkeys(status.generators))}, {generations} generations").classes("quiet")
            if best := best_of(status):
                ui.label(f"best {best}").classes("quiet number")
    with ui.element("div").classes("flow ends"):
        ui.link("All sessions", "/evolution")
