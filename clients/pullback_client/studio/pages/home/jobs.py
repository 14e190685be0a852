"""Jobs: the newest ones as they go on, with a bar, a log and a way to cancel; results open where they are looked at."""

from __future__ import annotations

import html
from collections.abc import Sequence

from nicegui import ui

from pullback_client.aio import AsyncJob
from pullback_client.jobs.events import JobEvent
from pullback_client.studio.frame import above
from pullback_client.studio.parts.tasks import start
from pullback_client.studio.parts.watched import watched
from pullback_client.studio.parts.words import ago, chip, short
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_SHOWN = 12
_LONGEST_LOG = 500


class Jobs:
    """The list, looked at again every few seconds; what has not changed is left as it is.

    Args:
        visitor: Whose page it is on.
    """

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        watched(lambda: visitor.client.list_jobs(most=_SHOWN), self._draw_all, seen=_all_seen, what="the jobs")

    def _draw_all(self, jobs: Sequence[AsyncJob[object]]) -> None:
        if not jobs:
            ui.label("None yet.").classes("quiet")
        for job in jobs:
            self._draw(job)

    def _draw(self, job: AsyncJob[object]) -> None:
        generator = id_of(job.generator) if job.generator else ""
        with ui.element("div").classes("flow line"):
            ui.label(f"{job.kind.capitalize()} of {generator or '?'}").props(f'title="{job.name}"')
            chip(job.state)
            if job.state.ended:
                ui.label(ago(job.ended or job.created)).classes("quiet")
            else:
                self._draw_progress(job)
            if job.kind == "inversion":
                ui.link("Open", f"/photograph/{id_of(job.name)}").props(
                    f'aria-label="Open inversion {short(job.name)}"'
                )
            log = ui.button("Log", on_click=lambda: self._show_log(job)).props("flat dense no-caps")
            log.props(f'aria-label="Log of job {short(job.name)}"')
            if not job.state.ended and self._visitor.may_change:
                stop = ui.button("Cancel", on_click=job.cancel).props("flat dense no-caps color=negative")
                stop.props(f'aria-label="Cancel job {short(job.name)}"')

    def _draw_progress(self, job: AsyncJob[object]) -> None:
        progress = job.progress
        share = progress.step / progress.total if progress.total else 0.0
        bar = ui.linear_progress(share, show_value=False).classes("short-bar")
        bar.props(f'aria-label="Progress of job {short(job.name)}"')
        if job.waiting_for:
            words = f"waits for {short(job.waiting_for)}"
        else:
            words = f"{progress.phase} {progress.step}/{progress.total or '?'}" if progress.phase else ""
        ui.label(words).classes("quiet number")

    def _show_log(self, job: AsyncJob[object]) -> None:
        with above(), ui.dialog(value=True) as dialog, ui.card().classes("log"):
            ui.html(f"<h2>{job.kind.capitalize()} {html.escape(short(job.name))}</h2>", sanitize=False)
            if job.error is not None:
                ui.label(str(job.error)).classes("failed")
            lines = ui.log(max_lines=_LONGEST_LOG).props('aria-label="Log" tabindex="0"')
            ui.button("Close", on_click=dialog.close).props("flat no-caps")
        task = start(_follow(job, lines), name="log of a job", within=lines)

        def end() -> None:
            task.cancel()
            dialog.delete()

        dialog.on("hide", end)


def _all_seen(jobs: Sequence[AsyncJob[object]]) -> object:
    """What of the jobs is drawn."""
    return [_seen(job) for job in jobs]


def _seen(job: AsyncJob[object]) -> tuple[object, ...]:
    return (job.name, job.state, job.progress, job.waiting_for, ago(job.ended) if job.ended else "")


async def _follow(job: AsyncJob[object], lines: ui.log) -> None:
    """Writes the job's kept events, then new ones as they come."""
    async for event in job.watch():
        lines.push(_said(event))


def _said(event: JobEvent) -> str:
    progress = event.progress
    total = f"/{progress.total}" if progress.total else ""
    loss = "" if progress.loss is None else f", loss {progress.loss:.4g}"
    at = f", {progress.phase} {progress.step}{total}{loss}" if progress.phase else ""
    return f"{event.time.astimezone():%H:%M:%S} {event.state.value}{at}"
