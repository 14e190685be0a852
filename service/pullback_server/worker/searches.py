"""Worker of searches: makes, tells and asks their optimizers. NumPy only: it needs no device and no torch."""

from __future__ import annotations

from multiprocessing.connection import Connection

from pullback_server.processes.pulse import Pulse
from pullback_server.protocol.calls import BeginSearch, Evolve
from pullback_server.protocol.messages import Ready, ToWorker
from pullback_server.watching.spans import Tracing
from pullback_server.worker.loop import Loop
from pullback_server.worker.search_calls import begin_search, evolve


def run(connection: Connection, pulse: Pulse, tracing: Tracing) -> None:
    """Entry point of the process; returns never but ends with the server's end of the pipe."""
    SearchesWorker(connection, pulse, tracing).serve(Ready("cpu", ("cpu",), "cpu"))


class SearchesWorker(Loop):
    """Answers the calls of searches, one after the other."""

    def _handle(self, message: ToWorker) -> None:
        match message:
            case BeginSearch():
                self._answer(message, begin_search(message))
            case Evolve():
                self._answer(message, evolve(message))
            case _:
                super()._handle(message)
