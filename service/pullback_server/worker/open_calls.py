"""The short calls that are being answered, and how they take turns with jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from pullback_server.protocol.calls import CallDone, CallFailed, CallMessage
from pullback_server.protocol.messages import FromWorker
from pullback_server.worker.failures import describe, end_if_lost
from pullback_server.worker.unread import Unread

# How long a call goes on before another one has its turn, or a job: an image is encoded in a thousandth of a second
# and must not wait for a piece of a job, which may take a second.
TURN_SECONDS = 0.2

# Answers a call: yields messages, and None where others may have their turn; the last one is `CallDone`.
Answers = Iterator[CallMessage | None]


class OpenCalls:
    """Calls that are not over.

    A call whose reader is slow pauses until that has read: nothing more is made for it, and it keeps nobody waiting.

    Args:
        send: Sends an answer.
        unread: Knows whose reader is slow.
        clock: Seconds that go by.
    """

    def __init__(
        self, send: Callable[[FromWorker], None], unread: Unread, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._send = send
        self._unread = unread
        self._clock = clock
        self._open: dict[int, Answers] = {}

    def __bool__(self) -> bool:
        """Whether a call can go on."""
        return not all(map(self._unread.full, self._open))

    def add(self, call: int, answers: Answers) -> None:
        """Takes a call; the first piece of its answer is made at the next turn."""
        self._unread.begin(call)
        self._open[call] = answers

    def abandon(self, call: int) -> None:
        """Forgets a call that is over, or for which nobody waits any more."""
        self._open.pop(call, None)
        self._unread.end(call)

    def advance(self) -> None:
        """Gives every call that can go on a turn."""
        for call in list(self._open):
            until = self._clock() + TURN_SECONDS
            while not self._unread.full(call) and self._advance(call) and self._clock() < until:
                pass

    def _advance(self, call: int) -> bool:
        """Does the next piece of a call; returns whether there is more of it."""
        try:
            answer = next(self._open[call])
        except Exception as error:
            end_if_lost(error, f"call {call}")
            answer = CallFailed(call, describe(error, f"call {call}"))
        if answer is not None:
            self._send(answer)
        over = isinstance(answer, CallDone | CallFailed)
        if over:
            self.abandon(call)
        return not over
