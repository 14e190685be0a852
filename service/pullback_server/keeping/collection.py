"""Collection of files that nothing refers to any more, a few at a time: others write between two pieces."""

from __future__ import annotations

from collections.abc import Sequence

from pullback_server.jobs.scheduler import Scheduler
from pullback_server.store import Store

# Removed in one turn of the thread that writes: some milliseconds.
_PIECE = 20


async def collect(store: Store, scheduler: Scheduler, digests: Sequence[str]) -> int:
    """Removes those files of these to which no row refers; returns how many.

    What is left where this is interrupted is found by the next collection: see `Store.orphans`.
    """
    removed = 0
    for begin in range(0, len(digests), _PIECE):
        removed += await scheduler.in_store(store.collect, digests[begin : begin + _PIECE])
    return removed
