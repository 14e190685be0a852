"""The short calls that are being answered, and how they take turns with jobs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from pullback_server.worker.failures import describe
from pullback_server.worker.messages import CallDone, CallFailed, CallMessage, FromWorker

# How long a call goes on before another one has its turn, or a job: an image is encoded in a thousandth of a second
# and must not wait for a piece of a job, which may take a second.
TURN_SECONDS = 0.2

_log = logging.getLogger(__name__)
# Answers a call: yields messages, and None where others may have their turn; the last one is `CallDone`.
Answers = Iterator[CallMessage | None]


class OpenCalls:
    """Calls that are not over.

    Args:
        send: Sends an answer.
        clock: Seconds that go by.
    """

    def __init__(self, send: Callable[[FromWorker], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._send = send
        self._clock = clock
        self._open: dict[int, Answers] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, call: int, answers: Answers) -> None:
        """Takes a call; the first piece of its answer is made at the next turn."""
        self._open[call] = answers

    def abandon(self, call: int) -> None:
        """Forgets a call for which nobody waits any more."""
        self._open.pop(call, None)

    def advance(self) -> None:
        """Gives every call a turn."""
        for call in list(self._open):
            until = self._clock() + TURN_SECONDS
            while self._advance(call) and self._clock() < until:
                pass

    def _advance(self, call: int) -> bool:
        """Does the next piece of a call; returns whether there is more of it."""
        try:
            answer = next(self._open[call])
        except Exception as error:
            _log.warning("call %d failed", call, exc_info=True)
            answer = CallFailed(call, describe(error))
        if answer is not None:
            self._send(answer)
        over = isinstance(answer, CallDone | CallFailed)
        if over:
            del self._open[call]
        return not over
