"""Jobs as a page follows them: a bar that moves, a way to cancel, and the result in the end."""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import ui

from pullback_client.aio import AsyncJob
from pullback_client.errors import UnavailableError

_PAUSE = 0.4  # seconds between two looks at a job


class Following:
    """A bar for a job, where it is made; `result` moves it until the job has ended.

    Following survives a restart of the server, and says while the server is away.

    Args:
        what: What the job does, for people: "Inversion".
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._job: AsyncJob[Any] | None = None
        with ui.row().classes("following").props('role="status"') as self._row:
            self._bar = ui.linear_progress(0, show_value=False).props(f'aria-label="{what}"').classes("bar")
            self._words = ui.label(f"{what}: queued")
            self._cancel = ui.button("Cancel", on_click=self._cancelled).props("flat dense no-caps")

    async def result(self, job: AsyncJob[Any]) -> Any:
        """The job's result; the bar goes when it has ended.

        Raises:
            JobFailedError: The job failed.
            JobCancelledError: The job was cancelled.
        """
        self._job = job
        try:
            while not job.state.ended:
                await asyncio.sleep(_PAUSE)
                if self._row.is_deleted:  # with the page
                    raise asyncio.CancelledError
                try:
                    await job.refresh()
                except UnavailableError:
                    self._words.set_text(f"{self._what}: the server is away; trying again")
                    continue
                self._draw(job)
            return await job.result(progress=False)
        finally:
            self._row.delete()

    def _draw(self, job: AsyncJob[Any]) -> None:
        progress = job.progress
        waiting = f", waiting for {job.waiting_for}" if job.waiting_for else ""
        total = f"/{progress.total}" if progress.total else ""
        phase = f", {progress.phase} {progress.step}{total}" if progress.phase else ""
        self._words.set_text(f"{self._what}: {job.state.value}{waiting}{phase}")
        self._bar.set_value(progress.step / progress.total if progress.total else 0.0)

    async def _cancelled(self) -> None:
        if self._job is not None:
            await self._job.cancel()
