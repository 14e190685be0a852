"""Recent inversions: a list of jobs, each of which leads to its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from pullback_client.aio import AsyncClient, AsyncJob
from pullback_client.studio.parts.words import ago, chip, short
from pullback_client.wire.names import id_of

_SHOWN = 12
_LOOKED_AT = 300  # jobs, among which there are others


async def recent_inversions(client: AsyncClient) -> list[AsyncJob[Any]]:
    """The jobs of the latest inversions, newest first."""
    jobs = await client.list_jobs(most=_LOOKED_AT)
    return [job for job in jobs if job.kind == "inversion"][:_SHOWN]


def draw_recent(jobs: Sequence[AsyncJob[Any]]) -> None:
    """Draws the list."""
    if not jobs:
        ui.label("None yet: they are listed here, and opened again, as long as the server keeps them.").classes("quiet")
        return
    with ui.element("ul").classes("recent"):
        for job in jobs:
            with ui.element("li").classes("flow line"):
                ui.link(short(job.name), f"/photograph/{id_of(job.name)}").classes("number")
                ui.label(id_of(job.generator))
                chip(job.state)
                progress = job.progress
                if progress.total and not job.state.ended:
                    ui.label(f"{progress.step}/{progress.total}").classes("quiet number")
                ui.label(ago(job.created)).classes("quiet")
