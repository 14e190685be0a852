"""Calls of the client for asyncio: each on a thread of its own, ended where the task that awaits it is cancelled."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from pullback_client.wire.interruption import Interruption

Result = TypeVar("Result")

MOST_CALLS = 256
"""Calls at once of one client, a thread each; further ones wait for their turn."""

UNWINDING = 5.0
"""Seconds that a cancelled task waits at most for its thread to clean up; then that goes on by itself."""

_END: Any = object()


class Calls:
    """The threads on which a client's calls are made.

    Threads are made when they are needed and used again; a call waits for none of the others, but where there are
    `MOST_CALLS`.

    Args:
        check_open: Raises where the client is closed.
    """

    def __init__(self, check_open: Callable[[], None]) -> None:
        self._check_open = check_open
        self._threads = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="pullback-aio")
        self._active: dict[Interruption, Future[Any]] = {}
        self._orders: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """What the function returns, called on another thread in a copy of this task's context.

        Cancelling the task cancels the call to the server, or ends the pause, that is under way.
        """
        self._check_open()
        interruption = Interruption()
        context = contextvars.copy_context()
        work = self._threads.submit(context.run, interruption.run, function, *arguments)
        self._active[interruption] = work
        work.add_done_callback(lambda _: self._active.pop(interruption, None))
        waited = _awaitable(work)
        try:
            return await asyncio.shield(waited)
        except asyncio.CancelledError:
            interruption.interrupt()
            # One that waits for a thread is not begun at all.
            if not work.cancel() and not waited.done():
                # What cleans up, such as telling what was scored, is done before the task goes on.
                await asyncio.wait([waited], timeout=UNWINDING)
            raise

    async def iterate(self, start: Callable[[], Iterator[Result]]) -> AsyncGenerator[Result, None]:
        """The items of an iterator, each awaited on another thread; closing this one closes that one."""
        items = await self.run(start)
        try:
            while (item := await self.run(next, items, _END)) is not _END:
                yield item
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                # Where its thread is still cleaning up, it closes itself.
                with suppress(ValueError):
                    await self.run(close)

    def order(self, name: str) -> asyncio.Lock:
        """What keeps calls that are to reach the server in their order, of the resource of that name."""
        return self._orders.setdefault(name, asyncio.Lock())

    async def close(self, close: Callable[[], None]) -> None:
        """Ends all calls, which raise CallCancelledError, then calls `close`, once their threads have cleaned up."""
        loop = asyncio.get_running_loop()
        active = dict(self._active)
        for interruption in active:
            interruption.interrupt()
        if active:
            await asyncio.wait([_awaitable(work) for work in active.values()], timeout=UNWINDING)
        await loop.run_in_executor(self._threads, close)
        self._threads.shutdown(wait=False)


def _awaitable(work: Future[Result]) -> asyncio.Future[Result]:
    """The future as asyncio awaits it; an error that nobody awaits any more is no reason to warn."""
    waited = asyncio.wrap_future(work)
    waited.add_done_callback(lambda done: done.cancelled() or done.exception())
    return waited
