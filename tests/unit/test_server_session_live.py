"""A live session and workers that come and go, without processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pullback_server.errors import unavailable
from pullback_server.sessions import live
from pullback_server.sessions.events import Began
from pullback_server.sessions.registry import SessionRegistry
from pullback_server.sessions.thread import ThreadState
from pullback_server.store import Store
from pullback_server.worker.messages import Evolved
from session_driver import session_spec


class Workers:
    """An executor whose only worker cannot start for a while, and dies a few times when it can."""

    def __init__(self, *, starts_after: int, deaths: int) -> None:
        self.starts_after = starts_after
        self.deaths = deaths
        self.looks = 0

    def loads(self) -> list[Any]:
        self.looks += 1
        return [[] if self.looks > self.starts_after else None]

    async def begin_search(self, **call: Any) -> Evolved:
        # A call that is sent to a worker that cannot start ends with its death.
        if self.looks < self.starts_after or self.deaths:
            self.deaths = max(0, self.deaths - 1)
            raise unavailable("the worker process died")
        return Evolved(b"state", np.zeros((call["count"], 2), np.float32), (("sampled", ()),) * call["count"])

    async def render(self, **call: Any) -> AsyncIterator[Any]:
        for each in ():
            yield each


class Turns:
    """A scheduler without a thread."""

    async def in_store(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("starts_after", "deaths", "state"),
    [(0, 0, ThreadState.OPEN), (0, 3, ThreadState.OPEN), (100, 3, ThreadState.OPEN), (0, 100, ThreadState.FAILED)],
)
def test_a_thread_waits_for_a_worker_that_cannot_start_and_fails_where_its_optimizer_ends_them(
    store: Store, monkeypatch: pytest.MonkeyPatch, starts_after: int, deaths: int, state: ThreadState
) -> None:
    monkeypatch.setattr(live, "WORKER_SECONDS", 0.0)
    workers: Any = Workers(starts_after=starts_after, deaths=deaths)
    turns: Any = Turns()

    async def run() -> ThreadState:
        registry = SessionRegistry(store, turns, workers)
        spec = session_spec(({"generator": "generators/tiny"},))
        began = Began("0.1.0", ("a" * 64,), ("",), ())
        await registry.create("a", request_id="", content=b"", spec=spec, began=began)
        async with registry.using("a") as session:
            while (found := await session.read(lambda each: each.threads[0].state)) == ThreadState.EVOLVING:
                await asyncio.sleep(0)
        await registry.stop()
        return found

    assert asyncio.run(asyncio.wait_for(run(), timeout=30)) == state
