"""Deadline of an awaitable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(seconds: float, awaitable: Awaitable[T]) -> T:
    """What an awaitable gives, if it gives it in so many seconds; otherwise it is cancelled, and has ended.

    In place of `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes with the result: what was
    to end goes on.

    Raises:
        asyncio.TimeoutError: It took longer.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        if task.cancelled():
            raise asyncio.TimeoutError
    return task.result()
