"""Admission of calls: room for their requests, and a fair share of the places of those that wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

from pullback_server.access import Keys, identity
from pullback_server.errors import resource_exhausted
from pullback_server.intake.budget import Budget, Hold
from pullback_server.intake.field_limits import MAX_REQUEST_BYTES
from pullback_server.intake.heap import give_back_memory

# Requests that are large are few: photographs, latents, scores of whole evolutions.
LARGE_TOTAL_BYTES = 2 * MAX_REQUEST_BYTES
# Small ones never wait for large ones.
SMALL_TOTAL_BYTES = MAX_REQUEST_BYTES
_SMALL_BYTES = 1024 * 1024
PATIENCE_SECONDS = 5.0
# Calls that stay open while nothing happens.
MAX_WAITING = 2_000
_WAITING = ("Wait", "Watch")
_RETRY_SECONDS = 5.0
# A request of so many bytes leaves holes in the heap, which the C library would keep for good.
_TRIMMED_BYTES = 4 * 1024 * 1024


_T = TypeVar("_T")


class Admission:
    """Lets calls in, over gRPC and over HTTP: one for the whole server.

    Args:
        keys: Know how much each may send, and how many calls it may have wait; None for no keys.
    """

    def __init__(self, keys: Keys | None = None) -> None:
        self._keys = keys or Keys()
        self._large = Budget(LARGE_TOTAL_BYTES, PATIENCE_SECONDS)
        self._small = Budget(SMALL_TOTAL_BYTES, PATIENCE_SECONDS)
        self._waiting: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def admit(self, method: str, caller: str, most: int) -> AsyncIterator[Hold]:
        """Holds a call's room until the end of the block.

        Args:
            method: Full name of the method.
            caller: Who calls.
            most: Bytes that the request may have; what it has not is to be given back by `Hold.shrink`.

        Raises:
            ApiError: RESOURCE_EXHAUSTED where there is no room; says when to try again.
        """
        budget = self._small if most <= _SMALL_BYTES else self._large
        with self._place(method, caller):
            async with budget.hold(most) as hold:
                try:
                    yield hold
                finally:
                    if hold.amount > _TRIMMED_BYTES:
                        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, give_back_memory))

    def check_size(self, size: int) -> None:
        """Refuses a request that is larger than its key may send.

        Raises:
            ApiError: RESOURCE_EXHAUSTED.
        """
        key = identity().key
        most = self._keys.quotas(key).request_bytes
        if most is not None and size > most:
            raise resource_exhausted(
                f"the key {key!r} may send {most:,} bytes in a request, but {size:,} came; send it in parts"
            )

    async def while_let_in(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What work of a call gives that may go on for long: it ends where the caller's key is revoked.

        Raises:
            ApiError: UNAUTHENTICATED: it was.
        """
        key = identity().key
        return await (self._keys.while_let_in(key, work) if key else work)

    @contextlib.contextmanager
    def _place(self, method: str, caller: str) -> Iterator[None]:
        """A place among the calls that wait, for those that do."""
        if not method.rpartition(".")[2].startswith(_WAITING):
            yield
            return
        free = MAX_WAITING - self._waiting.total()
        key = identity().key
        most = self._keys.quotas(key).streams
        if most is not None and self._waiting[caller] >= most:
            raise resource_exhausted(
                f"the key {key!r} may have {most:,} calls that wait, and has as many; end some, or try again in "
                f"{_RETRY_SECONDS:g} s",
                _RETRY_SECONDS,
            )
        # As many as are left for others: one caller alone gets half of them, two get a third each.
        if self._waiting[caller] >= free:
            raise resource_exhausted(
                f"{self._waiting[caller]:,} calls of this client wait already, and {free:,} places are left for all; "
                f"end some, or try again in {_RETRY_SECONDS:g} s",
                _RETRY_SECONDS,
            )
        self._waiting[caller] += 1
        try:
            yield
        finally:
            self._waiting[caller] -= 1
            if not self._waiting[caller]:
                del self._waiting[caller]
