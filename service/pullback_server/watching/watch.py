"""Watch over a server: its metrics, traces and notices, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

from pullback_server.errors import ApiError
from pullback_server.supervision import Health, supervised
from pullback_server.watching.calls import CallWatch
from pullback_server.watching.exposition import Exposition, parse_address
from pullback_server.watching.metrics import Metrics
from pullback_server.watching.options import Watching
from pullback_server.watching.parts import PartsCollector
from pullback_server.watching.systemd import notify, tell_how_it_is
from pullback_server.watching.tracing import make_tracing

# To add up what a data folder holds takes a while where there is much.
_STORED_SECONDS = 60.0


class Watch:
    """What a server is watched by.

    Args:
        watching: How it is to be watched.
        methods: `package.Service/Method` of every method that it serves.

    Attributes:
        metrics: What is counted.
        tracing: Where spans go.
        calls: Watches calls.
        exposition: Where the metrics are, from `start` on; None where nobody has asked for them.

    Raises:
        AddressError: The address of the metrics is none.
        TracingError: Traces were asked for, and OpenTelemetry is not installed.
    """

    def __init__(self, watching: Watching, methods: Collection[str]) -> None:
        if watching.metrics is not None:
            parse_address(watching.metrics)
        self._watching = watching
        self.metrics = Metrics()
        self.tracing = make_tracing("server", watching.traces)
        self.calls = CallWatch(self.metrics, self.tracing, methods)
        self.exposition: Exposition | None = None
        self._notices: asyncio.Task[None] | None = None

    async def start(
        self,
        health: Health,
        data: Path,
        sessions: Callable[[], int],
        stored: Callable[[], Awaitable[Mapping[str, int]]],
    ) -> None:
        """Exposes the metrics, and tells the service manager that the server is there.

        Args:
            health: How the server's parts are.
            data: Its data folder.
            sessions: How many sessions are in memory.
            stored: Bytes that the data folder holds, by kind; asked for once a minute at most.

        Raises:
            AddressError: The port of the metrics is taken.
        """
        PartsCollector(health, self.metrics.registry)

        asked = float("-inf")

        async def refresh() -> None:
            nonlocal asked
            self.metrics.sessions.set(sessions())
            self.metrics.disk_free.set((await asyncio.to_thread(shutil.disk_usage, data)).free)
            if time.monotonic() - asked < _STORED_SECONDS:
                return
            asked = time.monotonic()
            # While the store cannot be read there are the numbers of before.
            with contextlib.suppress(ApiError):
                for kind, size in (await stored()).items():
                    self.metrics.stored_bytes.labels(kind).set(size)

        if self._watching.metrics is not None:
            self.exposition = Exposition(self._watching.metrics, self.metrics.registry, health, refresh)
            await self.exposition.start()
        if notify("READY=1"):
            self._notices = supervised("notices", lambda: tell_how_it_is(health), health)

    async def stop(self) -> None:
        """Ends it; what was traced is sent."""
        if self._notices is not None:
            self._notices.cancel()
            await asyncio.gather(self._notices, return_exceptions=True)
        if self.exposition is not None:
            await self.exposition.stop()
        await asyncio.to_thread(self.tracing.close)
