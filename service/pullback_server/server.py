"""Server from start to end: what is built of what, and in which order it begins and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from pullback import generators
from pullback_server.access import (
    TOKEN_FILE,
    Access,
    AccessInterceptor,
    Announcement,
    Keys,
    TokenFileError,
    kept_token,
)
from pullback_server.address import AddressError, Endpoint, take
from pullback_server.config import Config as Config  # noqa: PLC0414 (re-exported)
from pullback_server.contract import DESCRIPTORS, METHODS
from pullback_server.decoding import Decoders
from pullback_server.errors import ErrorInterceptor
from pullback_server.executor import Executor
from pullback_server.grpc_server import build_grpc
from pullback_server.importing import Importers
from pullback_server.intake.admission import Admission
from pullback_server.intake.callers import caller
from pullback_server.intake.entrance import Entrance
from pullback_server.intake.field_limits import MAX_REQUEST_BYTES
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.watched import JobWatch
from pullback_server.keeping.audit import Trail, audited
from pullback_server.keeping.keeper import Keeper
from pullback_server.processes.disposable import Disposable
from pullback_server.servicers import (
    AccessServicer,
    DirectionsServicer,
    GeneratorsServicer,
    GeometryServicer,
    InversionServicer,
    JobsServicer,
    SearchServicer,
    ServerServicer,
    TuningsServicer,
)
from pullback_server.sessions.creation import Creation
from pullback_server.sessions.registry import SessionRegistry
from pullback_server.store import StorageUnavailableError, Store, tighten
from pullback_server.store.folder_lock import FolderInUseError, FolderLock
from pullback_server.studio import Studio, StudioError
from pullback_server.supervision import Health
from pullback_server.tls.files import TlsError
from pullback_server.tls.reach import Reach
from pullback_server.tunings import Tunings
from pullback_server.watching import TracingError, Watch, WatchingInterceptor

if TYPE_CHECKING:
    from pullback_server.http import HttpServer

GRACE_SECONDS = 5.0
HTTP_HINT = "--http needs Python 3.11 or newer, and connectrpc, starlette and uvicorn: pip install 'pullback[service]'"

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The server cannot start; says why, and what to do."""


def _local_executor(config: Config, health: Health) -> Executor:
    return Executor(
        config.devices,
        checkpoint_seconds=config.checkpoint_seconds,
        log_level=config.log_level,
        health=health,
        memory=config.memory,
    )


@dataclass(frozen=True)
class Parts:
    """Parts of a server that others can be put in the place of, as the tests' server without processes does.

    Attributes:
        executor: Makes what computes jobs and answers calls: worker processes of this machine.
        disposable: What parses untrusted bytes: processes that are killed where it goes wrong.
        interceptors: What stands between the entrance of gRPC's calls and the servicers.
    """

    executor: Callable[[Config, Health], Executor] = _local_executor
    disposable: type[Disposable] = Disposable
    interceptors: tuple[grpc.aio.ServerInterceptor, ...] = ()  # type: ignore[type-arg]


PROCESSES = Parts()
"""The parts of a server as people run it."""


class Server:
    """A server over one data folder.

    Args:
        config: How to run it.
        parts: What it is built of.

    Raises:
        AddressError: An address is one that others may not reach, or both are the same.
        StartError: A package is missing.
    """

    def __init__(self, config: Config, parts: Parts = PROCESSES) -> None:
        self._reach = Reach(
            config.listen,
            config.http,
            everybody=config.open,
            tls=config.tls,
            insecure=config.insecure,
            studio=config.studio,
        )
        try:
            self.watch = Watch(config.watching, METHODS)
        except TracingError as error:
            raise StartError(str(error)) from None
        self._config = config
        self._parts = parts
        self._http: HttpServer | None = None
        self.studio: Studio | None = None
        self.endpoint: Endpoint | None = None
        self.http_endpoint: Endpoint | None = None

    async def start(self) -> None:
        """Opens the store, starts to listen, and sets the workers going.

        Raises:
            StartError: Another server uses the folder, it cannot be used, or a package is missing.
            AddressError: A port is taken.
        """
        data = self._config.data
        try:
            self._reach.open()
        except TlsError as error:
            raise StartError(f"no TLS: {error}") from None
        self._take_folder(data)
        _tell_faults()
        # Before anything is written: a folder whose database is damaged is left as it is.
        self._store = Store(data, self._config.database)
        self._announcement = Announcement(required=not self._config.open)
        self._keys = Keys(self._store.keys.all(), self._config.quotas)
        self._access = self._decide_access(data)
        self._sweep()
        self._broker = EventBroker()
        self._health = Health()
        self._executor = self._parts.executor(self._config, self._health)
        checkpoints = Checkpoints(data / "checkpoints")
        jobs = JobWatch(self.watch.metrics, self.watch.tracing)
        self._scheduler = Scheduler(
            self._store, self._executor, self._broker, checkpoints, self._health, jobs, self._keys
        )
        self._importers = Importers(self._parts.disposable)
        self._sessions = SessionRegistry(self._store, self._scheduler, self._executor, self._access, self.watch.metrics)
        self._admission = Admission(self._keys)
        self._decoders = Decoders(self._parts.disposable)
        self._trail = Trail(data)
        servicers = self._build_servicers(jobs)
        for servicer, service in zip(servicers, DESCRIPTORS, strict=True):
            audited(servicer, service, self._trail, who=caller)
        self._grpc = build_grpc(
            servicers,
            self._health,
            [
                WatchingInterceptor(self.watch.calls),
                ErrorInterceptor(),
                AccessInterceptor(self._access),
                Entrance(self._admission),
                *self._parts.interceptors,
            ],
        )
        self.endpoint = self._listen(self._config.listen)
        if self._config.studio is not None:
            self.studio = Studio(self._config.studio)
            self._grpc.add_insecure_port(self.studio.target)
        if self._config.http is not None:
            self._http = self._build_http(self._config.http, dict(zip(DESCRIPTORS, servicers, strict=True)))
        await self._scheduler.start()
        await self._sessions.start()
        self._keeper = Keeper(self._store, self._scheduler, data, self._config.retention, self._health)
        self._announcement.announce(*(each.port for each in (self.endpoint, self.http_endpoint) if each is not None))
        await self._grpc.start()
        if self._http is not None:
            self._http.start()
        if self.studio is not None:
            await asyncio.to_thread(self._open_studio, self.studio)
        await self.watch.start(
            self._health,
            data,
            sessions=lambda: self._sessions.in_memory,
            stored=lambda: self._scheduler.in_store(self._store.bytes_by_kind),
        )

    async def stop(self) -> None:
        """Drains: running jobs end or stop at a checkpoint, open calls end, nothing is lost."""
        self._health.close()
        if self.studio is not None:
            await asyncio.to_thread(self.studio.stop)
        await self._keeper.stop()
        await self._scheduler.drain(self._config.watching.drain)
        self._broker.close()
        await self._sessions.stop()
        await asyncio.gather(self._grpc.stop(GRACE_SECONDS), *([self._http.stop()] if self._http else []))
        self._announcement.withdraw()
        await self._importers.close()
        await self._decoders.close()
        await self._scheduler.stop()
        await self.watch.stop()
        await asyncio.to_thread(self._trail.close)
        self._store.close()
        self._lock.release()

    def _take_folder(self, data: Path) -> None:
        self._lock = FolderLock(data)
        try:
            self._lock.acquire()
            tightened = tighten(data)
        except FolderInUseError:
            raise StartError(f"another server uses {data}; stop it, or choose another --data folder") from None
        except OSError as error:
            reason = error.strerror or error
            raise StartError(f"cannot keep data in {data}: {reason}; choose another --data folder") from None
        if tightened:
            _log.warning("others had rights to %d files and folders in %s: they are yours alone now", tightened, data)

    def _decide_access(self, data: Path) -> Access:
        if self._config.open:
            _log.warning("--open: every user of this machine can use this server, see its images and end its jobs")
            return Access(None)
        try:
            token = kept_token(data)
        except TokenFileError as error:
            raise StartError(str(error)) from None
        _log.info("programs of this user are let in by themselves, any other by the token in %s", data / TOKEN_FILE)
        return Access(token, self._announcement.token, self._keys)

    def _open_studio(self, studio: Studio) -> None:
        certificates = self._reach.certificates
        try:
            studio.start(
                None if self._config.open else kept_token(self._config.data),
                None if certificates is None else certificates.for_http,
                self._reach.hosts,
            )
        except StudioError as error:
            studio.stop()
            raise StartError(str(error)) from None

    def _sweep(self) -> None:
        try:
            swept = self._store.sweep_blobs()
        except StorageUnavailableError as error:
            _log.warning("what an earlier server left unfinished stays until the next start: %s", error)
            return
        if swept.removed:
            _log.info("removed %d files that an earlier server left unfinished", swept.removed)
        if swept.strangers:
            _log.warning(
                "%d files of %s are not known to its database, which is new, or older than they are: they %s. "
                "If the database that knows them turns up, stop the server, put both back, and start again",
                swept.strangers,
                self._config.data / "blobs",
                f"were moved to {swept.aside}" if swept.aside else "stay where they are",
            )

    def _listen(self, address: str) -> Endpoint:
        # gRPC is content with one address of a name where another server has the rest, so each is taken for itself. It
        # takes no sockets that are open: they are closed for the moment that it needs.
        endpoint, listeners = take(address, beyond=self._reach.beyond)
        certificates = self._reach.certificates
        credentials = None if certificates is None else certificates.for_grpc
        for listener in listeners:
            listener.close()
        for target in endpoint.targets:
            try:
                if credentials is None:
                    taken = self._grpc.add_insecure_port(target)
                else:
                    taken = self._grpc.add_secure_port(target, credentials)
            except RuntimeError:
                taken = 0
            if taken != endpoint.port:
                raise AddressError(f"cannot listen on {address}: another program has just taken {target}; start again")
        return endpoint

    def _build_servicers(self, jobs: JobWatch) -> tuple[object, ...]:
        """What serves each of `DESCRIPTORS`, in their order."""
        return (
            GeneratorsServicer(self._executor, Tunings(self._store, self._scheduler)),
            GeometryServicer(self._store, self._scheduler),
            InversionServicer(self._store, self._scheduler, self._decoders),
            JobsServicer(self._store, self._scheduler, self._broker),
            SearchServicer(self._sessions, Creation(self._store, self._scheduler, self._decoders)),
            DirectionsServicer(self._store, self._scheduler, self._executor, self._importers),
            TuningsServicer(self._store, self._scheduler, self._decoders),
            AccessServicer(self._store, self._scheduler, self._keys),
            ServerServicer(self._store, self._scheduler, self._executor, jobs, self._health),
        )

    def _build_http(self, address: str, servicers: dict[ServiceDescriptor, Any]) -> HttpServer:
        # Imported only where it is wanted: gRPC serves without these packages, which Python 3.10 does not get.
        try:
            from pullback_server.http import HttpServer  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise StartError(f"{HTTP_HINT} ({error})") from None
        server = HttpServer(
            servicers,
            self._health,
            max_request_bytes=MAX_REQUEST_BYTES,
            grace_seconds=GRACE_SECONDS,
            access=self._access,
            admission=self._admission,
            hosts=self._reach.hosts,
            beyond=self._reach.beyond,
            tls=None if self._reach.certificates is None else self._reach.certificates.for_http,
            watch=self.watch.calls,
        )
        self.http_endpoint = server.bind(address)
        return server


def _tell_faults() -> None:
    for fault in generators.read_catalogue().faults:
        what = f"the generator {fault.name!r}" if fault.name else "what a catalogue file adds"
        _log.error("%s cannot be used; everything else is served: %s", what, fault.reason)
