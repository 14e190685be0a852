"""Page of an inversion: it is followed while it goes on, and what was found is shown when it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nicegui import ui

from pullback_client.aio import AsyncClient, AsyncJob
from pullback_client.catalogue import Generator
from pullback_client.errors import InvalidArgumentError, NotFoundError
from pullback_client.inversion.result import InversionOutcome
from pullback_client.studio.frame import RESPONSE_SECONDS, page
from pullback_client.studio.pages.photograph.course import Course
from pullback_client.studio.pages.photograph.results import Results
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.tasks import start
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_LOSES = (
    "What was found is on the server; the photographs themselves are gone where the studio was restarted, and pasting "
    "back needs them again."
)


@dataclass(frozen=True, eq=False)
class _Found:
    """An inversion that a name stands for.

    Attributes:
        generator: Its generator.
        job: The job that computes it; None where that was deleted.
        outcomes: What was found, where the job is not there to be followed.
    """

    generator: Generator
    job: AsyncJob[Any] | None
    outcomes: Sequence[InversionOutcome] = ()


@ui.page("/photograph/{names}", response_timeout=RESPONSE_SECONDS)
def follow(names: str) -> None:
    """The page.

    Args:
        names: Ids of jobs or of finished inversions, with commas between them.
    """
    with page("Photograph", here="/photograph", loses=_LOSES) as visitor:
        ui.add_head_html('<link rel="stylesheet" href="/studio/photograph.css">')
        with ui.element("div").classes("flow"):
            ui.link("Other photographs", "/photograph")
            ui.link("The same ones again, otherwise", f"/photograph?again={names}").set_visibility(
                any(visitor.photographs.of(f"jobs/{name}") for name in names.split(","))
            )
        for name in names.split(","):
            loaded(partial(_find, visitor.client, name), partial(_draw, visitor), what=f"the inversion {name}")


async def _find(client: AsyncClient, name: str) -> _Found:
    """The inversion of a name.

    Raises:
        NotFoundError: There is neither a job nor an inversion of that name.
        InvalidArgumentError: The job does something else.
    """
    try:
        job: AsyncJob[Any] = await client.get_job(f"jobs/{name}")
    except NotFoundError:
        outcomes = await client.get_inversion(f"inversions/{name}")
        settings = next((each.settings for each in outcomes if hasattr(each, "settings")), None)
        if settings is None:
            raise
        return _Found(await client.get_generator(id_of(settings["generator"])), None, outcomes)
    if job.kind != "inversion":
        raise InvalidArgumentError(f"{job.name} is no inversion, but works on {job.kind}: the home page lists all jobs")
    return _Found(await client.get_generator(id_of(job.generator)), job)


def _draw(visitor: Visitor, found: _Found) -> None:
    job = found.job
    results = Results(visitor, found.generator, job)
    if job is None:
        results.finish(found.outcomes)
        return
    with results.top:
        course = Course(visitor.client, job, results.preview)

    async def run() -> None:
        results.finish(await course.result())

    start(run(), name=f"follow {job.name}", within=results.top)
