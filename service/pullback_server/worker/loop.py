"""Loop of a worker process: what comes over the pipe, and calls, answered a piece at a time. Needs no torch."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from multiprocessing.connection import Connection

from pullback_server.processes.pulse import Pulse
from pullback_server.protocol.calls import AbandonCall, Call, Taken, TracedCall
from pullback_server.protocol.messages import Exit, Ready, ToWorker
from pullback_server.watching.spans import Tracing
from pullback_server.worker.open_calls import Answers, OpenCalls
from pullback_server.worker.outbox import Outbox


class Loop:
    """A process that answers calls; what else it does, others add.

    Args:
        connection: The worker's end of the pipe.
        pulse: Tells the server of each piece of work.
        tracing: Where what it does is traced.
    """

    def __init__(self, connection: Connection, pulse: Pulse, tracing: Tracing) -> None:
        # Ctrl-C, or a service manager's SIGTERM, reaches the whole process group; the server alone decides when its
        # workers end, and they end with it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._connection = connection
        self._tracing = tracing
        # Of the call that is being handled.
        self._trace = ""
        self._pulse = pulse
        self._outbox = Outbox(connection)
        self._inbox: queue.SimpleQueue[ToWorker] = queue.SimpleQueue()
        self._calls = OpenCalls(self._outbox.send, self._outbox.unread)

    def serve(self, ready: Ready) -> None:
        """Says that it is ready, and works until the server is gone."""
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        self._outbox.send(ready)
        while True:
            self._read_inbox()
            if self._calls:
                self._before_calls()
                self._pulse.piece()
                self._calls.advance()
            self._advance_jobs()

    @property
    def _has_jobs(self) -> bool:
        """Whether there is something to do but calls."""
        return False

    def _before_calls(self) -> None:
        """Calls have their turn now."""

    def _advance_jobs(self) -> None:
        """Does a piece of what there is to do but calls."""

    def _answer(self, call: Call, answers: Answers) -> None:
        """Takes a call, to be answered a piece at a time."""
        name = type(call).__name__
        self._calls.add(call.call, self._tracing.around(f"worker {name}", self._trace, answers))

    def _handle(self, message: ToWorker) -> None:
        match message:
            case TracedCall(trace, call):
                self._trace = trace
                self._handle(call)
                self._trace = ""
            case AbandonCall(call):
                self._calls.abandon(call)
            case Taken(call, size):
                self._outbox.unread.taken(call, size)

    def _listen(self) -> None:
        """Moves messages from the pipe to the inbox; ends the process when the server says so, or is gone."""
        try:
            while not isinstance(message := self._connection.recv(), Exit):
                self._inbox.put(message)
        except (EOFError, OSError):
            pass
        self._tracing.close()
        # Whatever the main thread computes, nobody will hear of it.
        os._exit(0)

    def _read_inbox(self) -> None:
        """Handles what has come; waits for something where there is nothing to do."""
        if not self._has_jobs and not self._calls:
            self._pulse.waiting()
            self._handle(self._inbox.get())
        with contextlib.suppress(queue.Empty):
            while True:
                self._handle(self._inbox.get_nowait())
