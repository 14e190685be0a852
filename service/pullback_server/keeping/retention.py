"""Retention: photographs, and what became of them, deleted once they are older than the operator lets them be.

Deleted are jobs that ended before, with inversions and tunings that they made and jobs of other kinds of which nothing
is left; inversions and tunings whose job is gone; and files that were moved aside. What a job is given and its
checkpoint go when it ends, and previews are never written. Eigenbases, analyses and directions are no personal data and
stay; so do sessions, which are experiments: DeleteSession deletes those.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from pullback_server.jobs.scheduler import Scheduler
from pullback_server.store import InUseError, NotEndedError, Store

# Names that are asked for at once.
_PAGE = 200
# A clock that has gone so much farther than time has was set: what is old is not known.
_JUMP = timedelta(hours=12)

_log = logging.getLogger(__name__)


class Retention:
    """Deletes what is older than so many days. Lives on the event loop; the store's threads do the work, job by job.

    Args:
        store: Where it is.
        scheduler: Calls it.
        data: The data folder, in which `aside` is what was moved aside.
        days: How old it may become; None = as old as it likes.
        now: The time; in tests another one.
    """

    def __init__(
        self,
        store: Store,
        scheduler: Scheduler,
        data: Path,
        days: float | None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._store, self._scheduler, self._aside, self._days, self._now = store, scheduler, data / "aside", days, now
        self._seen = now(), time.monotonic()

    async def enforce(self) -> int:
        """Deletes what is too old; returns how many resources and files that were.

        Raises:
            StoreUnavailableError: Nothing can be deleted at the moment.
        """
        if self._days is None or not self._clock_goes_right():
            return 0
        before = self._now() - timedelta(days=self._days)
        jobs = await self._each(
            self._store.deletion.expired_jobs, before, lambda job: self._store.deletion.job(job, with_result=True)
        )
        results = await self._each(self._store.deletion.expired_results, before, self._store.results.delete)
        files = await asyncio.to_thread(_delete_files, self._aside, before.timestamp())
        if jobs or results or files:
            _log.info(
                "older than %g days, and deleted: %d jobs, %d inversions and tunings without one, %d files moved aside",
                self._days,
                jobs,
                results,
                files,
            )
        return jobs + results + files

    async def _each(
        self, expired: Callable[..., list[tuple[int, str]]], before: datetime, delete: Callable[[str], Any]
    ) -> int:
        """Deletes what is found, one after another: whoever writes has a turn in between."""
        deleted, after = 0, 0
        while page := await self._scheduler.in_store(expired, before, after=after, limit=_PAGE):
            for after, name in page:  # noqa: B007  (the next page begins behind the last)
                # What is used is deleted when it is used no more.
                with contextlib.suppress(InUseError, NotEndedError):
                    await self._scheduler.in_store(delete, name)
                    deleted += 1
        return deleted

    def _clock_goes_right(self) -> bool:
        (then, began), now = self._seen, self._now()
        astray = abs((now - then) - timedelta(seconds=time.monotonic() - began))
        if astray <= _JUMP:
            return True
        _log.error("the clock was set by %s; nothing is deleted for its age until the server is started again", astray)
        return False


def _delete_files(folder: Path, before: float) -> int:
    """Deletes files below a folder that were last written before a time, and folders that are empty then."""
    deleted = 0
    for root, folders, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(root, name)
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < before:
                    path.unlink()
                    deleted += 1
        for name in folders:
            with contextlib.suppress(OSError):
                Path(root, name).rmdir()
    return deleted
