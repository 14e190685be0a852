"""Calls of the store off the event loop: those that write in order in one thread, those that read beside them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import grpc

from pullback_server.damage import DataLossError
from pullback_server.errors import ApiError
from pullback_server.store import (
    RefusedTextError,
    StorageBusyError,
    StorageFullError,
    StorageUnavailableError,
    StoreError,
    UnreadableError,
    only_reads,
)

READERS = 4
# How long a caller waits for a database that another program holds, before being told to come again: less than what
# HTTP answers within.
PATIENCE_SECONDS = 3.0

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


class StoreUnavailableError(ApiError):
    """The store can be neither read nor written at the moment; nothing has happened, and the same may succeed later."""

    def __init__(self, fault: StorageUnavailableError) -> None:
        full = isinstance(fault, StorageFullError)
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED if full else grpc.StatusCode.UNAVAILABLE, fault.told)


class Transactions:
    """Threads that call the store. What is asked for first is written first.

    Attributes:
        trouble: Why nothing can be written at the moment, in words that callers may hear; empty while all is well.
    """

    def __init__(self) -> None:
        self.trouble = ""
        self._answers = {True: 0, False: 0}
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="store-reader")

    async def call(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a method of the store, or a function that calls some.

        Raises:
            StoreUnavailableError: The disk is full or fails, or another program holds the database.
            ApiError: DATA_LOSS where what is stored is damaged; what the method raises.
        """
        reading = only_reads(method)
        deadline = time.monotonic() + PATIENCE_SECONDS

        def work() -> T:
            return method(*args, **kwargs) if reading else _patiently(lambda: method(*args, **kwargs), deadline)

        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._readers if reading else self._writer, work)
        except StorageUnavailableError as error:
            self._note(error)
            raise StoreUnavailableError(error) from error
        except RefusedTextError as error:
            raise ApiError(grpc.StatusCode.INVALID_ARGUMENT, error.told) from None
        except UnreadableError as error:
            raise DataLossError(error) from error
        except StoreError as error:
            _log.error("%s", error)
            raise ApiError(grpc.StatusCode.DATA_LOSS, error.told) from error
        self._answers[reading] += 1
        if not reading and self.trouble:
            _log.warning("the store can be written again")
            self.trouble = ""
        return result

    def answers(self, method: Callable[..., Any]) -> int:
        """How many calls of such methods, those that read or those that write, have been answered so far."""
        return self._answers[only_reads(method)]

    async def close(self) -> None:
        """Ends the threads, after what they are at."""
        await asyncio.to_thread(self._writer.shutdown)
        await asyncio.to_thread(self._readers.shutdown)

    def _note(self, error: StorageUnavailableError) -> None:
        # It is said once, and not by every caller.
        if self.trouble != error.told:
            _log.error("%s", error)
        self.trouble = error.told


def _patiently(work: Callable[[], T], deadline: float) -> T:
    """Tries until the database is free, at least once; nothing was written where it was not."""
    while True:
        try:
            return work()
        except StorageBusyError:
            if time.monotonic() >= deadline:
                raise
