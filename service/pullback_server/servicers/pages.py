"""Pages of the resources that belong to generators."""

from __future__ import annotations

from typing import Protocol

from pullback_server.access import identity
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import ANY_GENERATOR
from pullback_server.servicers.paging import PageRequest, page_of
from pullback_server.specs import find_generator
from pullback_server.store import EVERYBODYS, ResultRecord, Store, UnreadableError


class ListRequest(PageRequest, Protocol):
    """A request for a page of what belongs to one generator, or to any."""

    parent: str


async def page_of_results(
    scheduler: Scheduler, store: Store, kind: str, request: ListRequest
) -> tuple[list[ResultRecord | UnreadableError], str]:
    """One page of a generator's results, newest first, of those that the caller sees, and the token of the next.

    Errors stand in the place of damaged ones.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT for a page size or token that cannot be used.
    """
    generator = None if request.parent == ANY_GENERATOR else find_generator(request.parent, "parent").name
    return await page_of(
        request,
        lambda limit, before: scheduler.in_store(
            store.results.page,
            kind,
            generator=generator,
            limit=limit,
            before=before,
            seen=None if kind in EVERYBODYS else identity().seen_by,
        ),
    )
