"""Tasks that run as long as the server does: one that ends before is logged, seen in health, and begun again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from pullback_server.error_texts import unforeseen
from pullback_server.supervision.health import Health, Part

# Pauses before a task begins again: after its first end, its second, …
RESTART_SECONDS = (0.1, 0.5, 2.0, 10.0)
# A task that has gone on for so long is well, and its earlier ends are forgotten after `FORGIVEN_SECONDS`.
SETTLED_SECONDS = 1.0
FORGIVEN_SECONDS = 60.0
# A task that goes on although it was cancelled is cancelled again.
CANCEL_AGAIN_SECONDS = 1.0

_log = logging.getLogger(__name__)


def supervised(name: str, make: Callable[[], Coroutine[Any, Any, None]], health: Health) -> asyncio.Task[None]:
    """Runs what never ends by itself, again and again if it does all the same.

    The part of that name is well while the task runs, and not well from its end until it has run again for a second;
    what the task itself says of this part stands.

    Args:
        name: What the task is called in health and in the log.
        make: Makes the coroutine, each time anew.
        health: Where it is seen.

    Returns:
        Ends when it is cancelled, which cancels what was made, and waits for that.
    """
    part = health.part(name)
    part.well()
    # It goes on beyond whatever it was begun for, and is not of that: see `pullback_server.watching.context`.
    return Context().run(lambda: asyncio.create_task(_keep(name, make, part), name=f"supervised {name}"))


async def _keep(name: str, make: Callable[[], Coroutine[Any, Any, None]], part: Part) -> None:
    loop = asyncio.get_running_loop()
    ends, trouble = 0, ""
    while True:
        began = loop.time()
        # A task of its own: a coroutine that is cancelled from within would look as if the server went down.
        task = asyncio.create_task(make(), name=name)
        try:
            ended, _ = await asyncio.wait({task}, timeout=SETTLED_SECONDS)
            if not ended:
                if part.trouble == trouble:
                    part.well()
                await asyncio.wait({task})
        except asyncio.CancelledError:
            # Before Python 3.12, `asyncio.wait_for` swallows a cancellation that comes as what it waits for is done.
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)
            await asyncio.gather(task, return_exceptions=True)
            raise
        error = None if task.cancelled() else task.exception()
        trouble = _described(task, error)
        _log.error("%s %s; it begins again", name, trouble, exc_info=error)
        part.unwell(trouble)
        part.restarts += 1
        if loop.time() - began >= FORGIVEN_SECONDS:
            ends = 0
        await asyncio.sleep(RESTART_SECONDS[min(ends, len(RESTART_SECONDS) - 1)])
        ends += 1


def _described(task: asyncio.Task[None], error: BaseException | None) -> str:
    if task.cancelled():
        return "was cancelled from within"
    return "ended by itself" if error is None else f"ended with {unforeseen()}"
