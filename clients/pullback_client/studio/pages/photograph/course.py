"""Course of an inversion: how far it is, its loss so far, and the best reconstructions as they come."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from nicegui import background_tasks, ui
from PIL import Image

from pullback_client.aio import AsyncClient, AsyncJob
from pullback_client.errors import DeadlineExceededError, JobError, UnavailableError
from pullback_client.inversion.result import InversionOutcome
from pullback_client.jobs.events import JobEvent
from pullback_client.studio.parts.charts import Line, chart

_PATIENCE = 30 * 86_400.0  # seconds that an inversion may be followed
_PAUSE = 0.4  # seconds between two drawings
_LOOK = 3.0  # seconds between two looks whether the server is there
_MOST_POINTS = 400  # of the curve


class Course:
    """Follows a job, where it is made, through restarts of the server and beside them.

    Args:
        client: Of the visitor.
        job: The inversion.
        preview: Called with the best reconstructions so far.
    """

    def __init__(
        self, client: AsyncClient, job: AsyncJob[Any], preview: Callable[[tuple[Image.Image, ...]], None]
    ) -> None:
        self._client, self._job, self._preview = client, job, preview
        self._losses: dict[int, float] = {}
        self._drawn = 0.0
        with ui.element("div").classes("course") as self._whole:
            with ui.row().classes("following").props('role="status"'):
                self._bar = ui.linear_progress(0, show_value=False).props('aria-label="Inversion"').classes("bar")
                self._words = ui.label(job.state.value)
                self._cancel = ui.button("Cancel", on_click=self._cancelled).props("flat dense no-caps")
            self._away = ui.label("The server is away; this page goes on when it is back.").classes("failed")
            self._away.props('role="alert"').set_visibility(False)
            self._curve = ui.html(sanitize=False).classes("curve")

    async def result(self) -> list[InversionOutcome]:
        """What the inversion found, once it has ended; how far it is goes then, the curve stays.

        Raises:
            JobError: It failed, or was cancelled; that is said in its place, too.
        """
        watch = background_tasks.create(self._look_after_server(), name=f"look after {self._job.name}")
        try:
            while not self._job.state.ended:
                with suppress(UnavailableError, DeadlineExceededError):
                    await self._job.follow(_PATIENCE, progress=self._take)
            while True:
                try:
                    outcomes: list[InversionOutcome] = await self._job.result(progress=False)
                except UnavailableError:
                    await asyncio.sleep(_LOOK)
                else:
                    break
        except JobError as error:
            self._end(str(error))
            raise
        finally:
            watch.cancel()
        self._whole.delete()
        return outcomes

    async def _look_after_server(self) -> None:
        """Says so while the server cannot be reached: following itself is patient, and silent."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                await self._client.get_job(self._job.name)
            except UnavailableError:
                self._away.set_visibility(True)
            else:
                self._away.set_visibility(False)

    async def _take(self, event: JobEvent) -> None:
        own, progress = event.job == self._job.name, event.progress
        if own and progress.loss is not None:
            self._losses[progress.step] = progress.loss
        now = time.monotonic()
        if now - self._drawn < _PAUSE:
            return
        self._drawn = now
        self._away.set_visibility(False)
        total = f"/{progress.total}" if progress.total else ""
        loss = f", loss {progress.loss:.4g}" if own and progress.loss is not None else ""
        what = "" if own else "an eigenbasis first, once for this generator: "
        self._words.set_text(f"{event.state.value}: {what}{progress.phase} {progress.step}{total}{loss}")
        self._bar.set_value(progress.step / progress.total if progress.total else 0.0)
        if len(self._losses) > 1:
            losses = sorted(self._losses.items())
            self._curve.set_content(loss_curve("best so far, mean over the photographs", "updates", losses))
        if own and event.previews:
            self._preview(event.previews)

    def _end(self, words: str) -> None:
        self._words.set_text(words)
        self._words.classes("failed")
        self._bar.delete()
        self._cancel.delete()

    async def _cancelled(self) -> None:
        await self._job.cancel()


def loss_curve(title: str, across: str, losses: Sequence[tuple[float, float]]) -> str:
    """The curve of a loss, by powers of ten, as markup.

    Args:
        title: What it shows.
        across: What x is.
        losses: Of x and the loss.
    """
    every = max(1, -(-len(losses) // _MOST_POINTS))
    thinned = [*losses[::every], *losses[-1:]]
    points = [(x, math.log10(loss)) for x, loss in thinned if loss > 0]
    return chart(title, across, "loss, log₁₀", [Line(title, points)])
