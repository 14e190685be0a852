"""Keeper of the store: once an hour, what nobody waits for."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from pullback_server.jobs.scheduler import Scheduler
from pullback_server.keeping.collection import collect
from pullback_server.keeping.retention import Retention
from pullback_server.store import Store
from pullback_server.supervision import Health, Part, supervised
from pullback_server.transactions import StoreUnavailableError

ROUND_SECONDS, RETRY_SECONDS = 3600.0, 60.0


class Keeper:
    """Has what is too old deleted, and files collected that nothing refers to, again and again until `stop`.

    Args:
        store: Where they are.
        scheduler: Calls it.
        data: The data folder.
        days: How old photographs may become; None = as old as they like.
        health: Sees how it is.
    """

    def __init__(self, store: Store, scheduler: Scheduler, data: Path, days: float | None, health: Health) -> None:
        self._store, self._scheduler = store, scheduler
        self._retention = Retention(store, scheduler, data, days)
        self._task = supervised("keeper", partial(self._keep, health.part("keeper")), health)

    async def stop(self) -> None:
        """Ends; what it was about to delete stays for the next one."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self, part: Part) -> None:
        while True:
            try:
                await self._retention.enforce()
                await collect(self._store, self._scheduler, await self._scheduler.in_store(self._store.orphans))
            except StoreUnavailableError as error:
                part.unwell(f"what is to be deleted stays: {error.message}")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                part.well()
                await asyncio.sleep(ROUND_SECONDS)
