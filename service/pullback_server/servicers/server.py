"""The `Server` service."""

from __future__ import annotations

import time
from collections.abc import Collection
from importlib.metadata import version
from typing import Any

import grpc

from pullback_api.v1 import server_pb2, server_pb2_grpc
from pullback_server.access import identity
from pullback_server.executor import Executor, Occupation
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.watched import JobWatch
from pullback_server.names import generator_name, job_name
from pullback_server.store import Store
from pullback_server.supervision import Health
from pullback_server.watching.parts import resident_bytes

Context = grpc.aio.ServicerContext[Any, Any]


class ServerServicer(server_pb2_grpc.ServerServicer):
    """Tells how the server is, by what its health, its workers and its watch over jobs know already.

    Args:
        store: Knows which jobs a key sees.
        scheduler: Asks it off the event loop.
        executor: The workers.
        jobs: Knows the jobs that have not ended.
        health: How the parts are.
    """

    def __init__(self, store: Store, scheduler: Scheduler, executor: Executor, jobs: JobWatch, health: Health) -> None:
        self._store = store
        self._in_store = scheduler.in_store
        self._executor = executor
        self._jobs = jobs
        self._health = health
        self._version = version("pullback")
        self._began = time.monotonic()

    async def GetServerStatus(
        self, request: server_pb2.GetServerStatusRequest, context: Context
    ) -> server_pb2.ServerStatus:
        """See the contract."""
        at_work = {job for each in self._executor.occupations() for job in (*each.jobs, *each.helping)}
        seen = await self._seen(at_work)
        status = server_pb2.ServerStatus(
            version=self._version,
            uptime_seconds=time.monotonic() - self._began,
            draining=self._health.closed,
            queued_jobs=self._jobs.queued,
            running_jobs=self._jobs.running,
            # Looked at again: jobs may have ended meanwhile; others that have begun are not known to be seen.
            workers=[self._worker(each, seen) for each in self._executor.occupations()],
        )
        for part, trouble in self._health.troubles.items():
            status.troubles.add(part=part, trouble=trouble)
        return status

    async def _seen(self, jobs: Collection[str]) -> Collection[str] | None:
        """Those of these jobs that the caller sees; None for all jobs."""
        if (key := identity().seen_by) is None:
            return None
        return await self._in_store(self._store.keys.seen_jobs, jobs, key) if jobs else ()

    def _worker(self, found: Occupation, seen: Collection[str] | None) -> server_pb2.WorkerStatus:
        status = server_pb2.WorkerStatus(
            name=found.part.name,
            device=_device(found),
            trouble=found.part.trouble or "",
            restarts=found.part.restarts,
            resident_bytes=resident_bytes(found.part),
            open_calls=found.open_calls,
        )
        for helping, job_ids in enumerate((found.jobs, found.helping)):
            for job_id in job_ids:
                # One that was cancelled is on its worker for a moment more.
                if (job := self._jobs.running_job(job_id)) is None:
                    continue
                if seen is not None and job_id not in seen:
                    status.other_jobs += 1
                    continue
                status.jobs.add(
                    name=job_name(job_id),
                    kind=server_pb2.JobKind.Value(f"JOB_KIND_{job.kind.upper()}"),
                    generator=generator_name(job.generator) if job.generator else "",
                    seconds=job.seconds,
                    helping=bool(helping),
                )
        return status


def _device(found: Occupation) -> server_pb2.Device | None:
    if found.device is None:
        return None
    memory = found.part.device_memory
    return server_pb2.Device(
        name=found.device,
        model=found.model,
        memory_limit_bytes=memory.get("limit"),
        memory_used_bytes=memory.get("allocated"),
        memory_total_bytes=memory.get("total"),
    )
