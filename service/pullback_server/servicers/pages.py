"""Pages of the resources that belong to generators."""

from __future__ import annotations

from typing import Protocol

from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import ANY_GENERATOR
from pullback_server.servicers.cursors import read_cursor
from pullback_server.servicers.paging import decode_token, encode_token, page_size
from pullback_server.specs import find_generator
from pullback_server.store import ResultRecord, Store, UnreadableError


class ListRequest(Protocol):
    """A request for a page of what belongs to one generator, or to any."""

    parent: str
    page_size: int
    page_token: str


async def page_of_results(
    scheduler: Scheduler, store: Store, kind: str, request: ListRequest
) -> tuple[list[ResultRecord | UnreadableError], str]:
    """One page of a generator's results, newest first, errors in the place of damaged ones, and the token of the next.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT for a page size or token that cannot be used.
    """
    size = page_size(request.page_size)
    generator = None if request.parent == ANY_GENERATOR else find_generator(request.parent, "parent").name
    before = read_cursor(decode_token(request.page_token))
    rows = await scheduler.in_store(store.results.page, kind, generator=generator, limit=size + 1, before=before)
    following = encode_token(str(rows[size - 1][0])) if len(rows) > size else ""
    return [record for _, record in rows[:size]], following
