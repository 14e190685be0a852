"""Server: how it is, what each of its workers does, and on which device."""

from __future__ import annotations

from nicegui import ui

from pullback_client.server_status import IDLE, STARTING, ServerStatus, WorkerStatus
from pullback_client.studio.parts.watched import watched
from pullback_client.studio.visitors import Visitor
from pullback_client.text.quantities import duration


def draw_server(visitor: Visitor) -> None:
    """Draws it, and anew whenever something has changed."""
    watched(visitor.client.get_server_status, _draw, seen=_seen, what="the state of the server")


def _seen(status: ServerStatus) -> object:
    """What of it is drawn."""
    return (
        status.summary,
        status.troubles,
        [(each.name, str(each.device), each.doing, each.memory) for each in status.workers],
    )


def _draw(status: ServerStatus) -> None:
    with ui.element("div").classes("flow line"):
        ui.label(status.health).classes(f"chip {'good' if status.health == 'well' else 'bad'}")
        ui.label(f"jobs: {status.running_jobs} running, {status.queued_jobs} queued").classes("number")
        ui.label(f"Pullback {status.version}, up {duration(status.uptime)}").classes("quiet number")
    for part, trouble in status.troubles.items():
        ui.label(f"{part}: {trouble}").classes("failed")
    for worker in status.workers:
        with ui.element("div").classes("flow line"):
            ui.label(worker.name)
            if worker.device is not None:
                ui.label(str(worker.device)).classes("quiet")
            for each in worker.doing:
                ui.label(each).classes(f"chip number {_colour(worker, each)}")
            ui.label(worker.memory).classes("quiet number")


def _colour(worker: WorkerStatus, words: str) -> str:
    if words == worker.trouble:
        return "" if words == STARTING else "bad"
    return "" if worker.doing == IDLE else "busy"
