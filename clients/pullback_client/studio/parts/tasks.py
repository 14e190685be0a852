"""Tasks of a page, which end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from nicegui import background_tasks, ui


def start(work: Coroutine[Any, Any, object], *, name: str, within: ui.element) -> asyncio.Task[Any]:
    """Runs something beside the page, and cancels it when the page is gone.

    Args:
        work: What is run; its errors are shown to the visitor.
        name: Name of the task.
        within: The part of the page where it makes its elements.
    """
    task = background_tasks.create(work, name=name, context=within)
    handlers = within.client.delete_handlers
    handlers.append(task.cancel)

    def done(_: asyncio.Task[Any]) -> None:
        with suppress(ValueError):  # the page is gone, and has its handlers no more
            handlers.remove(task.cancel)

    task.add_done_callback(done)
    return task
