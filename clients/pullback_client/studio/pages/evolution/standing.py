"""Standing of a session: its threads, and the trials that are out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from pullback_client.search.records import SessionStatus
from pullback_client.studio.parts.tables import table
from pullback_client.studio.parts.words import score

_HEAD = ("thread", "state", "generation", "scored", "mean", "best so far", "distance", "typicality")


def draw_threads(status: SessionStatus) -> None:
    """Draws a line for each thread; those that cannot go on say why."""
    rows = []
    for thread in status.threads:
        now = thread.current
        rows.append(
            (
                str(thread.thread),
                thread.state.value,
                str(now.generation),
                f"{now.scored}/{now.images}" + (f", {now.dropped} dropped" if now.dropped else ""),
                score(now.mean_score),
                score(thread.best_score),
                score(now.mean_distance),
                score(now.mean_typicality),
            )
        )
    table("Threads", _HEAD, rows)
    for thread in status.threads:
        if thread.error is not None:
            ui.label(f"Thread {thread.thread} cannot go on: {thread.error}").classes("failed").props('role="alert"')


def draw_pending(status: SessionStatus, take_back: Callable[[str], Awaitable[None]] | None) -> None:
    """Draws who has trials that were asked and not told.

    Args:
        status: The session.
        take_back: What a client's trials are taken back with; None where that is not allowed.
    """
    if not status.pending:
        ui.label("No trial is out.").classes("quiet")
    for each in status.pending:
        with ui.element("div").classes("flow line"):
            ui.label(f"{each.trials} with {each.client or 'a program without a name'}")
            ui.label(f"lease until {each.lease.astimezone():%H:%M:%S}").classes("quiet")
            if take_back is not None and each.client:
                client, back = each.client, take_back

                async def press(client: str = client, back: Callable[[str], Awaitable[None]] = back) -> None:
                    await back(client)

                button = ui.button("Take back", on_click=press).props("flat dense no-caps")
                button.props(f'aria-label="Take back the trials of {client}"')
