"""Outbox to the server: messages that are sent at once, and those that are made beside other work first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection

from pullback_server.protocol.calls import Framed, Rendered
from pullback_server.protocol.messages import FromWorker
from pullback_server.worker.unread import Unread


class Outbox:
    """The worker's end of the pipe, for two threads: the one that computes, and one that encodes what was computed.

    Args:
        connection: The pipe.

    Attributes:
        unread: What of the calls' answers nobody has read yet.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.unread = Unread()
        self._lock = threading.Lock()
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="encoder")

    def send(self, message: FromWorker) -> None:
        """Sends a message now."""
        if isinstance(message, Rendered | Framed):
            self.unread.sent(message.call, len(message.data))
        with self._lock:
            self._connection.send(message)

    def send_made(self, make: Callable[[], FromWorker]) -> Future[None]:
        """Has a message made in the other thread, and sent from there: after those that were asked for before it.

        Returns:
            Ends when it was sent, or with what was raised; can be cancelled as long as it has not begun.
        """
        return self._beside.submit(lambda: self.send(make()))
