"""Bounded calls: answered in time, whatever they wait for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pullback_server.access.identity import identity
from pullback_server.errors import unavailable
from pullback_server.http.errors import RETRY_MS

# MATLAB's webread gives up after 5 s.
ANSWER_SECONDS = 3.8
# How long an answer is kept for a caller that was told to come again.
KEPT_SECONDS = 10.0

_T = TypeVar("_T")
_Key = tuple[str, str, bytes]


class BoundedCalls:
    """Answers every call within `seconds`: with its answer, or with UNAVAILABLE and when to ask again.

    A call that was answered so goes on, and so does one whose caller has gone, unless it only reads. The same request
    again takes up what the first one began, once: nothing is begun twice, and two callers that say the same never share
    an answer.

    What the methods make of it:

    - Ask leases trials once, even without a `request_id`: the repeat gets the very trials. Tell writes once, by its
      trial ids. CreateSession, Invert, ComputeEigenbasis, AnalyzeMetric and DiscoverDirections make one session or
      job, even without a `request_id`; with one, also where the repeat comes later than `KEPT_SECONDS`.
    - ReclaimTrials takes once, also where its repeat comes later with a `request_id`.
    - Pause, Resume, Close, Cancel, Delete, ImportDirections and AnnotateDirection do the same however often they are
      begun.
    - Get, List, Wait and SampleLatents change nothing.
    """

    def __init__(self, seconds: float = ANSWER_SECONDS, kept_seconds: float = KEPT_SECONDS) -> None:
        self._seconds = seconds
        self._kept_seconds = kept_seconds
        self._left: defaultdict[_Key, list[asyncio.Task[Any]]] = defaultdict(list)

    async def call(
        self, method: str, request: bytes, begin: Callable[[], Coroutine[Any, Any, _T]], *, reading: bool = False
    ) -> _T:
        """The call's answer, or what it raises.

        Args:
            method: Full name of the method.
            request: The request, serialised: what is equal is the same request.
            begin: Begins the call.
            reading: Whether the call only reads: nobody needs its answer when its caller has gone.

        Raises:
            ApiError: UNAVAILABLE where it takes longer.
        """
        key = (identity().key, method, request)
        task: asyncio.Task[_T] = self._take_up(key) or asyncio.create_task(begin())
        try:
            done, _ = await asyncio.wait({task}, timeout=self._seconds)
        except asyncio.CancelledError:
            if reading:
                task.cancel()
            else:
                self._leave(key, task)
            raise
        if not done:
            self._leave(key, task)
            raise unavailable(
                f"not ready, retry in {RETRY_MS} ms: the same request again takes up what this one has begun"
            )
        return task.result()

    def close(self) -> None:
        """Gives up what nobody has come for."""
        for tasks in self._left.values():
            for task in tasks:
                task.cancel()
        self._left.clear()

    def _take_up(self, key: _Key) -> asyncio.Task[Any] | None:
        tasks = self._left.get(key)
        if not tasks:
            return None
        task = tasks.pop(0)
        if not tasks:
            del self._left[key]
        return task

    def _leave(self, key: _Key, task: asyncio.Task[Any]) -> None:
        loop = asyncio.get_running_loop()
        self._left[key].append(task)
        task.add_done_callback(lambda _: loop.call_later(self._kept_seconds, self._drop, key, task))

    def _drop(self, key: _Key, task: asyncio.Task[Any]) -> None:
        # It may have been taken up meanwhile.
        if task in self._left.get(key, ()):
            self._left[key].remove(task)
            if not self._left[key]:
                del self._left[key]
        if not task.cancelled():
            task.exception()  # looked at, so that nobody is warned of it
