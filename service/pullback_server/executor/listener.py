"""Listener to a worker: its messages and its end are read in a thread, and passed on to the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from pullback_server.protocol.calls import CallMessage
from pullback_server.protocol.messages import Computing, DeviceMemory, JobMessage, Ready

EXIT_SECONDS = 2.0

# What is passed on to the loop.
Said = Ready | DeviceMemory | JobMessage | CallMessage

_log = logging.getLogger(__name__)


class Listener:
    """Reads what a process says, in a thread: the pipe has no asynchronous end that every platform offers.

    Args:
        loop: Where it is passed on.
        on_message: Called on the loop.
        on_computing: Called in the thread, as it comes, with the jobs that are computed from now on.
        ended: Gets the process's exit code.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_message: Callable[[Said], None],
        on_computing: Callable[[frozenset[str]], None],
        ended: asyncio.Future[int | None],
    ) -> None:
        self._loop = loop
        self._on_message = on_message
        self._on_computing = on_computing
        self._ended = ended

    def listen(self, connection: Connection, process: BaseProcess) -> None:
        """Passes messages on to the loop until the process ends; then its exit code."""
        try:
            while True:
                message = connection.recv()
                if isinstance(message, Computing):
                    # Comes with every change of turns, and is asked for only when the worker dies.
                    self._on_computing(message.jobs)
                else:
                    self._post(self._on_message, message)
        except (EOFError, OSError):
            pass
        except Exception:
            _log.exception("what a worker said cannot be read")
        process.join(timeout=EXIT_SECONDS)
        if process.exitcode is None:
            # It says nothing any more, so it is of no use.
            process.kill()
            process.join()
        connection.close()
        self._post(self._end, process.exitcode)

    def _end(self, exit_code: int | None) -> None:
        if not self._ended.done():
            self._ended.set_result(exit_code)

    def _post(self, callback: Callable[..., None], *arguments: object) -> None:
        # The loop is closed when the server has ended.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)
