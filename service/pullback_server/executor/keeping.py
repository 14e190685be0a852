"""Keepers of worker processes: each of them keeps one going, and all of a place end together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from pullback_server.executor.worker import JobListener, Settings, Worker
from pullback_server.protocol.messages import JobMessage, Ready
from pullback_server.supervision import Health, supervised


class Keepers:
    """Worker processes, kept going until they are stopped.

    Args:
        health: Where they and their keepers are seen.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._workers: list[Worker] = []
        self._tasks: list[asyncio.Task[None]] = []

    def keep(
        self,
        name: str,
        settings: Settings,
        listener: JobListener,
        *,
        on_ready: Callable[[Ready], None] = lambda _: None,
        needed: bool = True,
    ) -> Worker:
        """Starts a process, and whenever it ends another one.

        Args:
            name: Its name in health.
            settings: How it runs.
            listener: Who hears of jobs.
            on_ready: Called each time that a process has started.
            needed: Whether the server is not well before it has been ready once.
        """
        worker = Worker(settings, self._health.part(name, needed=needed), listener, on_ready)
        self._workers.append(worker)
        self._tasks.append(supervised(f"{name}-keeper", worker.run, self._health))
        return worker

    async def stop(self, seconds: float) -> None:
        """Ends the processes; kills those that do not end by themselves in that time."""
        for worker in self._workers:
            worker.stop()
        # One that is not ready hears nothing, and has nothing to end.
        if ending := [asyncio.create_task(each.gone()) for each in self._workers if each.ready]:
            await asyncio.wait(ending, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class NoJobs:
    """Hears of a worker that has no jobs."""

    def on_job_message(self, message: JobMessage) -> None:
        """There are no jobs."""

    def on_jobs_lost(self, jobs: Collection[str], computing: Collection[str], reason: str) -> None:
        """There are no jobs."""

    def on_room(self) -> None:
        """It is given none."""
