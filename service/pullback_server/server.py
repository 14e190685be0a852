"""The server from start to end: what is built of what, and in which order it begins and stops."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from filelock import FileLock, Timeout
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from pullback_api.v1 import (
    generators_pb2,
    generators_pb2_grpc,
    geometry_pb2,
    geometry_pb2_grpc,
    inversion_pb2,
    inversion_pb2_grpc,
    jobs_pb2,
    jobs_pb2_grpc,
)
from pullback_server.address import check_loopback
from pullback_server.errors import ErrorInterceptor
from pullback_server.events import EventBroker
from pullback_server.executor import Executor
from pullback_server.scheduler import Scheduler
from pullback_server.servicers import GeneratorsServicer, GeometryServicer, InversionServicer, JobsServicer
from pullback_server.store import Store

MAX_REQUEST_BYTES = 64 * 1024 * 1024
GRACE_SECONDS = 5.0
SERVICES = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (generators_pb2, "Generators"),
        (geometry_pb2, "Geometry"),
        (inversion_pb2, "Inversion"),
        (jobs_pb2, "Jobs"),
    )
)
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    # Two servers on one port would share its calls between them.
    ("grpc.so_reuseport", 0),
    # A quiet watch is kept alive by the client's pings; by default they would be taken for abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The server cannot start; says why, and what to do."""


@dataclass(frozen=True)
class Config:
    """How to run a server.

    Attributes:
        listen: `host:port` on the loopback interface; port 0 for any free one.
        data: Folder of everything that is kept.
        devices: A worker process each: `auto`, `cpu`, `cuda:0`, …
        checkpoint_seconds: How much work of a job a crash can undo at most.
        log_level: Of the standard library's logging.
    """

    listen: str
    data: Path
    devices: list[str] = field(default_factory=lambda: ["auto"])
    checkpoint_seconds: float = 2.0
    log_level: int = logging.INFO


class Server:
    """A server over one data folder."""

    def __init__(self, config: Config) -> None:
        check_loopback(config.listen)
        self._config = config
        self.port = 0

    async def start(self) -> None:
        """Opens the store, starts to listen, and sets the workers going.

        Raises:
            StartError: Another server uses the folder, or the port is taken.
        """
        data = self._config.data
        data.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(data / "lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StartError(f"another server uses {data}; stop it, or choose another --data folder") from None
        self._store = Store(data)
        swept = self._store.sweep_blobs()
        if swept:
            _log.info("removed %d files that an earlier server left unfinished", swept)
        self._broker = EventBroker()
        self._executor = Executor(
            self._config.devices,
            checkpoint_seconds=self._config.checkpoint_seconds,
            log_level=self._config.log_level,
        )
        self._scheduler = Scheduler(self._store, self._executor, self._broker, data / "checkpoints")
        self._health = HealthServicer()
        self._grpc = self._build_grpc()
        try:
            self.port = self._grpc.add_insecure_port(self._config.listen)
        except RuntimeError:
            raise StartError(f"cannot listen on {self._config.listen}; is the port taken?") from None
        await self._scheduler.start()
        await self._grpc.start()
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Drains: running jobs stop at a checkpoint, open calls end, nothing is lost."""
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._scheduler.drain()
        self._broker.close()
        await self._grpc.stop(GRACE_SECONDS)
        await self._scheduler.stop()
        self._store.close()
        self._lock.release()

    def _build_grpc(self) -> grpc.aio.Server:
        server = grpc.aio.server(interceptors=[ErrorInterceptor()], options=_OPTIONS)
        generators_pb2_grpc.add_GeneratorsServicer_to_server(GeneratorsServicer(self._executor), server)
        geometry_pb2_grpc.add_GeometryServicer_to_server(GeometryServicer(self._store, self._scheduler), server)
        inversion_pb2_grpc.add_InversionServicer_to_server(InversionServicer(self._store, self._scheduler), server)
        jobs = JobsServicer(self._store, self._scheduler, self._broker)
        jobs_pb2_grpc.add_JobsServicer_to_server(jobs, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)  # type: ignore[no-untyped-call]
        names = (*SERVICES, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
        return server

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        await asyncio.gather(*(self._health.set(name, status) for name in ("", *SERVICES)))
