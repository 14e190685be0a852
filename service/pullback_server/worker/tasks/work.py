"""Work that was done for a job: counted, and told to the server about once a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from pullback_server.protocol.messages import FromWorker, Worked
from pullback_server.watching.spans import Tracing

TOLD_SECONDS = 1.0


class Work:
    """What is done for one job.

    Args:
        job: The job's id.
        trace: `traceparent` of what is done for it.
        send: Sends it to the server.
        tracing: Where it is traced.
    """

    def __init__(self, job: str, trace: str, send: Callable[[FromWorker], None], tracing: Tracing) -> None:
        self._job = job
        self._trace = trace
        self._send = send
        self._tracing = tracing
        self._seconds = 0.0
        self._ended = False
        self._steps: list[float] = []
        self._evaluations = self._told = 0
        self._began, self._began_ns = time.monotonic(), time.time_ns()

    def begin(self, evaluations: int) -> None:
        """The task is there; what was evaluated before this process took it is not counted."""
        self._evaluations = self._told = evaluations
        self._seconds = 0.0

    def stepped(self, evaluations: int) -> None:
        """A step is complete as soon as its last piece is accounted for; so many were evaluated so far."""
        self._ended = True
        self._evaluations = evaluations

    def spend(self, seconds: float) -> None:
        """A piece of a step was computed for so long."""
        self._seconds += seconds
        if self._ended:
            self._steps.append(self._seconds)
            self._seconds, self._ended = 0.0, False
            if time.monotonic() - self._began >= TOLD_SECONDS:
                self.tell()

    def tell(self) -> None:
        """Tells what was done since the last time, if anything was."""
        evaluations, steps = self._evaluations - self._told, tuple(self._steps)
        if steps or evaluations:
            self._send(Worked(self._job, steps, evaluations))
            if self._trace:
                span = self._tracing.begin("worker steps", parent=self._trace, began=self._began_ns)
                span.end({"pullback.steps": len(steps), "pullback.evaluations": evaluations})
        self._told = self._evaluations
        self._steps.clear()
        self._began, self._began_ns = time.monotonic(), time.time_ns()
