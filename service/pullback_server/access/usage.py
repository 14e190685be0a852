"""Usage of keys: seconds of devices in a day, bytes that are kept, and refusals of what would be too much."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta, timezone
from typing import Any

from pullback_server.access.identity import identity
from pullback_server.access.keys import Keys
from pullback_server.errors import ApiError, resource_exhausted
from pullback_server.store import Store

RETRY_SECONDS = 30.0
KEPT_SECONDS = 10.0
"""How long a sum of bytes is taken as it was found."""


class Usage:
    """Counts what each key uses. Lives on the event loop.

    Args:
        store: Keeps the seconds, and knows the files.
        in_store: Calls a method of it off the event loop.
        keys: Know what each may have.
    """

    def __init__(self, store: Store, in_store: Callable[..., Awaitable[Any]], keys: Keys) -> None:
        self._store = store
        self._in_store = in_store
        self._keys = keys
        self._seconds: dict[tuple[str, str], float] = {}
        self._bytes: dict[str, tuple[float, float]] = {}
        self._sizes: dict[str, int] = {}

    async def start(self) -> None:
        """Takes up what earlier servers have counted today."""
        day = _today()
        for key, seconds in (await self._in_store(self._store.keys.usage, day)).items():
            self._seconds[key, day] = seconds

    def today(self, key: str) -> float:
        """Seconds of devices that a key's jobs have had today."""
        return self._seconds.get((key, _today()), 0.0)

    async def add(self, key: str, seconds: float) -> None:
        """Notes that a key's job had a device so long, until now."""
        if not key:
            return
        day = _today()
        self._seconds[key, day] = self._seconds.get((key, day), 0.0) + seconds
        await self._in_store(self._store.keys.add_usage, key, day, seconds)

    async def stored_bytes(self, key: str) -> float:
        """Bytes of the files that are kept for what belongs to a key, as of a moment ago."""
        now = asyncio.get_running_loop().time()
        found, when = self._bytes.get(key, (0.0, -KEPT_SECONDS))
        if now >= when + KEPT_SECONDS:
            digests = await self._in_store(self._store.keys.files, key)
            found = float(await asyncio.to_thread(self._sum, digests))
            self._bytes[key] = (found, now)
        return found

    def has_day_left(self, key: str) -> bool:
        """Whether jobs of a key may have devices today."""
        most = self._keys.quotas(key).device_seconds
        return most is None or self.today(key) < most

    def may_run(self, key: str, running: int) -> bool:
        """Whether a key may have one more job run."""
        most = self._keys.quotas(key).running_jobs
        return most is None or running < most

    async def check_job(self, waiting: int, size: int) -> None:
        """Refuses a job of the caller for which its key has no quota left.

        Args:
            waiting: Jobs of the key that wait already.
            size: Bytes that the job brings.

        Raises:
            ApiError: RESOURCE_EXHAUSTED; says when to try again, where that is known.
        """
        key = identity().key
        quotas = self._keys.quotas(key)
        if quotas.queued_jobs is not None and waiting >= quotas.queued_jobs:
            raise resource_exhausted(
                f"the key {key!r} may have {quotas.queued_jobs:,} jobs waiting, and has {waiting:,}; try again when "
                f"some have ended, in {RETRY_SECONDS:g} s",
                RETRY_SECONDS,
            )
        if not self.has_day_left(key):
            raise _day_over(key, self.today(key), quotas.device_seconds)
        await self._check_bytes(key, quotas.stored_bytes, size)

    async def check_session(self, size: int) -> None:
        """Refuses a session of the caller for which its key has no quota left: see `check_job`."""
        key = identity().key
        quotas = self._keys.quotas(key)
        if quotas.sessions is not None:
            there = await self._in_store(self._store.keys.open_sessions, key)
            if there >= quotas.sessions:
                raise resource_exhausted(
                    f"the key {key!r} may have {quotas.sessions:,} sessions that are not closed, and has {there:,}; "
                    "close one"
                )
        await self._check_bytes(key, quotas.stored_bytes, size)

    async def _check_bytes(self, key: str, most: float | None, size: int) -> None:
        if most is None:
            return
        there = await self.stored_bytes(key)
        if there + size > most:
            raise resource_exhausted(
                f"the key {key!r} may have {most:,.0f} bytes kept, has {there:,.0f}, and {size:,} came; delete "
                "something, or ask an operator for more"
            )

    def _sum(self, digests: set[str]) -> int:
        """Runs in a thread. Sizes never change, files being named by their content."""
        for digest in digests - self._sizes.keys():
            self._sizes[digest] = self._store.blobs.size(digest) or 0
        return sum(self._sizes[digest] for digest in digests)


def _day_over(key: str, used: float, most: float | None) -> ApiError:
    now = datetime.now(timezone.utc)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), timezone.utc)
    return resource_exhausted(
        f"the key {key!r} may have devices for {most or 0:,.0f} s a day, and had them for {used:,.0f}; try again after "
        f"{midnight:%Y-%m-%d %H:%M} UTC",
        (midnight - now).total_seconds(),
    )


def _today() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%d}"
