"""Coroutine functions as callbacks of the synchronous client: called on a thread, run on the event loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from pullback_client.wire.interruption import cancelling


def is_asynchronous(value: object) -> bool:
    """Whether the value is a coroutine function, or an object whose call is one."""
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(getattr(value, "__call__", None))  # noqa: B004


def on_loop(function: Callable[..., Any], loop: asyncio.AbstractEventLoop) -> Callable[..., Any]:
    """A plain function that runs the coroutine function on the loop, and waits for it on its own thread."""

    def call(*arguments: Any) -> Any:
        future = asyncio.run_coroutine_threadsafe(function(*arguments), loop)
        with cancelling(future):
            return future.result()

    return call
